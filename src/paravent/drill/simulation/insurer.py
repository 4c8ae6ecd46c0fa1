"""An insurer of a simulation: deals, seals, publishes, changes epoch, recomputes (docs/protocol.md 3 to 6, 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import build_levels, root_of
from paravent.crypto.sealing import Row
from paravent.drill.simulation.parties import SimulatedHub, SimulatedServer
from paravent.drill.simulation.upload import sealed, upload
from paravent.hub import publication
from paravent.insurer import epoch as epochs
from paravent.insurer.config import InsurerKeys
from paravent.insurer.epoch import Dealer, DrawnBatch, DrawnEpoch
from paravent.insurer.members import Member
from paravent.insurer.sealing import SealingKeys
from paravent.insurer.store import Store as InsurerStore
from paravent.keyserver import deal
from paravent.keyserver.state import KeyServerStore, ServerIdentity
from paravent.optics.guarantee import GuaranteeTables
from paravent.wire.codec import Message
from paravent.wire.deal import DealBox
from paravent.wire.publication import Publication
from paravent.wire.statements import (
    OPENABLE_SECONDS,
    Announced,
    Cosigned,
    Directory,
    InsurerEntry,
    ManifestHead,
    Signed,
    cosigned,
    sign_statement,
)

Taker = Callable[[DealBox, ServerIdentity, Directory, KeyServerStore], Signed]

DAY = 86_400


@dataclass(slots=True)
class SimulatedInsurer:
    """One insurer: its members, its store, what it dealt last."""

    entry: InsurerEntry
    keys: InsurerKeys
    store: InsurerStore
    members: Sequence[Member]
    tables: GuaranteeTables
    rng: Rng
    number: int = 0
    batch_number: int = 0
    counter: int = 0
    epoch: DrawnEpoch | None = None
    announced: dict[int, Announced] = field(default_factory=dict)

    @property
    def amc(self) -> str:
        """The AMC number."""
        return self.entry.amc

    def rotate(self, servers: Sequence[SimulatedServer], directory: Directory, threshold: int, now: int) -> None:
        """Deals a new epoch to the servers that are up; the rows of the former one stay where they are."""
        self.number, self.batch_number = self.number + 1, 0
        dates = (now - DAY, now + 300 * DAY)
        self.epoch = epochs.draw_epoch(
            self._dealer(), self.number, directory.keyservers, threshold, dates, self.rng
        )  # fmt: skip
        drawn = self.epoch
        boxes = [epochs.epoch_box(self._dealer(), drawn, server.index, server.recipient()) for server in servers]
        receipts = self._dealt(servers, directory, boxes, partial(deal.take_epoch, now=now))
        self.announced = {0: Announced(statement=drawn.signed, receipts=receipts)}

    def publish(
        self, servers: Sequence[SimulatedServer], hub: SimulatedHub, directory: Directory, now: int
    ) -> None:  # fmt: skip
        """Deals a batch, seals every member into it and makes it the live manifest of the hub."""
        drawn_epoch = self._epoch()
        self.batch_number += 1
        batch = epochs.draw_batch(self._dealer(), drawn_epoch.file, self.batch_number, now, self.rng)
        boxes = [epochs.batch_box(self._dealer(), batch, server.index, server.recipient()) for server in servers]
        receipts = self._dealt(servers, directory, boxes, deal.take_batch)
        self.announced[self.batch_number] = Announced(statement=batch.signed, receipts=receipts)
        rows = sealed(self._sealing_keys(batch, drawn_epoch), self.members, self.store, self.rng)
        self._upload(rows, servers, hub, directory, now)

    def end(
        self, epoch: int, servers: Sequence[SimulatedServer], hub: SimulatedHub, directory: Directory, now: int
    ) -> None:
        """Ends an epoch at the servers that are up and at the hub; it stays openable for 48 hours."""
        notice = epochs.closing(self._dealer(), epoch, None, ends_at=now, deletes_at=now + OPENABLE_SECONDS)
        for server in servers:
            if server.up:
                deal.take_closing(notice, server.identity, directory, server.store)
        closing = publication.verify_closing(notice, self.entry)
        hub.store.keep_closing(closing.insurer, closing.epoch, closing.deletes_at)

    # --- parts of a publication -----------------------------------------------------------------

    def _dealer(self) -> Dealer:
        return Dealer(insurer=self.amc, issuer_key=self.keys.issuer)

    def _epoch(self) -> DrawnEpoch:
        if self.epoch is None:
            raise RuntimeError("no epoch was dealt")
        return self.epoch

    def sign(self, statement: Message, label: Label) -> Signed:
        """Signs a statement with the issuer key."""
        return sign_statement(statement, label, self.amc, self.keys.issuer)

    def _dealt(
        self, servers: Sequence[SimulatedServer], directory: Directory, boxes: Iterable[DealBox], take: Taker
    ) -> tuple[Signed, ...]:
        return tuple(
            take(box, server.identity, directory, server.store)
            for server, box in zip(servers, boxes, strict=True) if server.up
        )  # fmt: skip

    def _sealing_keys(self, batch: DrawnBatch, epoch: DrawnEpoch) -> SealingKeys:
        return SealingKeys(
            insurer=self.amc, epoch=self.number, batch=self.batch_number, issuer_key=self.keys.issuer,
            lookup_key=epoch.lookup_key, opening_keys=batch.keys,
        )  # fmt: skip

    def _cosigned(self, head: Signed, servers: Sequence[SimulatedServer], directory: Directory, now: int) -> Cosigned:
        return cosigned(
            head, (deal.cosign_head(head, at.identity, directory, at.store, now) for at in servers if at.up)
        )

    def _upload(
        self, rows: Sequence[Row], servers: Sequence[SimulatedServer], hub: SimulatedHub, directory: Directory, now: int
    ) -> None:
        self.counter += 1
        head = ManifestHead(
            insurer=self.amc, epoch=self.number, counter=self.counter, count=len(rows),
            root=root_of(build_levels(manifest_leaf(row.handle, row.digest()) for row in rows)),
            issued_at=now, live_batches=(self.batch_number,),
        )  # fmt: skip
        announced = Publication(
            insurer=self.amc, epoch=self.announced[0], base=None, batches=(self.announced[self.batch_number],),
            head=self._cosigned(self.sign(head, Label.MANIFEST_HEAD), servers, directory, now),
        )  # fmt: skip
        upload(announced, rows, self.entry, hub, directory)
