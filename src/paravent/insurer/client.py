"""Publishing: deal to the servers, seal in parallel, upload to the hub, destroy opening keys (protocol.md 3 to 6)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from paravent.access.client import SignedClient
from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import build_levels, root_of
from paravent.crypto.sealing import Row
from paravent.crypto.status import encode as encode_bits
from paravent.errors import InvalidConfiguration
from paravent.insurer.claims import Reviewer
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.deal_client import Dealing
from paravent.insurer.members import Member, entries, right_of
from paravent.insurer.sealing import SealingKeys, decoy, decoys_needed, seal
from paravent.insurer.store import EPOCH_ROW, RightNumbers, Store
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.store import shipped_rules
from paravent.wire.claims import PullAnswer, PullRequest
from paravent.wire.publication import (
    RECORDS_PER_CHUNK_MAX,
    OpenedPublication,
    Publication,
    PublicationState,
    to_record,
)
from paravent.wire.statements import (
    OPENABLE_SECONDS,
    Directory,
    EpochFile,
    ManifestHead,
    Signed,
    StatusList,
    open_statement,
    sign_statement,
)

Progress = Callable[[int, int], None]
"""Called with (done, total) while sealing."""

PULL_BYTES_MAX = 1_048_576
# A check that had begun when rows were replaced has so long to end.
BATCH_OPENABLE_SECONDS = 300
_SEALING_CHUNK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did: persons and rows differ by second handles and decoys."""

    epoch: int
    batch: int
    persons: int
    handles: int
    rows: int
    receipts: int
    seconds: float

    @property
    def seconds_per_million_persons(self) -> float:
        """Extrapolates the time it took, dealing and uploading included."""
        return self.seconds / max(self.persons, 1) * 1_000_000


class Publisher:
    """One insurer publishing to one hub and its key servers."""

    def __init__(
        self, config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
    ) -> None:
        """Publishes with the insurer's own keys."""
        self._config = config
        self._keys = keys
        self._directory = directory
        self._store = store
        self._client = client
        self._dealing = Dealing(config, keys, directory, store, client)

    async def publish(self, members: Sequence[Member], progress: Progress, *, following: bool = False) -> Published:
        """Publishes the whole portfolio as a new batch: every person once, decoys up to the published multiple.

        ``following`` publishes it in the next epoch. What was live before ends once the new rows are.
        """
        started = time.perf_counter()
        drawn = await self._dealing.epoch(following=following)
        epoch = drawn.file
        batch = await self._dealing.batch(epoch)
        number = batch.file.batch
        numbers = self._store.rights([member.member_id for member in members], os.urandom)
        keys = SealingKeys(
            insurer=self._config.amc, epoch=epoch.epoch, batch=number, issuer_key=self._keys.issuer,
            lookup_key=drawn.lookup_key, opening_keys=batch.keys,
        )  # fmt: skip
        sealed = seal_all(keys, members, numbers, self._config.sealing_processes, progress)
        self._store.keep_handles(epoch.epoch, ((row.handle, member) for row, member in sealed))
        rows = [row for row, _ in sealed]
        handles = len(rows)
        extra = decoys_needed(handles, self._config.publication_multiple)
        rows += [decoy(self._config.amc, epoch.epoch, number, os.urandom) for _ in range(extra)]
        rows.sort(key=lambda row: row.handle)
        await self._upload(epoch, number, rows)
        # The opening keys exist at the servers only from here on: they were never written to this disk.
        await self._close_former(epoch.epoch, number)
        receipts = self._store.announced(epoch.epoch)[number].receipts
        return Published(
            epoch=epoch.epoch, batch=number, persons=len({member.member_id for member in members}),
            handles=handles, rows=len(rows), receipts=len(receipts), seconds=time.perf_counter() - started,
        )  # fmt: skip

    async def _close_former(self, epoch: int, batch: int) -> None:
        """Ends what the new rows replace: the batches before, a little later, and the epochs before, in 48 hours."""
        now = int(time.time())
        if batch > 1:
            ends_at = now + BATCH_OPENABLE_SECONDS
            self._dealing.close(epoch, batch - 1, ends_at=ends_at, deletes_at=ends_at)
        if epoch > 1 and not self._store.closed(epoch - 1):
            self._dealing.close(epoch - 1, None, ends_at=now, deletes_at=now + OPENABLE_SECONDS)
        await self._dealing.announce_closings()

    async def end_epoch(self, epoch: int) -> dict[str, int]:
        """Ends an epoch and every earlier one at once, at every server; returns how many notices wait, by party."""
        newest = self._store.newest_epoch()
        if not 0 < epoch <= newest:
            raise InvalidConfiguration(f"there is no epoch {epoch}: the newest is {newest}; nothing was ended")
        now = int(time.time())
        self._dealing.close(epoch, None, ends_at=now, deletes_at=now)
        return await self._dealing.announce_closings()

    async def publish_status_list(self) -> None:
        """Publishes the current status list."""
        revoked, bits = self._store.revoked()
        statuses = StatusList(
            insurer=self._config.amc, counter=self._store.next_counter("status-list"), issued_at=int(time.time()),
            bits=encode_bits(revoked, bits),
        )  # fmt: skip
        await self._hand_over(
            "status-list", sign_statement(statuses, Label.STATUS_LIST, self._config.amc, self._keys.issuer)
        )

    async def publish_guarantees(self, tables: GuaranteeTables) -> None:
        """Publishes the guarantee tables, already checked."""
        signed = sign_statement(tables, Label.GUARANTEES, self._config.amc, self._keys.issuer)
        await self._hand_over("guarantees", signed)
        self._store.keep_guarantees(signed)

    async def _hand_over(self, kind: str, signed: Signed) -> None:
        await self._client.post("hub", self._directory.hub.address, f"/v1/statements/{kind}", signed, PublicationState)

    # --- upload ------------------------------------------------------------------------------

    async def _upload(self, epoch: EpochFile, batch: int, rows: Sequence[Row]) -> None:
        levels = build_levels(manifest_leaf(row.handle, row.digest()) for row in rows)
        head = ManifestHead(
            insurer=self._config.amc, epoch=epoch.epoch, counter=self._store.next_counter("manifest"),
            count=len(rows), root=root_of(levels), issued_at=int(time.time()), live_batches=(batch,),
        )  # fmt: skip
        signed = sign_statement(head, Label.MANIFEST_HEAD, self._config.amc, self._keys.issuer)
        announced = self._store.announced(epoch.epoch)
        publication = Publication(
            insurer=self._config.amc, epoch=announced[EPOCH_ROW], batches=(announced[batch],),
            head=await self._dealing.cosigned_head(signed, epoch),
        )  # fmt: skip
        hub, address = "hub", self._directory.hub.address
        opened = await self._client.post(hub, address, "/v1/publications", publication, OpenedPublication)
        for first in range(0, len(rows), RECORDS_PER_CHUNK_MAX):
            chunk = b"".join(to_record(row) for row in rows[first : first + RECORDS_PER_CHUNK_MAX])
            path = f"/v1/publications/{opened.number}/rows/{first}"
            await self._client.post(hub, address, path, chunk, PublicationState)
        await self._client.post(hub, address, f"/v1/publications/{opened.number}/live", b"", PublicationState)


