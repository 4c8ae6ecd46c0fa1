"""Bulk sealing on a Dask cluster of loopback over TLS: several workers, of which one is killed in the middle.

Every line of every part is then counted in the files: none is missing, none is there twice, and the handles are those
that one machine computes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paravent.access.store import write_secret
from paravent.bench.engines import NotRun
from paravent.bench.measures import PERSONS, Measure, Sizes, asking
from paravent.bench.national_sealing import lines_of
from paravent.bench.served import wait_until_listening
from paravent.crypto import group, replicated
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure
from paravent.insurer.members import entries, right_of
from paravent.insurer.publication_client import Sealer
from paravent.insurer.runs_store import Runs
from paravent.insurer.sealing import SealingKeys, seal
from paravent.insurer.sealing_client import Part, ToSeal

WORKERS = 3
FULL_PERSONS, QUICK_PERSONS = 100_000, 6_000
_INSURER = "99000001"
_PARTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFigures:
    """Persons sealed by so many workers; lines lost and doubled, and handles that one machine computes otherwise."""

    persons: int
    lines: int
    parts: int
    workers: int
    killed: int
    seconds: float
    rows_per_second: int
    lost: int
    doubled: int
    other_handles: int


def measure(home: Path, persons: int) -> Iterator[BulkFigures | NotRun]:
    """Seals that many persons; without the extra ``bulk`` it says that it did not."""
    try:
        from paravent.insurer.bulk_client import Machines, seal_parts_on  # noqa: PLC0415 - the extra may be absent
    except ModuleNotFoundError as absent:
        yield NotRun(engine="dask", not_run=f"{absent.name} is absent: pip install 'paravent[bulk]'")
        return
    keys = SealingKeys(
        insurer=_INSURER, epoch=1, batch=1, issuer_key=SigningKey.generate(os.urandom),
        lookup_key=group.random_scalar(os.urandom), opening_keys=replicated.draw_opening_keys(2, 3, os.urandom),
    )  # fmt: skip
    (home / "bulk").mkdir(mode=0o700)
    worker = BoxKey.generate(os.urandom)
    write_secret(home / "worker.key", worker.reveal())
    (home / "bulk" / "workers.pub").write_bytes(worker.public)
    with machines(home, home / "worker.key", WORKERS) as (address, workers):
        found = Machines(scheduler=address, folder=home / "bulk")
        yield _sealed(home, keys, persons, partial(seal_parts_on, found, workers_min=WORKERS), workers)


@contextmanager
def machines(home: Path, worker_key: Path, count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Runs a scheduler and so many workers that hold a key; yields its address, and the workers.

    The certificates are written to the folder ``bulk`` of ``home``, where a publisher reads them.
    """
    with ExitStack() as stack:
        (port,) = free_ports(1)
        address = f"tls://127.0.0.1:{port}"
        _write_certificates(home / "bulk")
        stack.callback(_end, _scheduler(home, port))
        wait_until_listening(port)
        workers = [_worker(home, worker_key, address, number) for number in range(count)]
        for worker in workers:
            stack.callback(_end, worker)
        yield address, workers


def _sealed(
    home: Path, keys: SealingKeys, persons: int, sealer: Sealer, workers: Sequence[subprocess.Popen[bytes]]
) -> BulkFigures:  # fmt: skip
    with Runs(home / "staging", b"benchmark") as runs:
        size = -(-persons // _PARTS)
        parts = [
            Part(path=runs.part(number), lines=list(lines_of(_INSURER, range(first, min(first + size, persons)))))
            for number, first in enumerate(range(0, persons, size), start=1)
        ]
        wanted = Counter(line.line for part in parts for line in part.lines)
        started, killed = time.perf_counter(), 0
        for done, _ in enumerate(sealer(keys, parts), start=1):
            if done == len(parts) // 4:
                workers[0].kill()
                workers[0].wait()
                killed += 1
        seconds = time.perf_counter() - started
        found = Counter(runs.lines())
        handles = {row.handle for row in runs.rows()}
    return BulkFigures(
        persons=persons, lines=sum(wanted.values()), parts=len(parts), workers=len(workers), killed=killed,
        seconds=round(seconds, 1), rows_per_second=round(sum(wanted.values()) / seconds),
        lost=sum((wanted - found).values()), doubled=sum((found - wanted).values()),
        other_handles=sum(handle not in handles for handle in _handles(keys, parts[0].lines)),
    )  # fmt: skip


def _handles(keys: SealingKeys, lines: Sequence[ToSeal]) -> Iterator[bytes]:
    """Computes handles on this machine."""
    for one in lines:
        for identity in entries(one.member):
            yield seal(keys, identity, right_of(one.member, one.numbers), os.urandom).handle


def _write_certificates(folder: Path) -> None:
    """Writes the certificates of a cluster."""
    from distributed import Security  # noqa: PLC0415 - the extra may be absent

    drawn = Security.temporary()  # type: ignore[no-untyped-call]
    for name, text in (("ca", drawn.tls_ca_file), ("cert", drawn.tls_client_cert), ("key", drawn.tls_client_key)):
        write_secret(folder / f"{name}.pem", text.encode())


def _scheduler(home: Path, port: int) -> subprocess.Popen[bytes]:
    folder = home / "bulk"
    options = ["--host", "127.0.0.1", "--port", str(port), "--protocol", "tls", "--no-dashboard", "--no-show"]
    tls: list[str | Path] = [
        "--tls-ca-file",
        folder / "ca.pem",
        "--tls-cert",
        folder / "cert.pem",
        "--tls-key",
        folder / "key.pem",
    ]
    return _started(home, "scheduler", ["-m", "distributed.cli.dask_scheduler", *options, *tls])


def _worker(home: Path, key: Path, scheduler: str, number: int) -> subprocess.Popen[bytes]:
    place = home / f"worker-{number}"
    place.mkdir()
    return _started(home, place.name, [
        "-m", "paravent", "insurer", "sealing-worker", "--home", place, "--scheduler", scheduler, "--key",
        key, "--tls", home / "bulk",
    ])  # fmt: skip


def _started(home: Path, name: str, arguments: list[str | Path]) -> subprocess.Popen[bytes]:
    with (home / f"{name}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - own programs


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def _rows(folder: Path, sizes: Sizes) -> Iterator[BulkFigures | NotRun]:
    for row in measure(folder, sizes.of(PERSONS, QUICK_PERSONS if sizes.quick else FULL_PERSONS)):
        if isinstance(row, BulkFigures) and row.lost + row.doubled + row.other_handles:
            raise TechnicalFailure(f"bulk sealing is not sound: {row}")
        yield row


MEASURE = Measure(
    name="dask", rows=_rows, options=(PERSONS,),
    asked_by=asking("--dask", "Seal on a Dask cluster instead, one of its workers killed in the middle."),
)  # fmt: skip
