"""Sending a measure of the breach desk to every verifier at once (docs/protocol.md section 9)."""

from __future__ import annotations

import asyncio

from paravent.access.peer_client import PeerClient
from paravent.breach.suspension import Outcome, VerifierEntry, read_report, verifiers
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import ParaventError
from paravent.wire.statements import Directory, Signed
from paravent.wire.suspension import SUSPENSIONS_PATH, SuspensionRequest


class SuspensionClient:
    """Asks every verifier of a directory; one that fails stops none of the others."""

    def __init__(self, directory: Directory, key: SigningKey, rng: Rng) -> None:
        """Signs with the key of the breach desk."""
        self._directory = directory
        self._client = PeerClient(key, rng)

    async def ask(self, asked: SuspensionRequest) -> list[Outcome]:
        """Sends a measure; returns what came of it at each verifier, in the order of the directory."""
        return list(await asyncio.gather(*(self._ask(entry, asked) for entry in verifiers(self._directory))))

    async def _ask(self, entry: VerifierEntry, asked: SuspensionRequest) -> Outcome:
        try:
            signed, sent = await self._client.ask(entry, SUSPENSIONS_PATH, asked, Signed)
            return Outcome(verifier=entry.name, report=read_report(signed, entry, sent), evidence=signed)
        except ParaventError as error:
            return Outcome(verifier=entry.name, report=None, error=error)
