"""Phished logins: a password, and a session at the identity provider that enrols a device of the thief's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from paravent.access.enrolment import WAITING_SECONDS
from paravent.access.quotas import QuotaLimits
from paravent.crypto.signing import SigningKey
from paravent.desk import config as desk_config
from paravent.drill.credentials.real import attack
from paravent.drill.credentials.run import PERSONS_MAX, THIEF_SERVER
from paravent.drill.credentials.scene import DAY, bound, scene
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.platform import Platform, professional, shop
from paravent.drill.row import Row
from paravent.drill.staff import Optician
from paravent.errors import TechnicalFailure

DAYS = (1, 2, 3)
VICTIM, THIEF = "desk", "desk-thief"
SESSION_FORMULA = "0 for 72 h, then ⌊(n-c)·q₀·⌈D⌉/(t-c)⌋"
_ROUTES = ("/v1/evaluations", "/v1/openings", "/v1/rows", "/v1/acts")
_OK = 200


def stolen_password(ground: Ground) -> Iterator[Row]:
    """Has an optician's password: asks for everybody with a key that nobody enrolled, and without any signature."""
    platform = ground.paravent()
    stranger = Optician(key=SigningKey.generate(os.urandom), professional=professional(platform.ports[VICTIM]))
    row = attack(
        ground, platform, [stranger], (), case="no-device", scenario="stolen-password", most=0,
        formula="0: nothing is answered to a key that was not enrolled",
    )  # fmt: skip
    yield msgspec.structs.replace(row, figures=row.figures | {"answered_unsigned": _unsigned(platform)})


def _unsigned(platform: Platform) -> int:
    """Counts the routes that answer a request without a signature."""
    answered = 0
    for party in (*KEYSERVERS, "hub"):
        for route in _ROUTES:
            with suppress(ValueError):  # a route that this party does not have answers no JSON
                answered += platform.call(party, route, b"{}", {"content-type": "application/json"})[0] == _OK
    return answered


def provider_session(ground: Ground) -> Iterator[Row]:
    """Logs in as the optician with a phished session, enrols a desk, and uses it at once; then waits 72 hours."""
    platform = ground.paravent()
    port = platform.ports[VICTIM]
    home = platform.home / THIEF
    platform.command(
        "desk", "init", "--home", home, "--professional", professional(port), "--shop", shop(port),
        "--port", str(port), "--allow-single-operator",
    )  # fmt: skip
    platform.join("desk", THIEF)
    with suppress(TechnicalFailure):  # the verb says that the device waits, by failing
        platform.enrol(THIEF, subject=VICTIM)
    thief = Optician(key=desk_config.device_key(home), professional=professional(port))
    yield attack(
        ground, platform, [thief], (), case="first-72-hours", scenario="provider-session", most=0,
        formula=SESSION_FORMULA,
    )  # fmt: skip
    for servers in ((), (THIEF_SERVER,)):
        yield from _after_waiting(min(ground.persons, PERSONS_MAX), servers)


def _after_waiting(persons: int, servers: tuple[int, ...]) -> Iterator[Row]:
    with scene(1, servers, persons, QuotaLimits(), waiting=True) as waited:
        waited.attacker.drain(waited.hits)
        waited.platform.now += WAITING_SECONDS - 1
        waited.attacker.drain(waited.hits)
        too_early = len(waited.attacker.opened)
        waited.platform.now += 1
        for days in DAYS:
            waited.attacker.drain(waited.hits)
            waited.platform.now += DAY - 1
            waited.attacker.drain(waited.hits)
            row = waited.row(f"c{len(servers)}-then-d{days}", days)
            most = bound(waited.platform.shape, 1, len(servers), days, new=True)
            yield msgspec.structs.replace(
                row, scenario="provider-session", bound=most, formula=SESSION_FORMULA,
                figures=row.figures | {"quota": QuotaLimits().new_device_per_day_max, "opened_in_72_hours": too_early},
            )  # fmt: skip
            waited.platform.now += 1
