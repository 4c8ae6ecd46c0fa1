"""Fetching what others remember and keep of one's own log (docs/protocol.md section 12)."""

from __future__ import annotations

from paravent.access.log_watch_client import visited
from paravent.access.peer_client import PeerClient
from paravent.errors import ProofFailure
from paravent.keyserver.restoring import keeper_of
from paravent.wire.log import CopyAnswer, LeavesRequest, SeenAnswer, Taken
from paravent.wire.statements import Directory, HubEntry, KeyServerEntry


class RestoringClient:
    """Asks the other key servers and the hub, as the server whose log went back."""

    def __init__(self, name: str, directory: Directory, client: PeerClient) -> None:
        """Asks in the name of a key server of the directory."""
        self._name = name
        self._directory = directory
        self._client = client

    async def memories(self) -> dict[str, SeenAnswer]:
        """Asks everybody what they cosigned; who does not answer is logged and left out."""
        answers: dict[str, SeenAnswer] = {}

        async def ask(party: KeyServerEntry | HubEntry) -> None:
            answers[party.name] = await self._client.post(party, "/v1/log/seen", Taken(), SeenAnswer)

        for party in self._directory.watchers():
            if party.name != self._name:
                await visited(party, ask)
        return answers

    async def copy(self, size: int) -> list[bytes]:
        """Fetches the first ``size`` entries from their keeper; raises Unreachable, or ProofFailure naming it."""
        keeper, entries = keeper_of(self._name, self._directory), list[bytes]()
        while len(entries) < size:
            asked = LeavesRequest(start=len(entries), size=size)
            answer = await self._client.post(keeper, "/v1/log/copy", asked, CopyAnswer)
            if not answer.entries:
                raise ProofFailure(
                    f"its copy has {len(entries)} of the {size} leaves that were cosigned", culprit=keeper.name
                )
            entries += answer.entries
        return entries[:size]
