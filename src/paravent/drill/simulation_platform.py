"""A whole platform in one process, on a clock of its own: what simulations and the credentials drill run on.

Every party runs its own logic on its own store; HTTP, processes and the clock of the machine are absent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from paravent.access.devices import Device
from paravent.access.quotas import QuotaLimits
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey
from paravent.drill.platform import DATA, INSURERS
from paravent.drill.population import Population, synthesise, write_member_file
from paravent.drill.simulation_insurer import SimulatedInsurer
from paravent.drill.simulation_parties import Home, SimulatedHub, SimulatedServer
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store as HubStore
from paravent.hub.vault import DatabaseKey
from paravent.insurer.config import InsurerKeys
from paravent.insurer.members import Member, read_members
from paravent.insurer.store import Store as InsurerStore
from paravent.optics.guarantee import GuaranteeTables, read_guarantees
from paravent.wire.statements import CustodianEntry, Directory, HubEntry, InsurerEntry

START = 1_781_524_800
"""2026-06-15 12:00 UTC, when every simulation starts."""

CUSTODIANS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a platform is: t of n key servers, persons, limits at a key server and at the hub.

    ``addresses`` are those of key servers that are to be real processes, on the clock of the machine from ``start``.
    """

    servers: int = 3
    threshold: int = 2
    persons: int = 8
    server_limits: QuotaLimits = field(default_factory=QuotaLimits)
    hub_limits: QuotaLimits = field(default_factory=QuotaLimits)
    start: int = START
    addresses: tuple[str, ...] = ()


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
        hub = _hub(home, shape.hub_limits, rng)
        keys = {
            amc: InsurerKeys(
                issuer=SigningKey.generate(rng), claims=BoxKey.generate(rng), payments=BoxKey.generate(rng)
            )
            for amc in INSURERS
        }
        directory = _directory(servers, hub, keys, rng)
        population = synthesise(shape.persons, tuple(INSURERS), seed, datetime.fromtimestamp(shape.start, UTC).year)
        insurers = {entry.amc: _insurer(home, entry, keys[entry.amc], population, rng) for entry in directory.insurers}
        built = cls(
            home=home, shape=shape, rng=rng, population=population, directory=directory, servers=servers, hub=hub,
            insurers=insurers, now=shape.start,
        )  # fmt: skip
        for server in servers.values():
            server.join(directory)
        for amc in insurers:
            built.rotate(amc)
        return built

    def rotate(self, amc: str) -> None:
        """Begins an epoch of an insurer: a deal, a batch, a manifest."""
        self.insurers[amc].rotate(list(self.servers.values()), self.directory, self.shape.threshold, self.now)
        self.publish(amc)

    def publish(self, amc: str) -> None:
        """Publishes an insurer's members again, in a fresh batch."""
        self.insurers[amc].publish(list(self.servers.values()), self.hub, self.directory, self.now)

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


def _hub(home: Path, limits: QuotaLimits, rng: Rng) -> SimulatedHub:
    identity = HubIdentity(
        name="hub", base_url="http://hub.example:8000", signing_key=SigningKey.generate(rng),
        database_key=DatabaseKey(rng(32)),
    )  # fmt: skip
    folder = home / "hub"
    folder.mkdir()
    return SimulatedHub(
        identity=identity, home=Home(folder), limits=limits, rng=rng, store=HubStore(folder, limits, rng)
    )


def _directory(
    servers: dict[int, SimulatedServer], hub: SimulatedHub, keys: dict[str, InsurerKeys], rng: Rng
) -> Directory:
    entry = HubEntry(name=hub.name, address=hub.identity.base_url, verify_key=hub.identity.signing_key.public)
    return Directory(
        version=1, issued_at=START, hub=entry, keyservers=tuple(server.entry() for server in servers.values()),
        insurers=tuple(
            InsurerEntry(
                amc=amc, name=INSURERS[amc], issuer_key=held.issuer.public, claims_key=held.claims.public,
                payments_key=held.payments.public, synthetic=True,
            )
            for amc, held in keys.items()
        ),
        custodians=tuple(
            CustodianEntry(name=f"custodian-{number}", box_key=BoxKey.generate(rng).public)
            for number in range(1, CUSTODIANS + 1)
        ),
    )  # fmt: skip


def _insurer(
    home: Path, entry: InsurerEntry, keys: InsurerKeys, population: Population, rng: Rng
) -> SimulatedInsurer:  # fmt: skip
    folder = home / f"insurer-{entry.amc}"
    folder.mkdir()
    file = read_guarantees((DATA / f"guarantees-{entry.amc}.toml").read_bytes())
    tables = GuaranteeTables(insurer=entry.amc, counter=1, issued_at=START, guarantees=file.guarantee)
    return SimulatedInsurer(
        entry=entry, keys=keys, store=InsurerStore(folder), members=_members(folder, entry.amc, population),
        tables=tables, rng=rng,
    )  # fmt: skip


def _members(folder: Path, amc: str, population: Population) -> list[Member]:
    path = folder / "members.csv"
    write_member_file(path, population, amc)
    members, _ = read_members(path.read_text(encoding="utf-8").splitlines(), synthetic=True)
    return members
