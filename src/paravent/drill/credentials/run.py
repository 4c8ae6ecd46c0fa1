"""Persons opened with stolen device keys, beside the bound (docs/protocol.md section 10): ``drill``'s credentials.

Days pass in the simulation, on the parties' own code; one attack runs on real processes. Small quotas serve to
try many ways of attacking; the configured one to measure the best of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from paravent.access.quotas import QuotaLimits
from paravent.drill.credentials import stolen, strategies, stuffing
from paravent.drill.credentials.real import on_processes
from paravent.drill.credentials.scene import DAY, scene
from paravent.drill.credentials.strategies import Strategy
from paravent.drill.ground import Ground
from paravent.drill.row import Row

DAYS = (1, 2, 3)
DEVICES = (1, 2)
THIEF_SERVER = 3
SMALL = QuotaLimits(lookups_per_day_max=6, openings_per_day_max=6)
PERSONS_MAX = 600
"""More than any bound here: who is beyond them changes nothing, and takes time to seal."""

_SMALL_PERSONS = 48

# Each strategy, and whether it needs a server of the thief's.
STRATEGIES: tuple[tuple[str, Strategy, bool], ...] = (
    ("spread", strategies.spread, False),
    ("one-subset", strategies.one_subset, False),
    ("parallel", strategies.together, False),
    ("midnight", strategies.midnight, False),
    ("replays", strategies.replays, False),
    ("free-repeats", strategies.repeats, False),
    ("one-nonce", stuffing.one_nonce, False),
    ("stuffing", stuffing.stuffing, False),
    ("clock-ahead", stolen.clock_ahead, True),
    ("clock-behind", stolen.clock_behind, True),
    ("clock-back", stolen.clock_back, True),
    ("roll-back", stolen.roll_back, True),
)


def device_key(ground: Ground) -> Iterator[Row]:
    """Opens as many of the leaked list as stolen device keys let through, on processes and then over days."""
    yield from on_processes(ground)
    yield from _best(min(ground.persons, PERSONS_MAX), QuotaLimits())
    yield from _tried()
    yield from _with_losses()


def _best(persons: int, limits: QuotaLimits) -> Iterator[Row]:
    for devices in DEVICES:
        for servers in ((), (THIEF_SERVER,)):
            with scene(devices, servers, persons, limits) as attack:
                for days in DAYS:
                    attack.attacker.drain(attack.hits)
                    # The window is half-open: one second before it ends nothing is free again.
                    attack.platform.now += DAY - 1
                    attack.attacker.drain(attack.hits)
                    yield attack.row(_name(devices, len(servers), days), days)
                    attack.platform.now += 1


def _tried() -> Iterator[Row]:
    for devices in DEVICES:
        for name, strategy, needs_server in STRATEGIES:
            servers = (THIEF_SERVER,) if needs_server else ()
            # A server whose clock or disk the thief commands keeps its keys to itself.
            with scene(devices, servers, _SMALL_PERSONS, SMALL, files=False) as attack:
                strategy(attack)
                yield attack.row(f"{_name(devices, len(servers), 1)}-{name}")


def _with_losses() -> Iterator[Row]:
    for servers in ((), (THIEF_SERVER,)):
        with scene(1, servers, _SMALL_PERSONS, SMALL) as attack:
            attack.losing = True
            attack.attacker.drain(attack.hits)
            yield attack.row(f"{_name(1, len(servers), 1)}-lost-answers")


def quota_roll_back(_: Ground) -> Iterator[Row]:
    """What a server put back gains: found out, nothing; between two cosignatures, what its log forgot."""
    for devices in DEVICES:
        for name, strategy, _needs_server in STRATEGIES:
            if strategy in {stolen.clock_back, stolen.roll_back}:
                with scene(devices, (THIEF_SERVER,), _SMALL_PERSONS, SMALL, files=False) as attack:
                    strategy(attack)
                    yield _named(attack.row(f"p{devices}-{name}", inquired=False), "quota-roll-back")
        with scene(devices, (THIEF_SERVER,), _SMALL_PERSONS, SMALL, files=False) as attack:
            reached = stolen.between_cosignatures(attack)
            row = _named(attack.row(f"p{devices}-between-cosignatures", inquired=False), "quota-roll-back")
            yield msgspec.structs.replace(row, bound=reached, formula="⌊(P·n·q + forgotten)/t⌋")


def _named(row: Row, scenario: str) -> Row:
    return msgspec.structs.replace(row, scenario=scenario)


def _name(devices: int, stolen: int, days: int) -> str:
    return f"p{devices}-c{stolen}-d{days}"
