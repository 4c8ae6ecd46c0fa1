"""Asking every verifier for its alarms, and the hub for those of insurers (docs/protocol.md section 9, step 9.14)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from paravent.access.peer_client import PeerClient
from paravent.breach.alarms import Source, read_alarm, sources
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import ParaventError, ProofFailure
from paravent.wire.alarm import ALARMS_PATH, Alarm, AlarmsAnswer, AlarmsRequest
from paravent.wire.statements import Directory, Signed

Told = Mapping[int, Collection[bytes]]
"""The alarms taken of one verifier, by number: the hash of each, several where its database was put back."""


def digest_of(signed: Signed) -> bytes:
    """Names an alarm by what was signed, 32 bytes."""
    return hashlib.sha256(signed.payload).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of one verifier: its new alarms, each verified, and the error that ended the reading, if any."""

    verifier: str
    alarms: tuple[tuple[Signed, Alarm], ...]
    error: ParaventError | None = None


class AlarmClient:
    """Asks every verifier of a directory; one that fails stops none of the others."""

    def __init__(self, directory: Directory, key: SigningKey, rng: Rng) -> None:
        """Signs with the key of the breach desk."""
        self._directory = directory
        self._client = PeerClient(key, rng)

    async def fetch(self, known: Mapping[str, Told]) -> list[Fetched]:
        """Reads the alarms that are new; a verifier that skips a number, repeats one or told others before is named."""
        asked = (self._fetch(source, known.get(source.name, {})) for source in sources(self._directory))
        return list(await asyncio.gather(*asked))

    async def _fetch(self, source: Source, told: Told) -> Fetched:
        latest = max(told, default=0)
        found: list[tuple[Signed, Alarm]] = []
        error: ParaventError | None = None
        try:
            # From the last one known on: a database that was put back numbers again what it raises now, and would
            # be asked for what comes after for ever, while its alarms stand before.
            await self._read(source, max(0, latest - 1), found)
            if latest and (not found or digest_of(found[0][0]) not in told[latest]):
                put_back = "its alarms are not those that it told: its database was put back"
                error = ProofFailure(put_back, culprit=source.name)
                found.clear()
                await self._read(source, 0, found)
        except ParaventError as fault:
            error = fault
        new = ((signed, alarm) for signed, alarm in found if digest_of(signed) not in told.get(alarm.number, ()))
        return Fetched(verifier=source.name, alarms=tuple(new), error=error)

    async def _read(self, source: Source, after: int, found: list[tuple[Signed, Alarm]]) -> None:
        """Reads every alarm after a number; what was read before a fault is kept."""
        while page := await self._page(source, after):
            for signed in page:
                alarm = read_alarm(signed, source)
                if alarm.number != after + 1:
                    raise ProofFailure("its alarms are not numbered one after the other", culprit=source.name)
                after = alarm.number
                found.append((signed, alarm))

    async def _page(self, source: Source, after: int) -> list[Signed]:
        asked = AlarmsRequest(after=after, insurer=source.insurer)
        answer = await self._client.post(source.at, ALARMS_PATH, asked, AlarmsAnswer)
        return [kept.signed for kept in answer.alarms]
