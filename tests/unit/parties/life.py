"""An insurer that acts on its claims, on a platform in one process: what the state machine and its tests drive."""

from __future__ import annotations

from tests.unit.parties.world import AMC, World

from paravent.hub.insurer_acts import InsurerAdjudicator
from paravent.insurer.acts import Actor
from paravent.insurer.claims import Reviewer
from paravent.insurer.ledger import LedgerState, ReviewedClaim
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import ActKind, Decision, Ground, InsurerAct
from paravent.wire.statements import Signed


class Insurer:
    """The first insurer of a world: it pulls, judges, and acts."""

    def __init__(self, world: World, amc: str = AMC) -> None:
        """Acts for one insurer."""
        self.world = world
        self.party = world.insurers[amc]
        store = self.party.store
        self.actor = Actor(amc=amc, key=self.party.keys.issuer, register=store.register, ledger=store.claims)

    def pull(self) -> None:
        """Pulls and judges every new event."""
        world, party = self.world, self.party
        reviewer = Reviewer(
            amc=party.amc, keys=party.keys, directory=world.directory, tables=party.tables, rules=every_shipped_rules(),
            register=party.store.register, ledger=party.store.claims,
        )  # fmt: skip
        while found := world.hub_store.claims.events(party.amc, party.store.exchange.last_pulled()).events:
            for event in found:
                party.store.claims.keep(reviewer.review(event, world.now))
                party.store.exchange.keep_pulled(event.number)

    def lines(self, *states: LedgerState) -> list[ReviewedClaim]:
        """The ledger after a pull, or its lines in some states."""
        self.pull()
        return [line for line in self.party.store.claims.all() if not states or line.state in states]

    def payable(self) -> int:
        """What is to be paid, in cents."""
        return sum(line.payable_cents for line in self.lines())

    def on_claim(self, kind: ActKind, claim: bytes, ground: Ground | None = Ground.AUDIT) -> InsurerAct:
        """Builds an act on a claim."""
        self.pull()
        ground = None if kind is ActKind.UPHOLD else ground
        return self.actor.on_claim(kind, claim, ground, self.world.now, self.world.rng)

    def release(self, member: str) -> InsurerAct:
        """Builds a release."""
        self.pull()
        return self.actor.release(member, Ground.HELD_TOO_LONG, self.world.now, self.world.rng)

    def send(self, act: InsurerAct) -> Signed:
        """Sends an act and returns the hub's signed decision."""
        return self.send_signed(self.actor.sign(act))

    def send_signed(self, signed: Signed) -> Signed:
        """Sends a statement as it is."""
        world = self.world
        request, _ = world.signed(world.hub.base_url, "/v1/insurer-acts", signed, key=self.party.keys.issuer)
        adjudicator = InsurerAdjudicator(identity=world.hub, directory=world.directory)
        admitted = adjudicator.admit(request, world.now)
        with world.hub_store.commit(), world.hub_store.request():
            return adjudicator.decide(admitted, world.hub_store, world.now, world.rng)

    def decide(self, act: InsurerAct) -> Decision:
        """Sends an act and reads the decision."""
        return self.world.read(self.send(act))
