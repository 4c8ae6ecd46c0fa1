"""What every route of the hub works with, and whom it answers (docs/protocol.md sections 1.7 and 9)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.requests import Request

from paravent.access.app import read_signed
from paravent.access.group_commit import GroupCommit
from paravent.access.parties import authenticate_insurer
from paravent.access.requests import HttpRequest
from paravent.hub.acts import Adjudicator
from paravent.hub.insurer_acts import InsurerAdjudicator
from paravent.hub.returns import Returns
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store
from paravent.watch.judging import Detectors
from paravent.wire.codec import BODY_BYTES_MAX
from paravent.wire.statements import Cosigned, Directory, InsurerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A running hub."""

    identity: HubIdentity
    directory: Directory
    signed_directory: Cosigned
    store: Store
    commits: GroupCommit
    detectors: Detectors
    adjudicator: Adjudicator
    insurer_adjudicator: InsurerAdjudicator
    returns: Returns

    async def signed(self, request: Request, bytes_max: int = BODY_BYTES_MAX) -> HttpRequest:
        """Reads a signed request; whose it is, the caller finds out."""
        return await read_signed(request, self.identity.base_url, bytes_max)

    async def of_insurer(self, request: Request, bytes_max: int = BODY_BYTES_MAX) -> tuple[InsurerEntry, HttpRequest]:
        """Reads a request of an insurer of the directory; raises UnknownInsurer or RequestNotAuthentic."""
        received = await self.signed(request, bytes_max)
        entry, _ = authenticate_insurer(received, self.directory, base_url=self.identity.base_url, now=now())
        return entry, received


def serving(request: Request) -> Serving:
    """Returns the hub that a request came to."""
    hub: Serving = request.app.state.hub
    return hub


def now() -> int:
    """Reads the clock, in seconds."""
    return int(time.time())
