"""What FHIR clients gave the desk in this session, in memory only: gone with the process (docs/protocol.md 9.6).

Holds: coverages, prescriptions and answers of the last 8 hours. Stolen: with the machine, the customers of the
day. Altered: the desk's own work.
"""

from __future__ import annotations

import os
import time

import msgspec

from paravent.desk.session import SESSION_SECONDS_MAX
from paravent.errors import UnknownAddress

KEPT_MAX = 2_000
"""How many resources are kept: at most ``KEPT_MAX`` times ``RESOURCE_BYTES_MAX`` bytes of memory."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as it is answered, and when it was kept (monotonic seconds)."""

    body: bytes
    at: float

    def __repr__(self) -> str:
        return "Kept(REDACTED)"


class Session:
    """Resources by type and id; ``checks`` links a coverage to its check, ``sent`` a claim's bytes to its act."""

    def __init__(self) -> None:
        """Starts empty."""
        self._kept: dict[tuple[str, str], Kept] = {}
        self.checks: dict[str, str] = {}
        self.sent: dict[bytes, bytes] = {}

    def new_id(self) -> str:
        """Draws an id that says nothing."""
        return os.urandom(16).hex()

    def keep(self, kind: str, name: str, body: bytes) -> None:
        """Keeps a resource; the oldest go when there are too many or after 8 hours."""
        now = time.monotonic()
        self._kept[kind, name] = Kept(body=body, at=now)
        while len(self._kept) > KEPT_MAX or next(iter(self._kept.values())).at < now - SESSION_SECONDS_MAX:
            gone = next(iter(self._kept))
            del self._kept[gone]
            self.checks.pop(gone[1], None)

    def find(self, kind: str, name: str) -> bytes:
        """Finds a resource; raises UnknownAddress when it is not of this session."""
        found = self._kept.get((kind, name))
        if found is None:
            raise UnknownAddress(f"no {kind} of this session has this id")
        return found.body