# --- sealing in parallel ---------------------------------------------------------------------

_worker_keys: SealingKeys | None = None


def seal_all(
    keys: SealingKeys, members: Sequence[Member], numbers: dict[str, RightNumbers], processes: int, progress: Progress
) -> list[tuple[Row, str]]:
    """Seals every handle of every member, in worker processes when there is enough to share."""
    chunks = [members[start : start + _SEALING_CHUNK] for start in range(0, len(members), _SEALING_CHUNK)]
    sealed: list[tuple[Row, str]] = []
    for done in _sealed_chunks(keys, chunks, numbers, processes):
        sealed += done
        progress(len(sealed), len(members))
    return sealed


def _sealed_chunks(
    keys: SealingKeys, chunks: list[Sequence[Member]], numbers: dict[str, RightNumbers], processes: int
) -> Iterator[list[tuple[Row, str]]]:
    if processes < 2 or len(chunks) < 2 * processes:
        for chunk in chunks:
            yield _seal_chunk(keys, chunk, numbers)
        return
    # Forked workers inherit the keys: secrets are never pickled nor sent through a pipe.
    context = get_context("fork")
    with ProcessPoolExecutor(processes, context, initializer=_set_worker_keys, initargs=(keys,)) as pool:
        yield from pool.map(partial(_seal_in_worker, numbers=numbers), chunks)


def _set_worker_keys(keys: SealingKeys) -> None:
    global _worker_keys  # noqa: PLW0603 - one assignment per forked worker, before its first task
    _worker_keys = keys


def _seal_in_worker(chunk: Sequence[Member], numbers: dict[str, RightNumbers]) -> list[tuple[Row, str]]:
    if _worker_keys is None:
        raise RuntimeError("a sealing worker has no keys")
    return _seal_chunk(_worker_keys, chunk, numbers)


def _seal_chunk(keys: SealingKeys, chunk: Sequence[Member], numbers: dict[str, RightNumbers]) -> list[tuple[Row, str]]:
    return [
        (seal(keys, identity, right_of(member, numbers[member.member_id]), os.urandom), member.member_id)
        for member in chunk
        for identity in entries(member)
    ]


async def pull_events(
    config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
) -> int:
    """Pulls every new event from the hub and reviews it; returns how many were new."""
    reviewer = _reviewer(config, keys, directory, store)
    reviewed = 0
    while True:
        answer = await client.post(
            directory.hub.name, directory.hub.address, "/v1/events", PullRequest(after=store.last_pulled()),
            PullAnswer, bytes_max=PULL_BYTES_MAX,
        )  # fmt: skip
        for event in answer.events:
            store.keep_claim(reviewer.review(event, int(time.time())))
            store.keep_pulled(event.number)
            reviewed += 1
        if not answer.events:
            return reviewed


def _reviewer(config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store) -> Reviewer:
    # What this insurer itself published, never what the hub says that it did.
    tables = open_statement(store.guarantees(), GuaranteeTables, Label.GUARANTEES, config.amc, keys.issuer.public)
    return Reviewer(
        amc=config.amc, keys=keys, directory=directory, tables=tables, rules=shipped_rules(), ledger=store
    )  # fmt: skip
