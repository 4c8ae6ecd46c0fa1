"""Claims that a hub decides in a second: its own process, its durable store, over loopback HTTP.

Each claim is of another right, reserved before; requests are signed beforehand, so that clients take little of the
processor. Beside it, the primitives of one claim called bare, and its bytes flushed to the disk 32 claims at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.app import serve
from paravent.access.requests import HttpRequest
from paravent.bench.counters import Counters, counters
from paravent.bench.engines import Engine, NotRun, every_engine
from paravent.bench.invented import OK, as_http, read_answer
from paravent.bench.measures import Measure
from paravent.bench.served import listening
from paravent.crypto import hpke, sodium
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure
from paravent.hub.app import build
from paravent.wire.claims import DETAIL_BYTES, PAYMENT_BYTES, Act, Decision, Outcome
from paravent.wire.codec import decode
from paravent.wire.statements import Signed

CLIENTS = 16
_ROUND_REQUESTS = 512
_FLOOR_GROUP = 32
CLAIMS, QUICK_CLAIMS = 2_000, 512
SHOPS = 64
_SIGNATURES = 3  # of the request, the entitlement and the claim
_FLOOR_GROUPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFigures:
    """Decisions a second; a reservation and a claim are each one signed decision, flushed before it is answered."""

    engine: str
    claims_per_second: int
    reservations_per_second: int
    floor_per_second: int
    claims: int
    clients: int


def measure(home: Path, claims: int = CLAIMS) -> Iterator[ClaimFigures | NotRun]:
    """Measures each engine that this machine has."""
    with every_engine(home / "databases") as engines:
        for engine in engines:
            if isinstance(engine, NotRun):
                yield engine
            else:
                yield _measured(home / engine.name, engine, claims)


def _measured(home: Path, engine: Engine, claims: int) -> ClaimFigures:
    home.mkdir(parents=True)
    (port,) = free_ports(1)
    with counters(home, SHOPS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        floor = _floor(shops, home)
        with hub(shops, engine, home, port):
            rates = asyncio.run(_rates(shops, port, claims))
    return ClaimFigures(
        engine=engine.name, claims_per_second=round(rates[1]), reservations_per_second=round(rates[0]),
        floor_per_second=round(floor), claims=claims, clients=CLIENTS,
    )  # fmt: skip


@contextmanager
def hub(shops: Counters, engine: Engine, home: Path, port: int) -> Iterator[None]:
    """Runs a hub as a process of its own: a fork, which is ended by its own id."""
    process = os.fork()
    if process == 0:
        try:
            os.dup2(os.open(home / "hub.log", os.O_WRONLY | os.O_CREAT, 0o600), 2)
            store = shops.open_store(engine.connect(), home)
            identity, directory = shops.platform.hub.identity, shops.platform.directory
            signed = shops.signed_directory()
            serve(build(identity, directory, signed, store), host="127.0.0.1", port=port)
        finally:
            os._exit(0)
    with listening(process, port):
        yield


async def _rates(shops: Counters, port: int, claims: int) -> list[float]:
    """Reserves rights and claims them, round after round; returns reservations and claims a second."""
    seconds = [0.0, 0.0]
    done = 0
    while done < claims:
        count = min(claims - done, _ROUND_REQUESTS)
        rights = [shops.right() for _ in range(count)]
        places = [shops.shops[number % len(shops.shops)] for number in range(count)]
        shops.platform.now = int(time.time())
        for step, make in enumerate((shops.reservation, shops.claim)):
            requests = [make(shop, right) for shop, right in zip(places, rights, strict=True)]
            seconds[step] += await _send(requests, port)
        done += count
    return [claims / spent for spent in seconds]


async def _send(requests: Sequence[HttpRequest], port: int) -> float:
    waiting = deque(map(as_http, requests))
    outcomes: Counter[Outcome] = Counter()
    started = time.perf_counter()
    await asyncio.gather(*(_client(waiting, port, outcomes) for _ in range(CLIENTS)))
    spent = time.perf_counter() - started
    if outcomes != Counter({Outcome.ACCEPTED: len(requests)}):
        raise TechnicalFailure(f"the hub of the benchmark accepted {outcomes[Outcome.ACCEPTED]} of {len(requests)}")
    return spent


async def _client(waiting: deque[bytes], port: int, outcomes: Counter[Outcome]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while waiting:
        writer.write(waiting.popleft())
        status, body = await read_answer(reader)
        if status != OK:
            raise TechnicalFailure(f"a hub refused a request of the benchmark: {body.decode()}")
        outcomes[decode(decode(body, Signed).payload, Decision).outcome] += 1
    writer.close()
    await writer.wait_closed()


def _floor(shops: Counters, home: Path) -> float:
    """Claims a second of the bare primitives: signatures, decoding, boxes, and their bytes on the disk."""
    request = shops.claim(shops.shops[0], shops.right())
    keys = [BoxPublicKey(key) for key in (shops.insurer.entry.claims_key, shops.insurer.entry.payments_key)]
    public, secret = sodium.ed25519_keypair(bytes(32))
    signature = sodium.ed25519_sign(secret, request.body)
    content = (bytes(DETAIL_BYTES), bytes(PAYMENT_BYTES))

    def once() -> bytes:
        hashlib.sha256(request.body).digest()
        decode(request.body, Act)
        for _ in range(_SIGNATURES):
            sodium.ed25519_verifies(public, signature, request.body)
        boxes = [hpke.seal(key, text, Label.CLAIM_DETAIL_BOX) for key, text in zip(keys, content, strict=True)]
        return b"".join(boxes) + sodium.ed25519_sign(secret, request.body)

    with (home / "floor").open("wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(_FLOOR_GROUPS):
            file.write(b"".join(once() for _ in range(_FLOOR_GROUP)))
            os.fsync(file.fileno())
        return _FLOOR_GROUPS * _FLOOR_GROUP / (time.perf_counter() - started)


MEASURE = Measure(
    name="claims",
    rows=lambda folder, sizes: measure(folder / "hub", QUICK_CLAIMS if sizes.quick else CLAIMS),
)
