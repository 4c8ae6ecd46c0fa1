"""The thefts of the drill on the conventional platform: what each opens, variant by variant (docs/drill.md).

The same population and the same thief: he holds a true list of everybody. ``opened`` counts persons whose contract
he reads and whom he knows by name; ``readable`` counts records that he reads, whosever they are.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from paravent.drill.conventional.portal import Browser, serving
from paravent.drill.conventional.protection import Identity, Protection, Variant
from paravent.drill.conventional.store import DATABASE, Store, create, insured, protection_of
from paravent.drill.population import LeakedLine, Population

LOGIN = "optician-1"
PASSWORD = "a long pass phrase of a shop"  # noqa: S105 - of nobody: the thief has phished it
LEFT = 10
"""One person in so many leaves the insurer after the backup was taken."""

_OK, _TOO_MANY = 200, 429


def rows(home: Path, population: Population) -> Iterator[dict[str, Any]]:
    """Plays every theft on every variant."""
    for variant in Variant:
        folder = home / variant.value
        create(folder, variant)
        with Store(folder, protection_of(folder)) as store:
            store.load(insured(population))
            store.add_account(LOGIN, PASSWORD)
        yield from _variant(folder, variant, population)


def _variant(folder: Path, variant: Variant, population: Population) -> Iterator[dict[str, Any]]:
    everybody = len(population.persons)
    with serving(folder) as port:
        yield _row("stolen-password", variant, population, everybody, lambda: _scraped(port, population))
    backup = _copy(folder, folder / "backup")
    without_key = Protection(variant=variant, key=None)
    with_key = protection_of(folder)
    hidden = variant in {Variant.HMAC, Variant.ENCRYPTED}
    bound = 0 if hidden else everybody
    yield _row("database", variant, population, bound, lambda: _read(backup, without_key, population))
    yield _row("database+application-key", variant, population, everybody, lambda: _read(backup, with_key, population))
    with Store(folder, with_key) as store:
        store.leave([identity for identity, _ in insured(population)][::LEFT])
    yield _row("old-backups+application-key", variant, population, everybody,
               lambda: _read(backup, with_key, population))  # fmt: skip


def _scraped(port: int, population: Population) -> tuple[set[LeakedLine], int]:
    """Logs in with the phished password and asks for everybody on the list, from address after address."""
    browser, found = Browser(port=port), set()
    browser.login(LOGIN, PASSWORD)
    for line in population.leaked_list():
        body = {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank}
        status, _ = browser.post("/rights", body)
        if status == _TOO_MANY:
            browser.next_address()
            status, _ = browser.post("/rights", body)
        if status == _OK:
            found.add(line)
    browser.close()
    return found, len(found)


def _read(copy: Path, protection: Protection, population: Population) -> tuple[set[LeakedLine], int]:
    """Looks everybody on the list up in a copy, with the key or without; and counts what can be read at all."""
    found = set()
    with Store(copy, protection) as store:
        for line in population.leaked_list():
            identity = Identity(nir=line.nir, birth_date=line.birth_date, rank=line.rank, name=line.name)
            if protection.reference(identity) is not None and store.find(identity) is not None:
                found.add(line)
        readable = sum(protection.read(stored) is not None for stored in store.contracts())
    return found, readable


def _copy(folder: Path, target: Path) -> Path:
    """Copies the database alone, as a backup or a thief does; the key stays in the application."""
    target.mkdir()
    shutil.copy(folder / DATABASE, target / DATABASE)
    return target


def _row(
    scenario: str, variant: Variant, population: Population, bound: int,
    theft: Callable[[], tuple[set[LeakedLine], int]],
) -> dict[str, Any]:  # fmt: skip
    started = time.perf_counter()
    found, readable = theft()
    return {
        "scenario": scenario, "platform": "conventional", "variant": variant.value,
        "persons": len(population.persons), "opened": population.persons_of(found), "readable": readable,
        "bound": bound, "detected_after": None, "seconds": round(time.perf_counter() - started, 2),
    }  # fmt: skip
