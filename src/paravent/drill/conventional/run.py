"""The thefts of the drill on the conventional platform: what each opens, variant by variant (docs/drill.md).

The same population and the same thief: he holds a true list of everybody. ``opened`` counts persons whose contract
he reads and whom he knows by name; the figure ``readable`` counts records that he reads, whosever they are.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from paravent.drill.conventional.portal import Browser
from paravent.drill.conventional.protection import Identity, Protection, Variant
from paravent.drill.conventional.store import Store, insured
from paravent.drill.credentials.scene import bound as bound_of_devices
from paravent.drill.ground import LOGIN, PASSWORD, Ground, Portal
from paravent.drill.population import LeakedLine, Population
from paravent.drill.row import Figure, PlatformName, Ran, Row
from paravent.drill.simulation.platform import Shape

LEFT = 10
"""One person in so many leaves the insurer after the backup was taken."""

Found = tuple[set[LeakedLine], int]
"""Lines of the list whose contract was read, and how many records could be read at all."""

Play = Callable[[Ground], Iterator[Row]]

_OK = 200
HIDDEN = {Variant.HMAC, Variant.ENCRYPTED}


def stolen_password(ground: Ground) -> Iterator[Row]:
    """Logs in with a phished password, and asks for everybody on the list."""
    return on_each_and_quota(ground, "stolen-password", lambda portal: _phished(portal, ground))


def provider_session(ground: Ground) -> Iterator[Row]:
    """Goes on with a session that somebody else opened, second factor and all."""

    def theft(portal: Portal) -> Found:
        victim = Browser(port=portal.port)
        victim.login(LOGIN, PASSWORD)
        victim.close()
        return scraped(Browser(port=portal.port, token=victim.token), ground.population.leaked_list())

    return on_each_and_quota(ground, "provider-session", theft)


def database(ground: Ground) -> Iterator[Row]:
    """Reads a copy of the database, without the application's key."""
    return on_each(
        ground, "database", lambda portal: read(portal.backup(), portal.without_key(), ground.population),
        bound=lambda variant: 0 if variant in HIDDEN else ground.persons,
    )  # fmt: skip


def with_the_key(scenario: str) -> Play:
    """Reads a copy of the database with the key that the application holds."""
    return lambda ground: on_each(
        ground, scenario, lambda portal: read(portal.backup(), portal.key(), ground.population)
    )  # fmt: skip


def old_backups(ground: Ground) -> Iterator[Row]:
    """Reads an old backup with the application's key: who has left is in it still."""
    for variant in Variant:
        portal = ground.portal(variant)
        backup = portal.backup()
        gone = list(itertools.islice(insured(ground.population), 0, None, LEFT))
        with Store(portal.home, portal.key()) as store:
            store.leave(identity for identity, _ in gone)
            started = time.perf_counter()
            loot = read(backup, portal.key(), ground.population)
            seconds = time.perf_counter() - started
            yield row(ground, "old-backups", portal, ground.persons, loot, seconds=seconds)
            store.load(gone)


def on_each_and_quota(ground: Ground, scenario: str, theft: Callable[[Portal], Found]) -> Iterator[Row]:
    """Plays a theft of an account on every variant, and on one that limits accounts as much as Paravent does."""
    yield from on_each(ground, scenario, theft)
    most = bound_of_devices(Shape(), 1, 0, 1)
    portal, started = ground.portal_apart(Variant.ENCRYPTED, quota=most), time.perf_counter()
    found = theft(portal)
    yield row(ground, scenario, portal, most, found, seconds=time.perf_counter() - started)


def on_each(
    ground: Ground, scenario: str, theft: Callable[[Portal], Found], bound: Callable[[Variant], int] | None = None
) -> Iterator[Row]:
    """Plays a theft on every variant; where no bound is given, it is everybody."""
    for variant in Variant:
        portal, started = ground.portal(variant), time.perf_counter()
        most = ground.persons if bound is None else bound(variant)
        found = theft(portal)
        yield row(ground, scenario, portal, most, found, seconds=time.perf_counter() - started)


def _phished(portal: Portal, ground: Ground) -> Found:
    browser = Browser(port=portal.port)
    browser.login(LOGIN, PASSWORD)
    return scraped(browser, ground.population.leaked_list())


def scraped(browser: Browser, lines: Iterable[LeakedLine]) -> Found:
    """Asks for everybody on a list, from address after address."""
    found = set()
    for line in lines:
        body = {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank}
        if browser.ask("/rights", body)[0] == _OK:
            found.add(line)
    browser.close()
    return found, len(found)


def read(copy: Path, protection: Protection, population: Population) -> Found:
    """Looks everybody on the list up in a copy, with the key or without; and counts what can be read at all."""
    found = set()
    with Store(copy, protection) as store:
        for line in population.leaked_list():
            identity = Identity(nir=line.nir, birth_date=line.birth_date, rank=line.rank, name=line.name)
            if protection.reference(identity) is not None and store.find(identity) is not None:
                found.add(line)
        readable = sum(protection.read(stored) is not None for stored in store.contracts())
    return found, readable


def row(
    ground: Ground, scenario: str, portal: Portal, bound: int, loot: Found, *, seconds: float,
    remains: str = "", figures: Mapping[str, Figure] | None = None,
) -> Row:  # fmt: skip
    """Says what a theft gave: nothing lists it, and no desk computes it."""
    found, readable = loot
    persons = ground.population.persons_of(found)
    return Row(
        scenario=scenario, platform=PlatformName.CONVENTIONAL, case=portal.case, ran=Ran.PROCESSES,
        persons=ground.persons, opened=persons, membership=persons, bound=bound,
        seconds=round(seconds, 2), remains=remains,
        figures={"readable": readable, **(figures or {})},
    )  # fmt: skip
