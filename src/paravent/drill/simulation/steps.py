"""The steps of a simulation: what each operation does, and what is judged after it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from paravent.drill.simulation.conclusions import Conclusions
from paravent.drill.simulation.desk import SimulatedDesk
from paravent.drill.simulation.lies import Liar, LieKind
from paravent.drill.simulation.network import Network
from paravent.drill.simulation.office import pull
from paravent.drill.simulation.operations import Operation
from paravent.drill.simulation.persons import everybody
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.rolling import cosign, roll_back
from paravent.drill.simulation.shops import Shops
from paravent.drill.simulation.watch import Watch
from paravent.errors import ParaventError


@dataclass(slots=True)
class Simulation(Shops):
    """One run: shops at work, and everything that befalls the platform meanwhile."""

    snapshots: dict[str, Path] = field(default_factory=dict)

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
                    return self.check(desk % len(self.desks), person, order)
            case ("sale" | "reserve" | "claim" | "cancel" as act, int(desk), int(which), str(fault), int(at)):
                with self.network.fault(fault, at):
                    return self.act(act, desk % len(self.desks), which)
            case ("resend", int(desk), str(fault), int(at)):
                with self.network.fault(fault, at):
                    return self.resend(self.desks[desk % len(self.desks)])
            case (str(name), int(argument)):
                return self._disturb(name, argument)
            case ("lie", int(server), str(kind)):
                return self._lie(server, LieKind(kind))
            case _:
                raise ValueError(f"there is no such operation: {operation}")

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
            case "snapshot" | "roll-back":
                return self._put_back(name, number)
            case "pull":
                pull(platform.insurers[amc], platform.hub, platform.directory, platform.now)
                self.conclusions.paid(platform.insurers[amc])
            case _:
                self._disturb_verifiers(name, number)
        return "done"

    def _put_back(self, name: str, number: int) -> str:
        """Keeps what a key server has on disk, or puts its database back to that once its log was cosigned."""
        servers = list(self.platform.servers.values())
        chosen = servers[number % len(servers)]
        if name == "snapshot":
            self.snapshots[chosen.name] = chosen.home.copy()
            return "kept"
        former = self.snapshots.pop(chosen.name, None)
        if former is None or not chosen.up or not cosign(self.platform, chosen):
            return "nothing to put back, or nobody to remember"
        outcome = roll_back(self.platform, chosen, former)
        self.network.watch.rolled_back(chosen)
        return outcome

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
                    verifier.store.delete_ended(self.platform.now)
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
