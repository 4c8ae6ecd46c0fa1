"""Handing an insurer's alarms to the hub, which keeps them for the breach desk (docs/protocol.md 9.15)."""

from __future__ import annotations

import time
from contextlib import suppress

from paravent.access.client import SignedClient
from paravent.access.logs import log_event
from paravent.crypto.signing import SigningKey
from paravent.errors import StaleData
from paravent.insurer.store import Store
from paravent.insurer.traps.watch import book, raise_alarms
from paravent.wire.alarm import ALARM_BOOK_PATH
from paravent.wire.publication import PublicationState
from paravent.wire.statements import HubEntry, Signed


class TrapWatch:
    """One insurer watching its traps; it remembers what the hub has already."""

    def __init__(self, amc: str, key: SigningKey, hub: HubEntry, store: Store, client: SignedClient) -> None:
        """Signs with the issuer key."""
        self._amc = amc
        self._key = key
        self._hub = hub
        self._store = store
        self._client = client
        self._carried = 0

    async def watch(self) -> int:
        """Raises the alarms of what was pulled, and hands over those that the hub may not have; returns how many new.

        A hub that was put back from a backup is given them again at the next start.
        """
        traps = self._store.traps
        if traps is None:
            return 0
        raised = raise_alarms(self._store.journal, traps, self._amc, self._key, int(time.time()))
        for alarm in raised:
            log_event("alarm-raised", party=self._amc, code=alarm.finding.sign.value, count=alarm.number)
        signed = book(traps, self._amc, self._key)
        if signed is not None and signed[0] > self._carried:
            await self._carry(*signed)
        return len(raised)

    async def _carry(self, count: int, signed: Signed) -> None:
        with suppress(StaleData):  # the hub has this book already
            await self._client.post(self._hub.name, self._hub.address, ALARM_BOOK_PATH, signed, PublicationState)
        self._carried = count
