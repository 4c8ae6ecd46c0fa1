"""A whole platform in one process, on a clock of its own: what simulations and the credentials drill run on.

Every party runs its own logic on its own store; HTTP, processes and the clock of the machine are absent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from paravent.access.devices import Device
from paravent.access.quotas import QuotaLimits
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey
from paravent.drill.platform import INSURERS
from paravent.drill.population import Population, synthesise
from paravent.drill.simulation.founding import CUSTODIANS, START, found_directory, found_hub, found_insurer
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.office import hand_over
from paravent.drill.simulation.parties import SimulatedHub, SimulatedServer
from paravent.insurer.config import InsurerKeys
from paravent.wire.statements import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a platform is: t of n key servers, persons, insurers by AMC number, limits at a key server and the hub.

    ``addresses`` are those of key servers that are to be real processes, on the clock of the machine from ``start``;
    ``hub_address`` that of the hub.
    """

    servers: int = 3
    threshold: int = 2
    persons: int = 8
    insurers: Mapping[str, str] = field(default_factory=lambda: INSURERS)
    server_limits: QuotaLimits = field(default_factory=QuotaLimits)
    hub_limits: QuotaLimits = field(default_factory=QuotaLimits)
    start: int = START
    addresses: tuple[str, ...] = ()
    hub_address: str = ""


@dataclass(slots=True)
class SimulatedPlatform:
    """Every party of the directory; ``now`` is the true time, and only an operation moves it."""

    home: Path
    shape: Shape
    rng: Rng
    population: Population
    directory: Directory
    servers: dict[int, SimulatedServer]
    hub: SimulatedHub
    insurers: dict[str, SimulatedInsurer]
    custodians: tuple[BoxKey, ...]
    now: int = START

    @classmethod
    def build(cls, home: Path, shape: Shape, seed: int) -> SimulatedPlatform:
        """Creates every party, deals an epoch and publishes a batch for each insurer."""
        rng = random.Random(seed).randbytes
        addresses = shape.addresses or ("",) * shape.servers
        servers = {
            index: SimulatedServer.create(home, index, shape.server_limits, rng, address)
            for index, address in enumerate(addresses, start=1)
        }
        hub = found_hub(home, shape.hub_limits, rng, shape.hub_address)
        keys = {
            amc: InsurerKeys(
                issuer=SigningKey.generate(rng), claims=BoxKey.generate(rng), payments=BoxKey.generate(rng)
            )
            for amc in shape.insurers
        }
        custodians = tuple(BoxKey.generate(rng) for _ in range(CUSTODIANS))
        directory = found_directory(servers, hub.identity, keys, custodians, shape.insurers)
        year = datetime.fromtimestamp(shape.start, UTC).year
        population = synthesise(shape.persons, tuple(shape.insurers), seed, year)
        insurers = {
            entry.amc: found_insurer(home, entry, keys[entry.amc], population, rng) for entry in directory.insurers
        }
        built = cls(
            home=home, shape=shape, rng=rng, population=population, directory=directory, servers=servers, hub=hub,
            insurers=insurers, custodians=custodians, now=shape.start,
        )  # fmt: skip
        for server in servers.values():
            server.join(directory)
        for amc in insurers:
            built.rotate(amc)
        return built

    def rotate(self, amc: str) -> None:
        """Begins an epoch of an insurer: a deal, a batch, a manifest; the one before it ends."""
        insurer, servers = self.insurers[amc], list(self.servers.values())
        insurer.rotate(servers, self.directory, self.shape.threshold, self.now)
        self.publish(amc)
        if insurer.number > 1:
            insurer.end(insurer.number - 1, servers, self.hub, self.directory, self.now)

    def publish(self, amc: str) -> None:
        """Publishes an insurer's members again, in a fresh batch."""
        self.insurers[amc].publish(list(self.servers.values()), self.hub, self.directory, self.now)
        hand_over(self.insurers[amc], self.hub, self.now)

    def enrol(self, device: Device) -> None:
        """Enrols a device at every verifier."""
        for verifier in self.verifiers():
            verifier.store.enrol(device, self.now)

    def verifiers(self) -> Iterator[SimulatedServer | SimulatedHub]:
        """Iterates the parties that devices talk to."""
        yield from self.servers.values()
        yield self.hub

    def verifier(self, name: str) -> SimulatedServer | SimulatedHub:
        """Finds a party that devices talk to."""
        return next(found for found in self.verifiers() if found.name == name)

    def close(self) -> None:
        """Closes every store."""
        for verifier in self.verifiers():
            verifier.store.close()
        for insurer in self.insurers.values():
            insurer.store.close()
