"""What desks and insurers may conclude in a simulation, whatever is lost, sent again or lied about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from paravent.access.quotas import WINDOW_SECONDS, QuotaKind
from paravent.crypto.sealing import Row, open_label
from paravent.drill.credentials.witness import listed, openings
from paravent.drill.simulation.desk import SimulatedDesk
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.lies import LieKind
from paravent.drill.simulation.network import Network
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.watch import Property, PropertyBroken
from paravent.errors import DegradedLimitExceeded, NotCovered, ParaventError, QuotaExceeded, Refusal
from paravent.insurer.ledger import LedgerState
from paravent.wire.claims import Decision, Outcome
from paravent.wire.statements import MANIFEST_AGE_SECONDS_MAX

OPENED = "opened"
REASONS = frozenset({"already-reserved", "no-reservation", "renewal-not-due"})
"""What the hub may refuse an act for here, where everybody is covered and nothing is revoked."""

_BARE_WORDS = frozenset({LieKind.REFUSAL, LieKind.NOT_LIVE})
_ENTRIES_MAX = 1_000_000
_SPARE_LOOKUPS = 2  # a check whose epoch changed meanwhile runs twice


@dataclass(slots=True)
class Conclusions:
    """Judges what every desk concludes; ``dishonest`` are the servers that ever lied."""

    platform: SimulatedPlatform
    network: Network
    dishonest: set[str] = field(default_factory=set)
    opened: list[tuple[int, str, str]] = field(default_factory=list)
    asked: list[tuple[int, str, str]] = field(default_factory=list)

    def possible(self, desk: SimulatedDesk, amc: str, person: str) -> bool:
        """Says whether one more check of this desk can be served now; notes that it is asked for."""
        often = self._asked_often(desk.device.professional, person)
        return not often and self._able(desk, amc)

    def _able(self, desk: SimulatedDesk, amc: str) -> bool:
        """Says whether the hub and t honest servers have quota left for a desk, and everything that is needed."""
        platform, who = self.platform, desk.device
        manifest = platform.hub.store.newest(amc)
        if manifest is None or platform.now - manifest.head.issued_at > MANIFEST_AGE_SECONDS_MAX:
            return False
        (batch,) = manifest.head.live_batches
        able = [
            server for server in platform.servers.values()
            if server.up and server.name not in self.network.liars
            and server.store.batch(amc, manifest.head.epoch, batch) is not None
            and server.store.remaining(QuotaKind.LOOKUP, who, platform.now) >= _SPARE_LOOKUPS
            and server.store.remaining(QuotaKind.OPENING, who, platform.now) > 0
        ]  # fmt: skip
        spare = platform.hub.store.remaining(QuotaKind.LOOKUP, who, platform.now) >= _SPARE_LOOKUPS
        return platform.hub.up and spare and len(able) >= platform.shape.threshold

    def _asked_often(self, professional: str, person: str) -> bool:
        """Says whether somebody was asked for so often that a server may refuse; notes that it is asked again."""
        since = self.platform.now - WINDOW_SECONDS
        times = sum((by, name) == (professional, person) and at > since for at, by, name in self.asked)
        self.asked.append((self.platform.now, professional, person))
        # A check that runs twice asks twice.
        return 2 * times >= self.platform.shape.server_limits.repeats_per_day_max

    # --- checks ---------------------------------------------------------------------------------

    def served(self, desk: SimulatedDesk, person: str, row: Row) -> None:
        """Judges an opened record: the bound over 24 hours, and the witnesses' list."""
        platform, shape = self.platform, self.platform.shape
        who, now = desk.device.professional, platform.now
        self.opened.append((now, who, person))
        persons = {name for at, by, name in self.opened if by == who and at > now - WINDOW_SECONDS}
        # A liar alters what it says and charges like the others: the bound is the one without stolen servers.
        bound = shape.servers * shape.server_limits.openings_per_day_max // shape.threshold
        if len(persons) > bound:
            raise PropertyBroken(Property.BOUND, f"{len(persons)} persons, bound {bound}")
        label = open_label(row.insurer, row.epoch, row.batch, row.handle)
        honest = [server for server in platform.servers.values() if server.name not in self.dishonest]
        listing = [
            server.name for server in honest
            if listed(openings(entry for _, entry in server.store.log.entries(0, _ENTRIES_MAX)),
                      server.identity.witness_key, [label])
        ]  # fmt: skip
        if len(listing) < shape.threshold - len(self.dishonest):
            raise PropertyBroken(Property.LISTED, f"{len(listing)} honest servers list it")

    def concluded(
        self, desk: SimulatedDesk, amc: str, error: ParaventError | None, *, covered: bool, possible: bool
    ) -> None:
        """Judges how a check ended: None when the record was opened."""
        if isinstance(error, NotCovered) and covered:
            raise PropertyBroken(Property.COVERED, "a covered person was said not to be")
        refused = isinstance(error, Refusal) and not (isinstance(error, NotCovered) and not covered)
        # A server that starts again in the middle may count an opening up to an hour longer than it must.
        wrongly = possible and (not self.network.disturbed or self._able(desk, amc))
        if refused and (wrongly or not isinstance(error, QuotaExceeded)):
            raise PropertyBroken(Property.TECHNICAL, f"{type(error).__name__} with servers able to answer")
        self._require_named(desk, opened=error is None)
        ended = error is None or (isinstance(error, NotCovered) and not covered)
        if possible and not self.network.disturbed and not ended:
            raise PropertyBroken(Property.AVAILABLE, f"{type(error).__name__}: {error}")

    def _require_named(self, desk: SimulatedDesk, *, opened: bool) -> None:
        if self.network.disturbed:
            return
        kept = {server for server, _ in desk.store.lies()}
        for name, kind in self.network.told:
            # A wrong value shows once another set of servers has opened the row.
            if kind == LieKind.WRONG_VALUE and not opened:
                continue
            proved = kind == LieKind.REPLAYED or name in kept
            if name not in desk.culprits or not proved:
                raise PropertyBroken(Property.NAMED, f"{name} told {kind} and is not named")

    # --- acts -----------------------------------------------------------------------------------

    def decided(self, decision: Decision) -> None:
        """Judges a decision: a refusal is about the right, never about a fault."""
        if decision.outcome is Outcome.REFUSED and decision.reason not in REASONS:
            raise PropertyBroken(Property.TECHNICAL, f"an act was refused: {decision.reason}")

    def undecided(self, error: ParaventError) -> None:
        """Judges an act that got no decision."""
        if isinstance(error, Refusal) and not isinstance(error, QuotaExceeded | DegradedLimitExceeded):
            raise PropertyBroken(Property.TECHNICAL, f"an act ended in {type(error).__name__}")

    def paid(self, insurer: SimulatedInsurer) -> None:
        """Judges what an insurer is about to pay: each claim once, and nobody twice within days."""
        payable = [claim for claim in insurer.store.claims.all() if claim.state is LedgerState.PAYABLE]
        for count in (Counter(claim.claim for claim in payable), Counter(claim.member for claim in payable)):
            if count and max(count.values()) > 1:
                raise PropertyBroken(Property.PAID_ONCE, f"{insurer.amc} would pay twice")
