"""Asking every verifier for its alarms (docs/protocol.md section 9, step 9.14)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from paravent.access.peer_client import PeerClient
from paravent.breach.alarms import read_alarm
from paravent.breach.suspension import VerifierEntry, verifiers
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import ParaventError, ProofFailure
from paravent.wire.alarm import ALARMS_PATH, Alarm, AlarmsAnswer, AlarmsRequest
from paravent.wire.statements import Directory, Signed


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

    async def fetch(self, known: Mapping[str, int]) -> list[Fetched]:
        """Reads the alarms after the numbers known; a verifier that skips a number or repeats one is named."""
        asked = (self._fetch(entry, known.get(entry.name, 0)) for entry in verifiers(self._directory))
        return list(await asyncio.gather(*asked))

    async def _fetch(self, entry: VerifierEntry, after: int) -> Fetched:
        found: list[tuple[Signed, Alarm]] = []
        try:
            while page := await self._page(entry, after):
                for signed in page:
                    alarm = read_alarm(signed, entry)
                    if alarm.number != after + 1:
                        raise ProofFailure("its alarms are not numbered one after the other", culprit=entry.name)
                    after = alarm.number
                    found.append((signed, alarm))
        except ParaventError as error:
            return Fetched(verifier=entry.name, alarms=tuple(found), error=error)
        return Fetched(verifier=entry.name, alarms=tuple(found))

    async def _page(self, entry: VerifierEntry, after: int) -> list[Signed]:
        answer = await self._client.post(entry, ALARMS_PATH, AlarmsRequest(after=after), AlarmsAnswer)
        return [kept.signed for kept in answer.alarms]
