"""Publishing: deal to the servers, seal in parallel, upload to the hub, destroy opening keys (protocol.md 3 to 6)."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from paravent.access.client import SignedClient
from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import root_of_leaves
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.status import encode as encode_bits
from paravent.errors import InvalidConfiguration, InvalidMemberFile
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.deal_client import Dealing
from paravent.insurer.epoch_store import EPOCH_ROW
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Change, Line, Member
from paravent.insurer.portfolio_store import Changes
from paravent.insurer.runs_store import Runs, merged
from paravent.insurer.sealing import SealingKeys, decoy, decoys_needed, padding, removal
from paravent.insurer.sealing_client import LINES_PER_PART_MIN, Part, ToSeal, lines_per_part, seal_parts
from paravent.insurer.store import Store
from paravent.optics.guarantee import GuaranteeTables
from paravent.wire.publication import (
    RECORDS_PER_CHUNK_MAX,
    OpenedPublication,
    Publication,
    PublicationState,
)
from paravent.wire.statements import (
    OPENABLE_SECONDS,
    Directory,
    EpochFile,
    ManifestHead,
    Signed,
    StatusList,
    sign_statement,
)

Progress = Callable[[int, int], None]
"""Called with (done, total) while sealing."""

Sealer = Callable[[SealingKeys, Iterable[Part]], Iterable[int]]
"""Seals each part into its file; gives how many lines each had, as it is done."""

# A check that had begun when rows were replaced has so long to end.
BATCH_OPENABLE_SECONDS = 300


ROWS_PER_TRANSACTION = 5_000
BATCHES_LIVE_MAX = 60
"""After so many publications of changes everybody is sealed anew: each live batch is keys at every server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did: persons and rows differ by second handles and decoys; ``sealed`` lines were new."""

    epoch: int
    batch: int
    persons: int
    handles: int
    rows: int
    sealed: int
    changes: Changes
    complete: bool
    revoked: int
    receipts: int
    seconds: float

    @property
    def seconds_per_million_persons(self) -> float:
        """Extrapolates the time it took, dealing and uploading included."""
        return self.seconds / max(self.persons, 1) * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """A head as it was signed, and what it takes the place of."""

    publication: Publication
    counter: int
    count: int


class Publisher:
    """One insurer publishing to one hub and its key servers."""

    def __init__(
        self, config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient,
        sealer: Sealer | None = None,
    ) -> None:  # fmt: skip
        """Publishes with the insurer's own keys; ``sealer`` seals parts, processes of this machine when it is None."""
        self._sealer = sealer
        self._config = config
        self._keys = keys
        self._directory = directory
        self._store = store
        self._client = client
        self._dealing = Dealing(config, keys, directory, store, client)

    async def publish(
        self, file: MemberFile, folder: Path, progress: Progress, *, following: bool = False, complete: bool = False
    ) -> Published:
        """Publishes a staged file: what it changes, as a new batch beside the live ones, padded with decoys.

        Everybody is sealed anew when ``complete`` is asked, in the ``following`` epoch, or when what is live is not
        known here; what was live before then ends. Raises InvalidMemberFile for a delta that nothing is live for.
        """
        started = time.perf_counter()
        portfolio = self._store.portfolio
        drawn = await self._dealing.epoch(following=following)
        number = drawn.file.epoch
        base = None if complete or following else self._base(number)
        if file.delta and base is None:
            raise InvalidMemberFile("a delta needs a live publication to change: publish the complete file")
        changes = portfolio.changes(delta=file.delta)
        batch = await self._dealing.batch(drawn.file)
        keys = SealingKeys(
            insurer=self._config.amc, epoch=number, batch=batch.file.batch, issuer_key=self._keys.issuer,
            lookup_key=drawn.lookup_key, opening_keys=batch.keys,
        )  # fmt: skip
        with Runs(folder, self._purpose(file, number, base)) as runs:
            total, kept = self._take_up(number, runs, everybody=base is None)
            known = set() if base is None else set(portfolio.ending_handles(number))
            self._seal(keys, file, (kept, total), runs, progress)
            changed = self._keep_handles(number, runs)
            self._pad(keys, runs, known, added=total - changed, changed=changed, base=base)
            head = await self._head(drawn.file, batch.file.batch, runs, base)
            portfolio.forget_live_counter(number)
            await self._upload(head.publication, runs)
            now = int(time.time())
            revoked = portfolio.went_live(number, head.counter, runs.rows(), everybody=base is None, now=now)
        # The opening keys exist at the servers only from here on: they were never written to this disk.
        await self._close_former(number, min(self._live_batches(number)))
        receipts = self._store.epochs.announced(number)[batch.file.batch].receipts
        return Published(
            epoch=number, batch=batch.file.batch, persons=changes.persons, handles=portfolio.live_handles(number),
            rows=head.count, sealed=total - kept - portfolio.marked_traps(), changes=changes, complete=base is None,
            revoked=revoked, receipts=len(receipts), seconds=time.perf_counter() - started,
        )  # fmt: skip

    def _base(self, epoch: int) -> int | None:
        """Returns the counter of the live manifest that changes can be published against, or None."""
        counter = self._store.portfolio.live_counter(epoch)
        return None if counter is None or len(self._live_batches(epoch)) >= BATCHES_LIVE_MAX else counter

    def _live_batches(self, epoch: int) -> list[int]:
        return self._store.portfolio.live_batches(epoch)

    def _purpose(self, file: MemberFile, epoch: int, base: int | None) -> bytes:
        """Names what is being published: rows sealed for it are taken up again only when all of this is the same."""
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        issuer = self._keys.issuer.public.hex()
        return f"{digest} {file.path.suffix} {file.delta} {epoch} {base} {issuer} {file.traps.digest()}".encode()

    def _take_up(self, epoch: int, runs: Runs, *, everybody: bool) -> tuple[int, int]:
        """Marks the lines to seal, but for those that a publication broken off has sealed already.

        Returns how many there are in all, and how many of them are sealed. The opening keys of that publication are
        gone; the servers hold them, so that its rows stay in their batch and the others go into the new one.
        """
        portfolio = self._store.portfolio
        total = portfolio.mark(epoch, everybody=everybody)
        kept = sum(1 for _ in runs.lines())
        if portfolio.unmark(runs.lines()) != kept:
            # Somebody of them switched the number lane off meanwhile, or a part was altered.
            runs.clear()
            return portfolio.mark(epoch, everybody=everybody), 0
        return total, kept

    def _seal(
        self, keys: SealingKeys, file: MemberFile, count: tuple[int, int], runs: Runs, progress: Progress
    ) -> None:  # fmt: skip
        """Seals the marked lines of the file into parts; ``count`` is how many are sealed already, and in all."""
        done, total = count
        size = lines_per_part(total, self._config.sealing_processes)
        parts = (
            Part(path=runs.part(number), lines=lines)
            for number, lines in enumerate(self._tasks(file, size), start=runs.next_number())
        )
        sealer = self._sealer or partial(seal_parts, processes=self._config.sealing_processes, total=total - done)
        for sealed in sealer(keys, parts):
            done += sealed
            progress(done, total)

    def _tasks(self, file: MemberFile, size: int) -> Iterator[list[ToSeal]]:
        """Reads the file again, and gives the marked lines with the numbers of their members."""
        coming = self._store.portfolio.coming()
        members = (line.member for line in file.lines() if isinstance(line, Line) and line.change is not Change.ENDED)
        waiting: list[tuple[bytes, Member]] = []
        while chunk := list(islice(members, LINES_PER_PART_MIN)):
            waiting += self._store.portfolio.marked(chunk).items()
            if len(waiting) >= size:
                yield self._numbered(waiting, coming)
                waiting = []
        if waiting:
            yield self._numbered(waiting, coming)

    def _keep_handles(self, epoch: int, runs: Runs) -> int:
        """Keeps whose each handle is, before any of them is live; returns how many are live already."""
        rows, again = runs.rows(), 0
        traps, trap_lines = self._store.traps, self._store.portfolio.trap_lines()
        while chunk := list(islice(rows, ROWS_PER_TRANSACTION)):
            again += self._store.portfolio.live_among(epoch, [row.handle for row in chunk])
            self._store.portfolio.keep_handles(epoch, chunk)
            if traps is not None:
                traps.keep_handles(
                    epoch, [(row.handle, trap_lines[row.line]) for row in chunk if row.line in trap_lines]
                )
        return again

    def _numbered(self, lines: Sequence[tuple[bytes, Member]], coming: int) -> list[ToSeal]:
        names = [member.member_id for _, member in lines]
        self._store.register.readmit(names, os.urandom)
        numbers = self._store.register.rights(names, os.urandom, coming=coming)
        return [ToSeal(line=line, member=member, numbers=numbers[member.member_id]) for line, member in lines]

    def _pad(
        self, keys: SealingKeys, runs: Runs, removed: set[bytes], *, added: int, changed: int, base: int | None
    ) -> None:
        """Adds decoys, takes some away and renews some, so that no count and no handle tells who joined or left."""
        multiple = self._config.publication_multiple
        rows = [
            decoy(keys.insurer, keys.epoch, keys.batch, os.urandom) for _ in range(decoys_needed(added, multiple))
        ]  # fmt: skip
        if base is not None:
            rows += self._changed_padding(keys, removed, changed)
        runs.pad(rows)

    def _changed_padding(self, keys: SealingKeys, removed: set[bytes], changed: int) -> Iterator[Row]:
        """Takes handles away, and renews some of nobody."""
        multiple = self._config.publication_multiple
        standing = self._store.portfolio.decoys(keys.epoch)
        secrets.SystemRandom().shuffle(standing)
        leaving = standing[: padding(len(removed), multiple)]
        renewed = standing[len(leaving) :][: padding(changed, multiple)]
        for handle in (*removed, *leaving):
            yield removal(keys.insurer, keys.epoch, Handle(handle))
        for handle in renewed:
            yield decoy(keys.insurer, keys.epoch, keys.batch, os.urandom, Handle(handle))

    async def _close_former(self, epoch: int, batch: int) -> None:
        """Ends what the new rows replace: batches before the first live one, and the epochs before, in 48 hours."""
        now = int(time.time())
        if batch > 1 and not self._store.epochs.closed(epoch, batch - 1):
            ends_at = now + BATCH_OPENABLE_SECONDS
            self._dealing.close(epoch, batch - 1, ends_at=ends_at, deletes_at=ends_at)
        if epoch > 1 and not self._store.epochs.closed(epoch - 1):
            self._dealing.close(epoch - 1, None, ends_at=now, deletes_at=now + OPENABLE_SECONDS)
        await self._dealing.announce_closings()

    async def end_epoch(self, epoch: int) -> dict[str, int]:
        """Ends an epoch and every earlier one at once, at every server; returns how many notices wait, by party."""
        newest = self._store.epochs.newest()
        if not 0 < epoch <= newest:
            raise InvalidConfiguration(f"there is no epoch {epoch}: the newest is {newest}; nothing was ended")
        now = int(time.time())
        self._dealing.close(epoch, None, ends_at=now, deletes_at=now)
        return await self._dealing.announce_closings()

    async def publish_status_list(self) -> None:
        """Publishes the current status list."""
        revoked, bits = self._store.register.revoked()
        statuses = StatusList(
            insurer=self._config.amc, counter=self._store.next_counter("status-list"), issued_at=int(time.time()),
            bits=encode_bits(revoked, bits),
        )  # fmt: skip
        await self._hand_over(
            "status-list", sign_statement(statuses, Label.STATUS_LIST, self._config.amc, self._keys.issuer)
        )

    async def publish_blocked_cards(self) -> int:
        """Publishes the status list once more cards were blocked by their members; returns how many more."""
        blocked, said = self._store.register.cards_blocked()
        if blocked > said:
            await self.publish_status_list()
            self._store.register.keep_blocked_published(blocked)
        return blocked - said

    async def publish_guarantees(self, tables: GuaranteeTables) -> None:
        """Publishes the guarantee tables, already checked."""
        signed = sign_statement(tables, Label.GUARANTEES, self._config.amc, self._keys.issuer)
        await self._hand_over("guarantees", signed)
        self._store.keep_guarantees(signed)

    async def _hand_over(self, kind: str, signed: Signed) -> None:
        await self._client.post("hub", self._directory.hub.address, f"/v1/statements/{kind}", signed, PublicationState)

    # --- upload ------------------------------------------------------------------------------

    async def _head(self, epoch: EpochFile, batch: int, runs: Runs, base: int | None) -> _Head:
        """Signs the head of what will be live, and has it cosigned."""
        batches: set[int] = {batch}
        live = iter(()) if base is None else self._store.portfolio.live_rows(epoch.epoch)

        def leaves() -> Iterator[bytes]:
            for handle, digest, of in merged(live, runs.rows()):
                batches.add(of)
                yield manifest_leaf(Handle(handle), digest)

        root, count = root_of_leaves(leaves())
        head = ManifestHead(
            insurer=self._config.amc, epoch=epoch.epoch, counter=self._store.next_counter("manifest"), count=count,
            root=root, issued_at=int(time.time()), live_batches=tuple(sorted(batches)),
        )  # fmt: skip
        signed = sign_statement(head, Label.MANIFEST_HEAD, self._config.amc, self._keys.issuer)
        announced = self._store.epochs.announced(epoch.epoch)
        publication = Publication(
            insurer=self._config.amc, epoch=announced[EPOCH_ROW], base=base,
            batches=tuple(announced[number] for number in head.live_batches),
            head=await self._dealing.cosigned_head(signed, epoch),
        )  # fmt: skip
        return _Head(publication=publication, counter=head.counter, count=count)

    async def _upload(self, publication: Publication, runs: Runs) -> None:
        hub, address = "hub", self._directory.hub.address
        opened = await self._client.post(hub, address, "/v1/publications", publication, OpenedPublication)
        rows, first = runs.rows(), 0
        while chunk := list(islice(rows, RECORDS_PER_CHUNK_MAX)):
            path = f"/v1/publications/{opened.number}/rows/{first}"
            body = b"".join(row.record for row in chunk)
            await self._client.post(hub, address, path, body, PublicationState)
            first += len(chunk)
        await self._client.post(hub, address, f"/v1/publications/{opened.number}/live", b"", PublicationState)
