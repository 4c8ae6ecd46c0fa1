"""What must be true of a simulation after every step; whoever watches sees every party at once.

Each property has a name, and each is shown to be able to fail by a seeded defect (tests/simulation).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from paravent.access.devices import authenticate
from paravent.access.quotas import WINDOW_SECONDS, QuotaKind
from paravent.access.requests import HttpRequest, authority_of
from paravent.crypto.sealing import handle_of
from paravent.crypto.signing import VerifyKey
from paravent.drill.simulation.parties import ACTS, OPENINGS, ROWS, SimulatedHub, SimulatedServer
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.keyserver.store import DATABASE as SERVER_DATABASE
from paravent.wire.codec import Message, decode
from paravent.wire.number_lane import OpeningRequest


class Property(StrEnum):
    """What never fails, whatever is lost, sent again or lied about."""

    DURABLE = "no answer reveals anything before its charge and leaf are durable"
    BOUND = "never more distinct persons opened in 24 hours than the bound"
    PAID_ONCE = "each claim is paid at most once"
    ONE_DECISION = "an act has one decision, however often it is sent"
    COVERED = "not-covered is never said of a covered person"
    TECHNICAL = "a technical failure is never shown as a refusal"
    NAMED = "every lie names its server"
    AVAILABLE = "a check succeeds when t honest servers are reachable"
    LISTED = "the witnesses list every opened person"
    ROLLED_BACK = "a server that lost a cosigned leaf answers nothing until it has it again"


class PropertyBroken(Exception):
    """A property does not hold; ``broken`` says which."""

    def __init__(self, broken: Property, detail: str) -> None:
        super().__init__(f"{broken.value}: {detail}")
        self.broken = broken


@dataclass(slots=True)
class Revealed:
    """What one verifier has let go: look-ups by request, openings by request with whom they were about."""

    lookups: dict[bytes, int] = field(default_factory=dict)
    openings: dict[bytes, tuple[int, str, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class Watch:
    """Sees what leaves every party, and compares it with what another process reads on its disk."""

    revealed: defaultdict[str, Revealed] = field(default_factory=lambda: defaultdict(Revealed))
    decisions: dict[bytes, Message] = field(default_factory=dict)

    def rolled_back(self, server: SimulatedServer) -> None:
        """Forgets the look-ups of a server whose database was put back: no log holds them (10.5)."""
        self.revealed[server.name].lookups.clear()

    # --- what leaves a party --------------------------------------------------------------------

    def answered(self, server: SimulatedServer, path: str, request: HttpRequest, now: int) -> None:
        """Sees an answer leave a key server: its charge, and its leaf, are on disk."""
        now += server.skew
        device, caller = authenticate(
            request, server.store, authority=authority_of(server.identity.base_url), now=now
        )  # fmt: skip
        seen = self.revealed[server.name]
        if path == OPENINGS:
            asked = decode(request.body, OpeningRequest)
            handle = handle_of(asked.insurer, asked.epoch, VerifyKey(asked.handle_key))
            seen.openings.setdefault(caller.digest, (now, device.professional, handle))
        else:
            seen.lookups.setdefault(caller.digest, now)
        self.require_durable(server, now)

    def answered_by_hub(self, hub: SimulatedHub, path: str, request: HttpRequest, answer: Message, now: int) -> None:
        """Sees an answer leave the hub: a look-up is on disk; an act has the decision that it had before."""
        _, caller = authenticate(request, hub.store, authority=authority_of(hub.identity.base_url), now=now)
        if path == ROWS:
            self.revealed[hub.name].lookups.setdefault(caller.digest, now)
            self._require_charged(hub.home.folder / HUB_DATABASE, hub.name, now)
        if path == ACTS:
            kept = self.decisions.setdefault(request.body, answer)
            if kept != answer:
                raise PropertyBroken(Property.ONE_DECISION, "the same bytes were decided twice")

    def require_durable(self, server: SimulatedServer, now: int) -> None:
        """Compares what a key server let go with what another process reads on its disk."""
        database = server.home.folder / SERVER_DATABASE
        self._require_charged(database, server.name, now)
        known = self.revealed[server.name].openings
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            leaves = {leaf for (leaf,) in connection.execute("SELECT request FROM leaf WHERE request IS NOT NULL")}
        if not leaves.issuperset(known):
            raise PropertyBroken(Property.DURABLE, f"{server.name} has no leaf of an opening it answered")

    def _require_charged(self, database: Path, name: str, now: int) -> None:
        seen, since = self.revealed[name], now - WINDOW_SECONDS
        looked_up = sum(at > since for at in seen.lookups.values())
        persons = {(who, handle) for at, who, handle in seen.openings.values() if at > since}
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            charged = dict(connection.execute(
                "SELECT kind, SUM(charged) FROM spending WHERE spent_at > ? GROUP BY kind", (since,)
            ).fetchall())  # fmt: skip
        for kind, count in ((QuotaKind.LOOKUP, looked_up), (QuotaKind.OPENING, len(persons))):
            if charged.get(kind.value, 0) < count:
                raise PropertyBroken(Property.DURABLE, f"{name} revealed {count} {kind.value}s and charged fewer")
