"""A simulated platform under attack with stolen device keys, and what its witnesses say of it."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from paravent.access.devices import Device
from paravent.access.enrolment import LIMITED_SECONDS, WAITING_SECONDS, Route
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import HttpRequest
from paravent.crypto.sealing import open_label
from paravent.crypto.signing import SigningKey, key_id
from paravent.desk.epoch import VerifiedEpoch, verify_bundle
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.inquiry import proved
from paravent.drill.credentials.loot import files_of, rows_of
from paravent.drill.credentials.witness import WitnessList, openings
from paravent.drill.members import identity_of
from paravent.drill.platform import INSURERS
from paravent.drill.population import SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.simulation.crash import Gate
from paravent.drill.simulation.parties import SimulatedServer
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.drill.simulation.run import quick_folder
from paravent.drill.staff import Watchmen, write_month
from paravent.errors import Unreachable
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.keyserver.store import DATABASE, SECRETS
from paravent.wire.codec import encode

DAY = 86_400
ENTRIES_MAX = 1_000_000
SEED = 3
FORMULA = "⌊P·(n-c)·q·⌈D⌉/(t-c)⌋"
_LOST = 0.2  # of the answers, where answers are lost


def bound(shape: Shape, devices: int, stolen: int, days: int, *, new: bool = False) -> int:
    """Computes how many persons stolen device keys can open: floor of P·(n-c)·q·ceil(D)/(t-c), days begun counted.

    A ``new`` device has the small quota of its first 30 days.
    """
    limits = shape.server_limits
    quota = min(limits.new_device_per_day_max, limits.openings_per_day_max) if new else limits.openings_per_day_max
    return devices * (shape.servers - stolen) * quota * days // (shape.threshold - stolen)


def true_hits(persons: Iterable[SyntheticPerson]) -> Iterator[Hit]:
    """Yields everybody once: the thief knows whom to ask for, and under which insurer, and gets as far as his quota."""
    for person in persons:
        for cover in person.coverages[:1]:
            yield Hit(person=person.member_id, amc=cover.insurer, identity=identity_of(person, cover))


@dataclass(slots=True, kw_only=True)
class Scene:
    """One attack: ``stolen`` servers count as the thief's, whether by their files, their clock or their disk."""

    platform: SimulatedPlatform
    attacker: Attacker
    hits: list[Hit]
    stolen: tuple[int, ...]
    witnesses: WitnessList
    watchmen: Watchmen
    began: int
    losing: bool = False
    started: float = field(default_factory=time.perf_counter)
    reported: float = 0.0
    """Seconds that were spent on rows, by witnesses and the breach desk: none of the thief's."""
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    @property
    def honest(self) -> list[SimulatedServer]:
        """The servers that are not the thief's."""
        return [server for index, server in self.platform.servers.items() if index not in self.stolen]

    def row(self, case: str, days: int = 1, *, inquired: bool = True) -> Row:
        """Says what was opened so far, what the bound is, what the witnesses list and the breach desk computes."""
        shape, attacker = self.platform.shape, self.attacker
        seconds, opened = time.perf_counter() - self.started - self.reported, set(self.attacker.opened.values())
        for server in self.honest:
            entries = openings(entry for _, entry in server.store.log.entries(0, ENTRIES_MAX))
            self.witnesses.add(server.name, server.identity.witness_key, entries, opened)
        listing = self.witnesses.at(shape.threshold - len(self.stolen))
        keyids = [key_id(key.public) for key in attacker.devices]
        row = Row(
            scenario="device-key", platform=PlatformName.PARAVENT, case=case, ran=Ran.SIMULATION,
            persons=shape.persons, opened=len(attacker.opened), membership=len(attacker.known.keys() | attacker.opened),
            bound=bound(shape, len(attacker.devices), len(self.stolen), days), formula=FORMULA,
            detected_after=self.watchmen.detected_after,
            computed=proved(self.platform, keyids, self.stolen, self.began) if inquired else None,
            seconds=round(seconds, 2),
            figures={
                "quota": shape.server_limits.openings_per_day_max, "listed_by_witnesses": len(listing),
                "missing_listings": len(opened - listing), "false_listings": len(listing - opened),
            },
        )  # fmt: skip
        self.reported = time.perf_counter() - self.started - seconds
        return row

    def send(self, name: str, path: str, request: HttpRequest) -> bytes:
        """Delivers a request to a server; where answers are lost, one in five does not come back."""
        server = self.platform.verifier(name)
        if not isinstance(server, SimulatedServer):
            raise TypeError("the thief has no business with the hub")
        answer = server.take(path, request, self.platform.now, Gate(server.home))
        if self.losing and self.dice.random() < _LOST:
            raise Unreachable("the answer was lost")
        return encode(answer)


