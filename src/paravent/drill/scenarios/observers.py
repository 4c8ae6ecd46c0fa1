"""Whoever only looks at the line between desk and hub."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator

from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.real import send, thief
from paravent.drill.credentials.scene import true_hits
from paravent.drill.discovery.curve import area
from paravent.drill.ground import Ground
from paravent.drill.platform import Platform
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.staff import Optician, hire
from paravent.drill.theft import read_directory
from paravent.wire.codec import encode

ASKED = 20
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
    # In turns, so that what else this machine does falls on both alike.
    answers = [[_fetched(platform, attacker, optician, hit) for hit in pair] for pair in zip(hits, misses, strict=True)]
    found, not_found = zip(*answers, strict=True)
    lengths = [sorted({length for length, _ in group}) for group in (found, not_found)]
    times = [[seconds for _, seconds in group] for group in (found, not_found)]
    yield Row(
        scenario="network", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons, opened=0,
        membership=0, bound=0, formula="0", seconds=round(time.perf_counter() - started, 2),
        remains="that a desk asks, when, and by the openings that follow a found row whether its customer was found",
        figures={
            "asked": 2 * ASKED, "lengths_found": str(lengths[0]), "lengths_not_found": str(lengths[1]),
            "same_lengths": lengths[0] == lengths[1],
            "milliseconds_found": round(statistics.median(times[0]) * 1_000, 2),
            "milliseconds_not_found": round(statistics.median(times[1]) * 1_000, 2),
            "area_by_time": round(area([*times[0], *times[1]], [True] * ASKED + [False] * ASKED), 2),
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
