"""Asking every verifier for its alarms, and the hub for those of insurers (docs/protocol.md section 9, step 9.14)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from paravent.access.peer_client import PeerClient
from paravent.breach.alarms import Source, read_alarm, sources
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
        asked = (self._fetch(source, known.get(source.name, 0)) for source in sources(self._directory))
        return list(await asyncio.gather(*asked))

    async def _fetch(self, source: Source, after: int) -> Fetched:
        found: list[tuple[Signed, Alarm]] = []
        try:
            while page := await self._page(source, after):
                for signed in page:
                    alarm = read_alarm(signed, source)
                    if alarm.number != after + 1:
                        raise ProofFailure("its alarms are not numbered one after the other", culprit=source.name)
                    after = alarm.number
                    found.append((signed, alarm))
        except ParaventError as error:
            return Fetched(verifier=source.name, alarms=tuple(found), error=error)
        return Fetched(verifier=source.name, alarms=tuple(found))

    async def _page(self, source: Source, after: int) -> list[Signed]:
        asked = AlarmsRequest(after=after, insurer=source.insurer)
        answer = await self._client.post(source.at, ALARMS_PATH, asked, AlarmsAnswer)
        return [kept.signed for kept in answer.alarms]
