"""Whoever only looks: at the line between desk and hub, and at the hub's records with purchases that he knows of."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.access.store import read_secret
from paravent.breach.entries import LootKind, Stolen
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.real import send, thief
from paravent.drill.credentials.scene import true_hits
from paravent.drill.ground import Ground
from paravent.drill.inquiry import inquire
from paravent.drill.memory import Seen, look
from paravent.drill.platform import Platform
from paravent.drill.row import Figure, PlatformName, Ran, Row
from paravent.drill.staff import Optician, hire
from paravent.drill.stores import hub_copy
from paravent.drill.theft import read_directory
from paravent.errors import MalformedMessage, StorageDown
from paravent.hub.books import KeptRight
from paravent.hub.vault import DatabaseKey
from paravent.wire.codec import decode, encode

ASKED = 12
SALES = 5
_WATCHED = 8


def network(ground: Ground) -> Iterator[Row]:
    """Watches a desk fetch rows of members and of others: lengths and times of the answers."""
    platform, started = ground.paravent(), time.perf_counter()
    optician = hire(platform, _WATCHED, int(time.time()), _WATCHED)
    attacker = thief(platform, ground.population, [optician], {})
    amc, other = ground.population.insurers[:2]
    alone = {one.member_id for one in ground.population.persons if len({c.insurer for c in one.coverages}) == 1}
    hits = [hit for hit in true_hits(ground.population.persons) if hit.amc == amc and hit.person in alone][:ASKED]
    misses = [Hit(person=f"{hit.person}/other", amc=other, identity=hit.identity) for hit in hits]
    answers = [[_fetched(platform, attacker, optician, hit) for hit in asked] for asked in (hits, misses)]
    lengths = [sorted({length for length, _ in found}) for found in answers]
    times = [statistics.median(seconds for _, seconds in found) for found in answers]
    yield Row(
        scenario="network", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons, opened=0,
        membership=0, bound=0, formula="0", seconds=round(time.perf_counter() - started, 2),
        remains="that a desk asks, when, and by the openings that follow a found row whether its customer was found",
        figures={
            "asked": 2 * ASKED, "lengths_found": str(lengths[0]), "lengths_not_found": str(lengths[1]),
            "same_lengths": lengths[0] == lengths[1], "milliseconds_found": round(times[0] * 1_000, 2),
            "milliseconds_not_found": round(times[1] * 1_000, 2),
        },
    )  # fmt: skip


def _fetched(platform: Platform, attacker: Attacker, optician: Optician, hit: Hit) -> tuple[int, float]:
    """Fetches a row as a desk does; returns the length of the answer and how long it took."""
    hub, path, nonce = read_directory(platform).hub, "/v1/rows", new_nonce(os.urandom)
    body = encode(attacker.look_up(hit).row_message(hub.name, nonce, optician.keyid))
    headers, _ = sign_request(
        method="POST", base_url=hub.address, path=path, body=body, key=optician.key, now=int(time.time()), nonce=nonce
    )
    request = HttpRequest(
        method="POST", authority=authority_of(hub.address), target_uri=hub.address + path, headers=headers, body=body
    )
    started = time.perf_counter()
    answer = send(platform, "hub", path, request)
    return len(answer), time.perf_counter() - started


def linkage(ground: Ground) -> Iterator[Row]:
    """Knows of one purchase of somebody (shop, minute, price): looks for him in a copy, with its key, and in memory."""
    platform, counter = ground.paravent(), ground.counter()
    began, started, seen = int(time.time()), time.perf_counter(), Seen()
    issuers, others = dict(read_directory(platform).issuers()), ground.next_customers(SALES)
    for person in others[:-1]:
        counter.sell(counter.by_number(person))
    pid = platform.processes["hub"].pid
    look(pid, seen, issuers, [])
    before = set(seen.entitlements)
    check = counter.by_number(others[-1])
    for act in (counter.reserve, counter.sell):
        act(check)
        look(pid, seen, issuers, [])
    new = set(seen.entitlements) - before
    theft = hub_copy(ground, platform)
    key = DatabaseKey(read_secret(platform.home / "hub" / "secrets" / "database.key", 32))
    seconds = round(time.perf_counter() - started, 2)
    rights = _rights(theft.database, key)
    cases: tuple[tuple[str, int, int, int, dict[str, Figure]], ...] = (
        ("copy", 0, 0, 0, {"records": _records(theft.database)}),
        ("copy+database-key", 0, 0, 0, {"rights_that_may_be_his": rights}),
        ("hub-root-at-that-minute", int(len(new) == 1), 1, 1, {"entitlements_that_may_be_his": len(new)}),
    )
    for case, opened, membership, bound, figures in cases:
        loots = [Stolen(kind=LootKind.HUB, from_at=began, to_at=int(time.time()))] if bound else [
            Stolen(kind=LootKind.DATABASE)
        ]  # fmt: skip
        found = inquire(platform, ground.folder("case"), loots, began)
        yield Row(
            scenario="linkage", platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES, persons=ground.persons,
            opened=opened, membership=membership, bound=bound,
            formula="0 in a copy; as root, those whose purchase is known already", computed=found.estimate,
            seconds=seconds, figures=figures | {"known_purchases": 1},
        )  # fmt: skip


def _records(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (records,) = connection.execute("SELECT COUNT(*) FROM record").fetchone()
    return int(records)


def _rights(database: Path, key: DatabaseKey) -> int:
    """Counts the rights with an equipment paid for that the key opens: one of them is his, and nothing says which."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        records = connection.execute("SELECT name, sealed FROM record").fetchall()
    found = 0
    for name, sealed in records:
        with suppress(MalformedMessage, StorageDown):
            found += bool(decode(key.open(name, sealed), KeptRight).record.paid)
    return found