@contextmanager
def scene(
    devices: int, stolen: tuple[int, ...], persons: int, limits: QuotaLimits, *, files: bool = True,
    insurers: Mapping[str, str] = INSURERS, waiting: bool = False,
) -> Iterator[Scene]:  # fmt: skip
    """Builds a platform, enrols devices of as many professionals, and hands their keys to a thief.

    ``waiting`` devices have neither a code nor a countersignature: they are active after 72 hours.
    """
    with quick_folder() as home:
        platform = SimulatedPlatform.build(home, Shape(persons=persons, server_limits=limits, insurers=insurers), SEED)
        keys = [SigningKey.generate(platform.rng) for _ in range(devices)]
        for number, key in enumerate(keys, start=1):
            device = Device(public=key.public, professional=f"8000000000{number}", shop=f"58000000{number}")
            _enrol(platform, device, waiting=waiting)
        rows = rows_of(platform.hub.home.folder / HUB_DATABASE)
        attacker = Attacker(
            devices=keys, directory=platform.directory, epochs=_epochs(platform), rows=rows,
            stolen={
                index: files_of(platform.servers[index].home.folder / SECRETS) for index in stolen if files
            },
            send=lambda *_: b"", clock=lambda name: platform.now + _skew(platform, name), rng=platform.rng,
        )  # fmt: skip
        labels = frozenset(open_label(row.insurer, row.epoch, row.batch, row.handle) for row in rows.values())
        honest = [server for index, server in platform.servers.items() if index not in stolen]
        names = frozenset(f"8000000000{number}" for number in range(1, devices + 1))
        for server, name in itertools.product(honest, names):
            write_month(server.home.folder, DATABASE, name, platform.now // DAY, SEED)
        watchmen = Watchmen(
            counts=[server.store.counts_of for server in honest], professionals=names, clock=lambda: platform.now,
        )  # fmt: skip
        attacker.seen = watchmen.look
        built = Scene(
            platform=platform, attacker=attacker, hits=list(true_hits(platform.population.persons)), stolen=stolen,
            witnesses=WitnessList(labels=labels), watchmen=watchmen, began=platform.now,
        )  # fmt: skip
        attacker.send = built.send
        try:
            yield built
        finally:
            platform.close()


def _enrol(platform: SimulatedPlatform, device: Device, *, waiting: bool) -> None:
    if not waiting:
        platform.enrol(device)
        return
    active_from = platform.now + WAITING_SECONDS
    for verifier in platform.verifiers():
        with verifier.store.commit():
            verifier.store.devices.enrol(
                device, platform.now, route=Route.WAITED, active_from=active_from,
                limited_until=active_from + LIMITED_SECONDS,
            )  # fmt: skip


def _skew(platform: SimulatedPlatform, name: str) -> int:
    server = platform.verifier(name)
    return server.skew if isinstance(server, SimulatedServer) else 0


def _epochs(platform: SimulatedPlatform) -> dict[str, VerifiedEpoch]:
    return {
        amc: verify_bundle(
            manifest.bundle, amc, platform.directory, now=platform.now, single_operator_allowed=False
        )
        for amc in platform.insurers if (manifest := platform.hub.store.newest(amc)) is not None
    }  # fmt: skip
