"""The customers checked in one session of the desk's service, in memory only (docs/protocol.md 9.6)."""

from __future__ import annotations

import os
import time

from paravent.desk.entitled import Entitled
from paravent.desk.session import SESSION_SECONDS_MAX
from paravent.errors import BadInput


class Checks:
    """The customers checked in this session, in memory only: their entitlements are gone with the process."""

    def __init__(self) -> None:
        """Starts with nobody."""
        self._kept: dict[str, tuple[Entitled, float]] = {}

    def keep(self, entitled: Entitled) -> str:
        """Keeps a check and names it by a random identifier."""
        now = time.monotonic()
        self._kept = {name: kept for name, kept in self._kept.items() if now - kept[1] < SESSION_SECONDS_MAX}
        name = os.urandom(16).hex()
        self._kept[name] = (entitled, now)
        return name

    def holds(self, name: str) -> bool:
        """Says whether a check is still of this session."""
        found = self._kept.get(name)
        return found is not None and time.monotonic() - found[1] < SESSION_SECONDS_MAX

    def find(self, name: str) -> Entitled:
        """Finds a check; raises BadInput when it is not of this session."""
        found = self._kept.get(name)
        if found is None:
            raise BadInput("this check is not of this session: check the customer again")
        return found[0]
