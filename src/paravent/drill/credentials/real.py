"""The same attack on real processes, over HTTP: the quota of 24 hours on the clock of the machine."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from paravent.access.quotas import QuotaLimits
from paravent.access.requests import HttpRequest
from paravent.access.store import read_secret
from paravent.crypto.sealing import open_label
from paravent.desk import config as desk_config
from paravent.desk.epoch import VerifiedEpoch, verify_bundle
from paravent.drill.credentials.attacker import Attacker
from paravent.drill.credentials.loot import files_of, rows_of
from paravent.drill.credentials.scene import bound, true_hits
from paravent.drill.credentials.witness import WitnessList, log_entries
from paravent.drill.platform import SERVERS, Platform
from paravent.drill.population import Population
from paravent.drill.simulation.platform import Shape
from paravent.drill.theft import copy_database, read_directory
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.keyserver.state import WitnessKey
from paravent.keyserver.store import DATABASE, SECRETS
from paravent.wire.codec import decode
from paravent.wire.problem import from_problem
from paravent.wire.statements import STATEMENT_BYTES_MAX, Directory, EpochBundle

PERSONS_PER_GUARANTEE_MIN = 20
TIMEOUT_SECONDS = 10
KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
# The thief's first desk meets honest servers; the second one's thief has also read a server's disk.
DESKS = {"desk": (), "desk-2": (SERVERS,)}


def attacked(home: Path, population: Population) -> Iterator[dict[str, Any]]:
    """Starts a platform, steals the keys of its desks one after the other, and says what each opened in 24 hours."""
    home.mkdir()
    platform = Platform(home)
    try:
        platform.create(population, PERSONS_PER_GUARANTEE_MIN)
        platform.add_desk(*(name for name in DESKS if name != "desk"))
        platform.start(*KEYSERVERS, "hub")
        for amc in population.insurers:
            platform.publish(amc)
        for desk, stolen in DESKS.items():
            yield _row(platform, population, desk, stolen)
    finally:
        platform.stop()


def _row(platform: Platform, population: Population, desk: str, stolen: tuple[int, ...]) -> dict[str, Any]:
    directory = read_directory(platform)
    rows = rows_of(copy_database(platform.home / "hub" / HUB_DATABASE, platform.home / f"{desk}.stolen.db"))
    before = {name: len(log_entries(platform.home / name / DATABASE)) for name in KEYSERVERS}
    attacker = Attacker(
        devices=[desk_config.device_key(platform.home / desk)], directory=directory, rows=rows,
        epochs={amc: _epoch(amc, directory) for amc in population.insurers},
        stolen={index: files_of(platform.home / KEYSERVERS[index - 1] / SECRETS) for index in stolen},
        send=partial(_send, platform), clock=lambda _: int(time.time()), rng=os.urandom,
    )  # fmt: skip
    attacker.drain(true_hits(population))
    labels = frozenset(open_label(row.insurer, row.epoch, row.batch, row.handle) for row in rows.values())
    witnesses, shape = WitnessList(labels=labels), Shape(server_limits=QuotaLimits())
    for index, name in enumerate(KEYSERVERS, start=1):
        if index not in stolen:
            key = WitnessKey(read_secret(platform.home / name / SECRETS / "witness.key"))
            witnesses.add(name, key, log_entries(platform.home / name / DATABASE)[before[name] :])
    listing, opened = witnesses.at(shape.threshold - len(stolen)), set(attacker.opened.values())
    return {
        "scenario": f"credentials-p1-c{len(stolen)}-d1-processes", "platform": "paravent", "faults": False,
        "opened": len(attacker.opened), "bound": bound(shape, 1, len(stolen), 1),
        "listed_by_witnesses": len(listing), "missing_listings": len(opened - listing),
        "false_listings": len(listing - opened),
    }  # fmt: skip


def _epoch(amc: str, directory: Directory) -> VerifiedEpoch:
    with _open(f"{directory.hub.address}/v1/insurers/{amc}/epoch", None, {}) as answer:
        bundle = decode(answer.read(), EpochBundle, bytes_max=STATEMENT_BYTES_MAX)
    return verify_bundle(bundle, amc, directory, now=int(time.time()), single_operator_allowed=True)


def _send(platform: Platform, name: str, path: str, request: HttpRequest) -> bytes:
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
