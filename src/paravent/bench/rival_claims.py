"""Claims that the conventional platform of the drill takes in a second: beside the hub's, in the same run.

A portal behind a session, one database, columns encrypted under the application's key, each claim flushed before it is
answered. It signs nothing, checks no amount and seals nothing: that is what the difference buys.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paravent.access.requests import HttpRequest
from paravent.bench.claims import CLAIMS, CLIENTS, QUICK_CLAIMS
from paravent.bench.invented import OK, as_http, read_answer
from paravent.bench.measures import Figures, Measure, Sizes, population
from paravent.drill.conventional.portal import Browser, serving
from paravent.drill.conventional.protection import Variant
from paravent.drill.conventional.store import Store, create, insured, protection_of
from paravent.drill.ground import LOGIN, PASSWORD
from paravent.drill.population import Population
from paravent.errors import TechnicalFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalFigures:
    """Claims a second of the conventional platform, each kept durably."""

    engine: str
    claims_per_second: int
    claims: int
    clients: int


def measure(home: Path, population: Population, claims: int) -> RivalFigures:
    """Measures the portal with as many clients as the hub has."""
    create(home, Variant.ENCRYPTED)
    with Store(home, protection_of(home)) as store:
        store.load(insured(population))
        store.add_account(LOGIN, PASSWORD)
    with serving(home) as port:
        browser = Browser(port=port)
        browser.login(LOGIN, PASSWORD)
        browser.close()
        waiting = deque(_requests(population, port, browser.token, claims))
        spent = asyncio.run(_send(waiting, port))
    return RivalFigures(
        engine="conventional-sqlite", claims_per_second=round(claims / spent), claims=claims, clients=CLIENTS
    )


def _requests(population: Population, port: int, token: str, claims: int) -> list[bytes]:
    lines = population.leaked_list()
    authority = f"127.0.0.1:{port}"
    bodies = (
        {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank, "number": str(number),
         "items": "MONT-B V-c-B V-c-B", "cents": 45_000}
        for number in range(claims) for line in (lines[number % len(lines)],)
    )  # fmt: skip
    return [
        as_http(HttpRequest(
            method="POST", authority=authority, target_uri=f"http://{authority}/claims",
            headers={"authorization": f"Bearer {token}"}, body=json.dumps(body).encode(),
        ))
        for body in bodies
    ]  # fmt: skip


async def _send(waiting: deque[bytes], port: int) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(_client(waiting, port) for _ in range(CLIENTS)))
    return time.perf_counter() - started


async def _client(waiting: deque[bytes], port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while waiting:
        writer.write(waiting.popleft())
        status, body = await read_answer(reader)
        if status != OK or b'"new":true' not in body:
            raise TechnicalFailure(f"the conventional portal answered {status} to a claim")
    writer.close()
    await writer.wait_closed()


def _rows(folder: Path, sizes: Sizes) -> Iterator[Figures]:
    yield measure(folder / "rival", population(sizes), QUICK_CLAIMS if sizes.quick else CLAIMS)


MEASURE = Measure(name="claims", rows=_rows)
