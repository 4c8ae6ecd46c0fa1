"""Acts on the conventional platform: purchases linked, rights used first, ransom, floods, lies (docs/drill.md)."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from functools import partial

import msgspec

from paravent.drill.conventional.portal import Browser, serving
from paravent.drill.conventional.protection import Contract, Variant
from paravent.drill.conventional.run import HIDDEN, read, row, scraped
from paravent.drill.conventional.store import DATABASE, KEY_FILE, VARIANT_FILE, Store
from paravent.drill.conventional.thefts import asked, entered, identity_of
from paravent.drill.ground import LOGIN, PASSWORD, Ground
from paravent.drill.pressure import figures, flooding, timed
from paravent.drill.row import Row

BUYERS, CALLS, FLOODED_CALLS = 4, 8, 500
_OK = 200


def linkage(ground: Ground) -> Iterator[Row]:
    """Knows of one purchase of each of a few persons: finds in a copy all that stands beside it."""
    buyers = ground.population.leaked_list()[:BUYERS]
    for variant in Variant:
        portal, browser, started = ground.portal(variant), entered(ground.portal(variant)), time.perf_counter()
        for number, line in enumerate(buyers):
            for cents in (40_000 + number, 9_900):
                sale = asked(line) | {"number": os.urandom(8).hex(), "items": "pair", "cents": cents}
                browser.ask("/claims", sale)
        browser.close()
        copy = portal.fresh_copy(ground.folder("linkage"))
        with Store(copy, portal.without_key()) as store:
            claims = list(store.claims())
            opened, recognised, linked = set(), set(), 0
            for number, line in enumerate(buyers):
                named = {reference for reference, _, cents in claims if cents == 40_000 + number}
                linked += sum(reference in named for reference, _, _ in claims) - 1
                recognised |= {line} if named else set()
                if any(store.contract_of(reference) is not None for reference in named):
                    opened.add(line)
        bound = 0 if variant is Variant.ENCRYPTED else BUYERS
        found = row(
            ground, "linkage", portal, bound, (opened, len(opened)), seconds=time.perf_counter() - started,
            figures={"known_purchases": 1, "claims_linked": linked},
        )  # fmt: skip
        yield msgspec.structs.replace(found, membership=ground.population.persons_of(recognised))


def burned(ground: Ground) -> Iterator[Row]:
    """Claims for somebody else first, with any login: the insured person's own is taken as well."""
    portal, line = ground.portal(Variant.ENCRYPTED), ground.population.leaked_list()[0]
    thief, shop, started = entered(portal), entered(portal), time.perf_counter()
    taken = [
        browser.ask("/claims", asked(line) | {"number": os.urandom(8).hex(), "items": "pair", "cents": 40_000})[1][
            "new"
        ]
        for browser in (thief, shop)
    ]
    opened = scraped(thief, [line])
    shop.close()
    yield row(
        ground, "burned-entitlement", portal, 1, opened, seconds=time.perf_counter() - started,
        figures={"claims_taken_for_one_right": sum(taken)},
    )  # fmt: skip


def network(ground: Ground) -> Iterator[Row]:
    """Watches the lengths of answers behind TLS: found and not found differ."""
    portal = ground.portal(Variant.ENCRYPTED)
    browser, lines, started = entered(portal), ground.population.leaked_list()[:CALLS], time.perf_counter()
    found = {len(json.dumps(browser.ask("/rights", asked(line))[1])) for line in lines}
    missed = {len(json.dumps(browser.ask("/rights", asked(line) | {"rank": 9})[1])) for line in lines}
    browser.close()
    yield row(
        ground, "network", portal, 0, (set(), 0), seconds=time.perf_counter() - started,
        remains="whether a customer was found",
        figures={
            "asked": 2 * CALLS, "lengths_found": str(sorted(found)), "lengths_not_found": str(sorted(missed)),
            "same_lengths": found == missed,
        },
    )  # fmt: skip


def ransomware(ground: Ground) -> Iterator[Row]:
    """Copies the database, then encrypts its disk; the copy is read without the key, the backup restored."""
    for variant in Variant:
        portal, folder = ground.portal(variant), ground.folder("ransom")
        for name in (DATABASE, KEY_FILE, VARIANT_FILE):
            shutil.copy(portal.home / name, folder / name)
        started = time.perf_counter()
        extorted = portal.fresh_copy(ground.folder("extorted"))
        loot, seconds = read(extorted, portal.without_key(), ground.population), time.perf_counter() - started
        struck = time.perf_counter()
        (folder / DATABASE).write_bytes(os.urandom((folder / DATABASE).stat().st_size))
        shutil.copy(portal.backup() / DATABASE, folder / DATABASE)
        with serving(folder) as port:
            browser = Browser(port=port)
            browser.login(LOGIN, PASSWORD)
            served = browser.ask("/rights", asked(ground.population.leaked_list()[-1]))[0] == _OK
            browser.close()
        yield row(
            ground, "ransomware", portal, 0 if variant in HIDDEN else ground.persons, loot, seconds=seconds,
            figures={
                "served_after_restore": served, "seconds_until_restored": round(time.perf_counter() - struck, 1),
            },
        )  # fmt: skip


def flood(ground: Ground) -> Iterator[Row]:
    """Floods the portal in the same way; an optician goes on meanwhile."""
    portal, started = ground.portal(Variant.ENCRYPTED), time.perf_counter()
    browser, lines = entered(portal), ground.population.leaked_list()
    quiet = [timed(partial(browser.ask, "/rights", asked(line))) for line in lines[:CALLS]]
    with flooding([portal.port]) as sent:
        under = [
            timed(partial(browser.ask, "/rights", asked(line))) for line in (lines * FLOODED_CALLS)[:FLOODED_CALLS]
        ]
    browser.close()
    yield row(
        ground,
        "flood",
        portal,
        0,
        (set(), 0),
        seconds=time.perf_counter() - started,
        figures=figures(quiet, under, sent),
    )


def lying_server(ground: Ground) -> Iterator[Row]:
    """Alters contracts in the database behind the portal: whoever asks believes what he is told."""
    portal, line = ground.portal(Variant.CLEAR), ground.population.leaked_list()[0]
    browser, started = entered(portal), time.perf_counter()
    before = browser.ask("/rights", asked(line))[1]
    with Store(portal.home, portal.key()) as store:
        contract = msgspec.convert(before, Contract)
        store.load([(identity_of(line), msgspec.structs.replace(contract, free_from=299_912))])
        told = browser.ask("/rights", asked(line))[1]
        store.load([(identity_of(line), contract)])
    browser.close()
    yield row(
        ground, "lying-server", portal, 0, (set(), 0), seconds=time.perf_counter() - started,
        figures={"lies_told": 1, "lies_believed": int(told["free_from"] == 299_912), "liar_accused": False},
    )  # fmt: skip
