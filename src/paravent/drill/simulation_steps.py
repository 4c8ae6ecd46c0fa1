"""The steps of a simulation: what each operation does, and what is judged after it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, permutations
from math import factorial

from paravent.desk.entitled import Entitled
from paravent.drill.simulation_conclusions import OPENED, Conclusions
from paravent.drill.simulation_desk import SimulatedDesk
from paravent.drill.simulation_lies import Liar, LieKind
from paravent.drill.simulation_network import Network
from paravent.drill.simulation_operations import Operation
from paravent.drill.simulation_persons import everybody
from paravent.drill.simulation_platform import SimulatedPlatform
from paravent.drill.simulation_watch import Watch
from paravent.errors import ParaventError
from paravent.person.identity import PersonIdentity
from paravent.wire.claims import Decision


@dataclass(slots=True)
class Simulation:
    """One run: the platform, its desks, and everybody who may come into a shop."""

    platform: SimulatedPlatform
    network: Network
    conclusions: Conclusions
    desks: list[SimulatedDesk]
    persons: list[tuple[str, PersonIdentity, str]]
    held: dict[int, list[Entitled]] = field(default_factory=dict)

    @classmethod
    def build(cls, platform: SimulatedPlatform, seed: int) -> Simulation:
        """Opens three desks: two of one professional, and one of another."""
        network = Network(platform=platform, watch=Watch(), dice=random.Random(seed))
        desks = [
            SimulatedDesk.create(network, f"desk-{number}", professional, f"58000000{number}")
            for number, professional in enumerate(("80000000001", "80000000001", "80000000002"), start=1)
        ]
        return cls(
            platform=platform, network=network, desks=desks, persons=everybody(platform),
            conclusions=Conclusions(platform=platform, network=network),
        )  # fmt: skip

    def close(self) -> None:
        """Closes every store."""
        self.platform.close()
        for desk in self.desks:
            desk.store.close()

    def step(self, operation: Operation) -> str:
        """Does one operation and returns the line of its outcome; raises PropertyBroken."""
        outcome = self._do(operation)
        for server in self.platform.servers.values():
            self.network.watch.require_durable(server, self.platform.now)
        return f"{operation} -> {outcome}"

    def _do(self, operation: Operation) -> str:
        match operation:
            case ("check", int(desk), int(person), int(order), str(fault), int(at)):
                with self.network.fault(fault, at):
                    return self._check(desk % len(self.desks), person, order)
            case ("sale" | "reserve" | "claim" | "cancel" as act, int(desk), int(which), str(fault), int(at)):
                with self.network.fault(fault, at):
                    return self._act(act, desk % len(self.desks), which)
            case ("resend", int(desk), str(fault), int(at)):
                with self.network.fault(fault, at):
                    return self._resend(self.desks[desk % len(self.desks)])
            case (str(name), int(argument)):
                return self._disturb(name, argument)
            case ("lie", int(server), str(kind)):
                return self._lie(server, LieKind(kind))
            case _:
                raise ValueError(f"there is no such operation: {operation}")

    # --- desks ----------------------------------------------------------------------------------

    def _check(self, number: int, person: int, order: int) -> str:
        desk, servers = self.desks[number], self.platform.shape.servers
        amc, identity, name = self.persons[person % len(self.persons)]
        possible = self.conclusions.possible(desk, amc)
        chosen = next(islice(permutations(range(1, servers + 1)), order % factorial(servers), None))
        error: ParaventError | None = None
        try:
            entitled, row = desk.check(amc, identity, chosen)
            self.held.setdefault(number, []).append(entitled)
            self.conclusions.served(desk, name, row)
        except ParaventError as raised:
            error = raised
        self.conclusions.concluded(desk, error, covered=name != "", possible=possible)
        return f"{OPENED if error is None else error.code} {desk.culprits}"

    def _act(self, act: str, number: int, which: int) -> str:
        desk, held = self.desks[number], self.held.get(number)
        if not held:
            return "nobody was checked here"
        entitled = held[which % len(held)]
        doing = {"sale": [desk.reserve, desk.claim], "reserve": [desk.reserve], "claim": [desk.claim]}
        return ", ".join(self._decided(partial(one, entitled)) for one in doing.get(act, [desk.cancel]))

    def _resend(self, desk: SimulatedDesk) -> str:
        return ", ".join(self._decided(partial(desk.act, act)) for act in desk.undecided()) or "nothing to send"

    def _decided(self, act: Callable[[], Decision]) -> str:
        try:
            decision = act()
        except ParaventError as error:
            self.conclusions.undecided(error)
            return error.code
        self.conclusions.decided(decision)
        return f"{decision.outcome.value} {decision.reason} {decision.decision_id.hex()}"

    # --- everything else ------------------------------------------------------------------------

    def _disturb(self, name: str, number: int) -> str:
        platform = self.platform
        amc = list(platform.insurers)[number % len(platform.insurers)]
        match name:
            case "replay":
                return self._replay(number)
            case "desk-crash":
                self.desks[number % len(self.desks)].restart()
            case "publish" | "rotate":
                return self._publish(name, amc)
            case "honest":
                self.network.liars.clear()
            case "pull":
                platform.insurers[amc].pull(platform.hub, platform.directory, platform.now)
                self.conclusions.paid(platform.insurers[amc])
            case _:
                self._disturb_verifiers(name, number)
        return "done"

    def _disturb_verifiers(self, name: str, number: int) -> None:
        verifiers = list(self.platform.verifiers())
        chosen = verifiers[number % len(verifiers)]
        match name:
            case "crash":
                self.network.restart(chosen)
            case "stop":
                chosen.up = False
            case "start":
                for verifier in verifiers:
                    verifier.up = True
            case "advance":
                self.platform.now += number
                for verifier in verifiers:
                    verifier.store.forget(self.platform.now)
            case _:
                raise ValueError(f"there is no such operation: {name}")

    def _replay(self, number: int) -> str:
        sent = self.network.sent
        if not sent:
            return "nothing was sent"
        exchange = sent[-1 - number % len(sent)]
        try:
            self.network.deliver(exchange, exchange.kind)
        except ParaventError as error:
            return error.code
        return "answered again"

    def _publish(self, name: str, amc: str) -> str:
        platform = self.platform
        if not platform.hub.up or sum(server.up for server in platform.servers.values()) < platform.shape.threshold:
            return "too few are up"
        try:
            platform.rotate(amc) if name == "rotate" else platform.publish(amc)
        except ParaventError as error:
            return error.code
        return "done"

    def _lie(self, number: int, kind: LieKind) -> str:
        """Turns a server into a liar; at most t-1 ever do."""
        dishonest, names = self.conclusions.dishonest, [server.name for server in self.platform.servers.values()]
        if len(dishonest) == self.platform.shape.threshold - 1:
            names = sorted(dishonest)
        chosen = names[number % len(names)]
        dishonest.add(chosen)
        self.network.liars[chosen] = Liar(kind=kind, dice=self.network.dice, clock=lambda: self.platform.now)
        return chosen
