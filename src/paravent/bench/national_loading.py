"""Loading one insurer into the hub, and looking rows up with their proofs: the hub's own functions and store."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from paravent.access.devices import Device
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import Authenticated
from paravent.bench.machine import peak_bytes
from paravent.bench.national import EPOCH
from paravent.crypto.sealing import Handle
from paravent.errors import ParaventError, TechnicalFailure
from paravent.hub import publication, rows
from paravent.hub.store import DATABASE, Store
from paravent.insurer.runs_store import Runs, SortedRow
from paravent.insurer.sealing_client import end_with_parent
from paravent.wire.codec import decode
from paravent.wire.publication import RECORDS_PER_CHUNK_MAX, Publication, from_records
from paravent.wire.statements import Directory, EpochBundle, ManifestHead

SAMPLE = 400
LOOKUPS, COLD_LOOKUPS = 1_000, 200
Sample = list[tuple[str, str]]
"""Rows to look up: insurer and handle, in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading took; ``seconds`` is 0 when a run that was killed had loaded it already."""

    rows: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTimes:
    """Medians in microseconds of a row with its proof: pages in memory, and read from the disk where they can be."""

    warm_us: float
    cold_us: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDatabase:
    """Where the hub's rows are: SQLite in a home, or the PostgreSQL database of a connection string."""

    home: Path
    url: DatabaseUrl | None = None

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return "sqlite" if self.url is None else "postgresql"

    def open(self) -> Store:
        """Opens it."""
        folder = self.home / "hub"
        folder.mkdir(exist_ok=True)
        database = None if self.url is None else PostgresqlConnection(self.url)
        return Store(folder, QuotaLimits(), os.urandom, database)

    def bytes(self) -> int:
        """Returns its size on disk, indices included."""
        if self.url is None:
            return sum(path.stat().st_size for path in (self.home / "hub").glob(f"{DATABASE}*"))
        with closing(PostgresqlConnection(self.url)) as connection:
            (size,) = connection.execute(
                "SELECT SUM(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = current_schema()::regnamespace"
            ).fetchone()
        return int(size)

    def forget_pages(self) -> bool:
        """Has the system forget the pages of the file, once they are all on disk; False for a server's own."""
        if self.url is not None:
            return False
        with closing(self.open()) as store:
            store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (self.home / "hub" / DATABASE).open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return True


def load_insurer(hub: HubDatabase, announced: Publication, directory: Directory, runs: Runs) -> Loaded:
    """Loads a publication in a process of its own, whose memory is the hub's alone."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_load_and_tell, args=(hub, announced, directory, runs, sender))
    process.start()
    sender.close()
    try:
        told: Loaded | str = receiver.recv()
    except EOFError:
        told = "its process ended"
    finally:
        process.join()
    if isinstance(told, str):
        raise TechnicalFailure(f"the hub of the benchmark did not load insurer {announced.insurer}: {told}")
    return told


def _load_and_tell(
    hub: HubDatabase, announced: Publication, directory: Directory, runs: Runs, sender: Connection
) -> None:
    end_with_parent()
    try:
        with closing(hub.open()) as store:
            sender.send(_timed(store, announced, directory, runs))
    except ParaventError as error:
        sender.send(f"[{error.code}] {error}")


def _timed(store: Store, announced: Publication, directory: Directory, runs: Runs) -> Loaded:
    """Loads an insurer, unless a run that was killed had loaded it."""
    count = decode(announced.head.payload, ManifestHead).count
    if store.newest(announced.insurer) is not None:
        return Loaded(rows=count, seconds=0.0, peak_bytes=peak_bytes())
    started = time.perf_counter()
    _load(store, announced, directory, runs)
    return Loaded(rows=count, seconds=time.perf_counter() - started, peak_bytes=peak_bytes())


def _load(store: Store, announced: Publication, directory: Directory, runs: Runs) -> None:
    """Does what the hub does from the announcement on."""
    entry = directory.insurer(announced.insurer)
    if entry is None:
        raise TechnicalFailure("the directory of the benchmark lacks an insurer")
    _, head = publication.verify_publication(announced, entry, directory, None)
    number = store.open_publication(
        EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head), head
    )
    first = 0
    for body in _chunks(runs.rows()):
        chunk = list(from_records(body, entry.amc, head.epoch))
        publication.check_batches(chunk, head)
        store.add_rows(number, first, chunk)
        first += len(chunk)
    levels = publication.build_tree(store.staged_digests(number, head), head)
    store.go_live(number, head, levels)


def _chunks(sorted_rows: Iterator[SortedRow]) -> Iterator[bytes]:
    while chunk := list(islice(sorted_rows, RECORDS_PER_CHUNK_MAX)):
        yield b"".join(row.record for row in chunk)


# --- looking up -----------------------------------------------------------------------------------


def look_up(hub: HubDatabase, sample: Sample, seed: int) -> LookupTimes:
    """Looks rows of the sample up: from the disk first, then each one twice, the second time being measured."""
    chosen = random.Random(seed).sample(sample, min(len(sample), LOOKUPS + COLD_LOOKUPS))
    cold_sample, warm_sample = chosen[:COLD_LOOKUPS], chosen[COLD_LOOKUPS:] or chosen
    forgotten = hub.forget_pages()
    with closing(hub.open()) as store:
        cold = [_microseconds(store, amc, handle) for amc, handle in cold_sample]
        for amc, handle in warm_sample:
            _microseconds(store, amc, handle)
        warm = [_microseconds(store, amc, handle) for amc, handle in warm_sample]
    return LookupTimes(
        warm_us=round(statistics.median(warm), 1), cold_us=round(statistics.median(cold), 1) if forgotten else None
    )


def _microseconds(store: Store, amc: str, handle: str) -> float:
    manifest = store.manifest(amc, EPOCH)
    if manifest is None:
        raise TechnicalFailure("the hub of the benchmark has lost a manifest")
    device = Device(public=bytes(32), professional="80000000001", shop="580000001")
    asked = rows.AdmittedFetch(
        device=device, caller=Authenticated(keyid="", nonce="", digest=b""), handle=Handle(bytes.fromhex(handle)),
        manifest=manifest,
    )  # fmt: skip
    started = time.perf_counter()
    found = rows.answer(asked, store)
    spent = (time.perf_counter() - started) * 1e6
    if found.row is None:
        raise TechnicalFailure("the hub of the benchmark has lost a row")
    return spent
