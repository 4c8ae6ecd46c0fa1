"""The same attack on running processes, over HTTP: the quota of 24 hours on the clock of the machine."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from paravent.access.quotas import QuotaKind
from paravent.access.requests import HttpRequest
from paravent.access.store import read_secret
from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.group import Scalar
from paravent.crypto.sealing import open_label
from paravent.desk.epoch import VerifiedEpoch, verify_bundle
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.loot import CopiedRows, files_of
from paravent.drill.credentials.scene import FORMULA, bound, true_hits
from paravent.drill.credentials.spread import StolenServer
from paravent.drill.credentials.witness import WitnessList, log_entries
from paravent.drill.ground import KEYSERVERS, THRESHOLD, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.platform import Platform
from paravent.drill.population import Population
from paravent.drill.row import Figure, PlatformName, Ran, Row
from paravent.drill.simulation.platform import Shape
from paravent.drill.staff import Optician, hire, watchmen
from paravent.drill.theft import copy_database, read_directory
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.keyserver.state import WitnessKey
from paravent.keyserver.store import DATABASE, SECRETS
from paravent.wire.codec import decode
from paravent.wire.problem import from_problem
from paravent.wire.statements import STATEMENT_BYTES_MAX, Directory, EpochBundle

TIMEOUT_SECONDS = 60
# The first thief meets honest servers; the second one has also read a server's disk.
THIEVES: tuple[tuple[int, tuple[int, ...]], ...] = ((1, ()), (2, (3,)))


def on_processes(ground: Ground) -> Iterator[Row]:
    """Steals opticians' device keys one after the other, and says what each opened in 24 hours."""
    for number, stolen in THIEVES:
        platform = ground.paravent()
        optician = hire(platform, number, int(time.time()), number)
        yield attack(ground, platform, [optician], stolen, case=f"p1-c{len(stolen)}-d1-processes")


def attack(
    ground: Ground, platform: Platform, opticians: Sequence[Optician], stolen: Sequence[int], *, case: str,
    scenario: str = "device-key", most: int | None = None, formula: str = FORMULA,
    lookup_keys: Mapping[str, Scalar] | None = None, hits: Sequence[Hit] | None = None, older: Path | None = None,
    epochs: Mapping[str, VerifiedEpoch] | None = None, spent: Counter[tuple[QuotaKind, int, str]] | None = None,
) -> Row:  # fmt: skip
    """Opens as many as opticians' keys and stolen servers let through, and has the breach desk say so again.

    ``most`` replaces the bound of device keys, ``hits`` the persons whom the thief is after, ``older`` and ``epochs``
    the copy of the hub and the epochs that he asks about; ``spent`` is what the devices had asked before.
    """
    began, started = int(time.time()), time.perf_counter()
    before = {name: len(log_entries(platform.home / name / DATABASE)) for name in KEYSERVERS}
    honest = [name for index, name in enumerate(KEYSERVERS, start=1) if index not in stolen]
    attacker = thief(platform, ground.population, opticians, {index: read_files(platform, index) for index in stolen})
    watching = watchmen(platform, honest, opticians)
    attacker.seen = watching.look
    attacker.lookup_keys = lookup_keys or {}
    attacker.rows = attacker.rows if older is None else CopiedRows(older)
    attacker.epochs = epochs or attacker.epochs
    attacker.charged = spent or attacker.charged
    attacker.drain(true_hits(ground.population.persons) if hits is None else hits)
    seconds = time.perf_counter() - started
    loots = [
        Stolen(kind=LootKind.DEVICE_KEY, keyid=optician.keyid, from_at=began, to_at=int(time.time()) + 1)
        for optician in opticians
    ]
    loots += [Stolen(kind=LootKind.KEY_SERVER, server=KEYSERVERS[index - 1]) for index in stolen]
    found = inquire(platform, ground.folder("case"), loots, began)
    return Row(
        scenario=scenario, platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES, persons=ground.persons,
        opened=len(attacker.opened), membership=len(attacker.known),
        bound=bound(Shape(), len(opticians), len(stolen), 1) if most is None else most, formula=formula,
        detected_after=watching.detected_after, computed=found.proved, seconds=round(seconds, 2),
        figures=_listed(platform, attacker, honest, before, THRESHOLD - len(stolen)) | {"upper": found.upper},
    )  # fmt: skip


def thief(
    platform: Platform, population: Population, opticians: Sequence[Optician], stolen: Mapping[int, StolenServer]
) -> Attacker:
    """Gives a thief the keys of opticians, a copy of the hub's database and the files of servers."""
    directory = read_directory(platform)
    copy = copy_database(platform.home / "hub" / HUB_DATABASE, platform.home / f"stolen-{os.urandom(4).hex()}.db")
    return Attacker(
        devices=[optician.key for optician in opticians], directory=directory, rows=CopiedRows(copy),
        epochs=live_epochs(population.insurers, directory), stolen=stolen,
        send=partial(send, platform), clock=lambda _: int(time.time()), rng=os.urandom,
    )  # fmt: skip


def read_files(platform: Platform, index: int) -> StolenServer:
    """Reads the secret files of a key server."""
    return files_of(platform.home / KEYSERVERS[index - 1] / SECRETS)


def _listed(
    platform: Platform, attacker: Attacker, honest: Sequence[str], before: Mapping[str, int], servers: int
) -> dict[str, Figure]:
    """Compares what honest witnesses list with what was opened."""
    labels = frozenset(open_label(row.insurer, row.epoch, row.batch, row.handle) for row in attacker.rows.values())
    witnesses, opened = WitnessList(labels=labels), set(attacker.opened.values())
    for name in honest:
        key = WitnessKey(read_secret(platform.home / name / SECRETS / "witness.key"))
        witnesses.add(name, key, log_entries(platform.home / name / DATABASE)[before[name] :], opened)
    listing = witnesses.at(servers)
    return {
        "listed_by_witnesses": len(listing), "missing_listings": len(opened - listing),
        "false_listings": len(listing - opened),
    }  # fmt: skip


def live_epochs(insurers: Sequence[str], directory: Directory) -> dict[str, VerifiedEpoch]:
    """Fetches what the hub says of each insurer's epoch, and verifies it as a desk does."""
    return {amc: _epoch(amc, directory) for amc in insurers}


def _epoch(amc: str, directory: Directory) -> VerifiedEpoch:
    with _open(f"{directory.hub.address}/v1/insurers/{amc}/epoch", None, {}) as answer:
        bundle = decode(answer.read(), EpochBundle, bytes_max=STATEMENT_BYTES_MAX)
    return verify_bundle(bundle, amc, directory, now=int(time.time()), single_operator_allowed=True)


def send(platform: Platform, name: str, path: str, request: HttpRequest) -> bytes:
    """Posts a signed request to a server; raises what it answers."""
    try:
        with _open(f"http://127.0.0.1:{platform.ports[name]}{path}", request.body, dict(request.headers)) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise from_problem(error.read(), party=name) from None


def _open(address: str, body: bytes | None, headers: dict[str, str]) -> Any:  # noqa: ANN401 - the response of urllib
    request = urllib.request.Request(address, body, headers)  # noqa: S310 - an address of the platform started here
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=TIMEOUT_SECONDS)
