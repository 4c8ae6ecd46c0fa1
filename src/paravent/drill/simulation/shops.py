"""The desks of a simulation at work: checks, acts, and what is judged of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, permutations
from math import factorial

from paravent.desk.entitled import Entitled
from paravent.drill.simulation.conclusions import OPENED, Conclusions
from paravent.drill.simulation.desk import SimulatedDesk
from paravent.drill.simulation.network import Network
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.errors import ParaventError
from paravent.person.identity import PersonIdentity
from paravent.wire.claims import Decision


@dataclass(slots=True)
class Shops:
    """The platform, its desks, and everybody who may come into a shop; ``held`` is who was checked, by desk."""

    platform: SimulatedPlatform
    network: Network
    conclusions: Conclusions
    desks: list[SimulatedDesk]
    persons: list[tuple[str, PersonIdentity, str]]
    held: dict[int, list[Entitled]] = field(default_factory=dict)

    def check(self, number: int, person: int, order: int) -> str:
        """Checks somebody, asking servers in an order."""
        desk, servers = self.desks[number], self.platform.shape.servers
        amc, identity, name = self.persons[person % len(self.persons)]
        possible = self.conclusions.possible(desk, amc, name)
        chosen = next(islice(permutations(range(1, servers + 1)), order % factorial(servers), None))
        error: ParaventError | None = None
        try:
            entitled, row = desk.check(amc, identity, chosen)
            self.held.setdefault(number, []).append(entitled)
            self.conclusions.served(desk, name, row)
        except ParaventError as raised:
            error = raised
        self.conclusions.concluded(desk, amc, error, covered=name != "", possible=possible)
        return f"{OPENED if error is None else error.code} {desk.culprits}"

    def act(self, act: str, number: int, which: int) -> str:
        """Reserves, claims, both, or gives back, for somebody who was checked."""
        desk, held = self.desks[number], self.held.get(number)
        if not held:
            return "nobody was checked here"
        entitled = held[which % len(held)]
        doing = {"sale": [desk.reserve, desk.claim], "reserve": [desk.reserve], "claim": [desk.claim]}
        return ", ".join(self._decided(partial(one, entitled)) for one in doing.get(act, [desk.cancel]))

    def resend(self, desk: SimulatedDesk) -> str:
        """Sends again whatever got no answer."""
        return ", ".join(self._decided(partial(desk.act, act)) for act in desk.undecided()) or "nothing to send"

    def _decided(self, act: Callable[[], Decision]) -> str:
        try:
            decision = act()
        except ParaventError as error:
            self.conclusions.undecided(error)
            return error.code
        self.conclusions.decided(decision)
        return f"{decision.outcome.value} {decision.reason} {decision.decision_id.hex()}"
