"""An insurer's words with its key servers: deals, cosignatures, ends (docs/protocol.md sections 3 and 6).

A deal is drawn once and sent again as it was until enough servers hold it; what it dealt ends by a notice
that is sent until every server has taken it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from paravent.access.client import SignedClient
from paravent.access.logs import log_event
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import EpochNotLive, ParaventError, ProofFailure, TooFewServers
from paravent.insurer import epoch as epochs
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.epoch import Dealer, DrawnBatch, DrawnEpoch, Recipient
from paravent.insurer.epoch_store import EPOCH_ROW
from paravent.insurer.store import Store
from paravent.wire.cosignatures import verify_cosignature
from paravent.wire.deal import DealBox
from paravent.wire.publication import PublicationState
from paravent.wire.receipts import verify_receipt
from paravent.wire.statements import (
    Announced,
    Closing,
    Cosignature,
    Cosigned,
    Directory,
    EpochFile,
    KeyServerEntry,
    Signed,
    cosigned,
    open_statement,
)

A = TypeVar("A")

DAY_SECONDS = 86_400


class Dealing:
    """One insurer and its key servers."""

    def __init__(
        self, config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
    ) -> None:
        """Deals with the insurer's issuer key."""
        self._config = config
        self._directory = directory
        self._store = store
        self._client = client
        self._dealer = Dealer(insurer=config.amc, issuer_key=keys.issuer)

    # --- epoch and batch ---------------------------------------------------------------------

    async def epoch(self, *, following: bool) -> DrawnEpoch:
        """Returns the epoch to publish in, the ``following`` one if asked, held by a quorum of servers.

        Raises EpochNotLive once the current one has ended, and TooFewServers: the same deal is then resent next time.
        """
        drawn = self._drawn(int(time.time()), following=following)
        number = drawn.file.epoch
        known = self._store.epochs.announced(number).get(EPOCH_ROW)
        receipts = () if known is None else known.receipts
        box = partial(epochs.epoch_box, self._dealer, drawn)
        receipts += await self._deal(drawn.file, drawn.signed, None, box, {receipt.signer for receipt in receipts})
        _require(drawn.file, receipts)
        self._store.epochs.keep_announced(number, EPOCH_ROW, Announced(statement=drawn.signed, receipts=receipts))
        return drawn

    def _drawn(self, now: int, *, following: bool) -> DrawnEpoch:
        number = self._store.epochs.newest()
        drawn = self._store.epochs.drawn(number)
        pending = EPOCH_ROW not in self._store.epochs.announced(number)
        if drawn is not None and drawn.file.not_after > now and (pending or not following):
            return drawn
        if not (pending or following):
            raise EpochNotLive(f"epoch {number} has ended: run paravent insurer rotate")
        dates = (now - now % DAY_SECONDS, now + self._config.epoch_days * DAY_SECONDS)
        number = self._store.next_counter("epoch")
        drawn = epochs.draw_epoch(
            self._dealer, number, self._directory.keyservers, self._config.threshold, dates, os.urandom
        )
        self._store.epochs.keep_drawn(drawn)
        return drawn

    async def batch(self, epoch: EpochFile) -> DrawnBatch:
        """Draws a batch that a quorum of servers holds; a number is used once, whatever becomes of the deal."""
        number = self._store.next_counter(f"batch-{epoch.epoch}")
        drawn = epochs.draw_batch(self._dealer, epoch, number, int(time.time()), os.urandom)
        receipts = await self._deal(epoch, drawn.signed, number, partial(epochs.batch_box, self._dealer, drawn), set())
        _require(epoch, receipts)
        self._store.epochs.keep_announced(epoch.epoch, number, Announced(statement=drawn.signed, receipts=receipts))
        return drawn

    async def _deal(
        self, epoch: EpochFile, statement: Signed, batch: int | None, box: Callable[[int, Recipient], DealBox],
        held: set[str],
    ) -> tuple[Signed, ...]:  # fmt: skip
        """Sends its box to every server that does not hold it yet; returns the receipts that verify."""
        path = "/v1/epochs" if batch is None else "/v1/batches"

        async def deal(server: KeyServerEntry) -> Signed:
            sealed = box(epoch.servers.index(server.name) + 1, await self._recipient(server))
            receipt = await self._client.post(server.name, server.address, path, sealed, Signed)
            verify_receipt(receipt, statement, epoch, batch, self._directory)
            return receipt

        async def ask(server: KeyServerEntry) -> Signed:
            try:
                return await deal(server)
            except ProofFailure:
                # Its box key may have changed between the two requests: once more with the new one.
                return await deal(server)

        return await self._each([name for name in epoch.servers if name not in held], ask)

    async def _recipient(self, server: KeyServerEntry) -> Recipient:
        signed = await self._client.get(server.name, f"{server.address}/v1/box-key", Signed)
        return epochs.recipient(signed, server, int(time.time()))

    # --- manifest head -----------------------------------------------------------------------

    async def cosigned_head(self, head: Signed, epoch: EpochFile) -> Cosigned:
        """Returns a manifest head with the cosignatures of a quorum; raises TooFewServers."""

        async def ask(server: KeyServerEntry) -> Cosignature:
            given = await self._client.post(server.name, server.address, "/v1/heads", head, Cosignature)
            key = VerifyKey(server.verify_key)
            return verify_cosignature(given, head, Label.MANIFEST_HEAD, server.name, key)

        cosignatures = await self._each(epoch.servers, ask)
        _require(epoch, cosignatures)
        return cosigned(head, cosignatures)

    # --- ends --------------------------------------------------------------------------------

    def close(self, epoch: int, batch: int | None, *, ends_at: int, deletes_at: int) -> None:
        """Signs and keeps the end of a batch, or of an epoch whose look-up key is deleted here at once."""
        notice = epochs.closing(self._dealer, epoch, batch, ends_at=ends_at, deletes_at=deletes_at)
        self._store.epochs.keep_closing(self._opened(notice), notice)
        if batch is None:
            self._store.epochs.delete_drawn(epoch)

    async def announce_closings(self) -> dict[str, int]:
        """Sends every server and the hub the notices that they have not taken; returns how many wait, by party."""
        await asyncio.gather(*(self._announce_to(server) for server in self._directory.keyservers), self._tell_hub())
        parties = [self._directory.hub.name, *(server.name for server in self._directory.keyservers)]
        waiting = {party: len(self._store.epochs.closings_for(party)) for party in parties}
        return {party: count for party, count in waiting.items() if count}

    async def end_due(self) -> int:
        """Deletes look-up keys of epochs that have reached their end, and sends again what was not taken."""
        deleted = self._store.epochs.delete_ended(int(time.time()))
        await self.announce_closings()
        return deleted

    async def _announce_to(self, server: KeyServerEntry) -> None:
        for notice in self._store.epochs.closings_for(server.name):
            try:
                given = await self._client.post(server.name, server.address, "/v1/closings", notice, Cosignature)
                verify_cosignature(given, notice, Label.CLOSING, server.name, VerifyKey(server.verify_key))
            except ParaventError as error:
                log_event("closing-not-taken", party=server.name, code=error.code)
                return
            self._store.epochs.keep_closing_taken(self._opened(notice), notice, server.name)

    async def _tell_hub(self) -> None:
        hub = self._directory.hub
        for notice in self._store.epochs.closings_for(hub.name):
            try:
                await self._client.post(hub.name, hub.address, "/v1/closings", notice, PublicationState)
            except ParaventError as error:
                log_event("closing-not-taken", party=hub.name, code=error.code)
                return
            self._store.epochs.keep_closing_taken(self._opened(notice), notice, hub.name)

    def _opened(self, notice: Signed) -> Closing:
        return open_statement(notice, Closing, Label.CLOSING, self._dealer.insurer, self._dealer.issuer_key.public)

    # --- asking ------------------------------------------------------------------------------

    async def _each(self, names: Sequence[str], ask: Callable[[KeyServerEntry], Awaitable[A]]) -> tuple[A, ...]:
        """Asks the servers named at once; one that fails, lies or has left the directory is left out."""
        entries = [entry for name in names if (entry := self._directory.keyserver(name)) is not None]
        answers = await asyncio.gather(*(ask(entry) for entry in entries), return_exceptions=True)
        good = []
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, ParaventError):
                log_event("server-left-out", party=entry.name, code=answer.code)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                good.append(answer)
        return tuple(good)


def _require(epoch: EpochFile, given: Sequence[object]) -> None:
    if len(given) < epoch.quorum():
        raise TooFewServers(f"{len(given)} of the {epoch.quorum()} key servers needed took part; try again later")
