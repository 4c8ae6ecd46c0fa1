"""Look-ups with their proofs and claims, sent to a hub over HTTP from several connections until told to stop.

An act that is not answered is sent again, signed anew, under its idempotency key, as a desk does; in the end each is
asked once more: a hub that kept it gives the decision it gave.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.bench.counters import Counters, Shop
from paravent.bench.failover.rows import Published
from paravent.bench.invented import OK, Answer, as_http, read_answer
from paravent.crypto.labels import Label
from paravent.crypto.manifest import verify_inclusion
from paravent.crypto.signing import SigningKey, key_id
from paravent.drill.simulation.parties import ROWS
from paravent.errors import TechnicalFailure
from paravent.hub.shards import shard_of
from paravent.wire.claims import Decision
from paravent.wire.codec import decode, encode
from paravent.wire.number_lane import RowAnswer, RowRequest, fetch_fields
from paravent.wire.statements import Signed

_ANSWER_SECONDS_MAX, _PAUSE_SECONDS = 15.0, 0.1
_TRIES_MAX = 2_000
_AWAY = (OSError, asyncio.IncompleteReadError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """When a request was sent and answered, and what it needed: the shard of its row, or the hub's own database."""

    sent_at: float
    answered_at: float
    shard: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAct:
    """An act that was acknowledged, whose, and with which decision."""

    shop: Shop
    request: HttpRequest
    decision_id: bytes


@dataclass(slots=True, kw_only=True)
class Load:
    """What asks, and what it was answered."""

    shops: Counters
    published: Published
    place: tuple[str, int]
    shards: int
    stopped: bool = False
    acknowledged: list[Acknowledged] = field(default_factory=list)
    acts: list[KeptAct] = field(default_factory=list)

    async def run(self, clients: int) -> None:
        """Asks until ``stopped``: half of the clients look up, half claim."""
        lookers = (self._looks_up(self.shops.shops[number]) for number in range(clients))
        claimers = (self._claims(self.shops.shops[clients + number]) for number in range(clients))
        await asyncio.gather(*lookers, *claimers)

    async def _looks_up(self, shop: Shop) -> None:
        connection = Connection(self.place)
        for key in itertools.cycle(self.published.keys):
            if self.stopped:
                break
            sent_at = time.monotonic()
            answer = await connection.tried(self._lookup(shop, key))
            if answer is None:
                continue
            shard = shard_of(self._verified(decode(answer[1], RowAnswer), key), self.shards)
            self.acknowledged.append(Acknowledged(sent_at=sent_at, answered_at=time.monotonic(), shard=shard))
        await connection.close()

    def _lookup(self, shop: Shop, key: SigningKey) -> HttpRequest:
        hub, nonce = self.shops.platform.directory.hub, new_nonce(self.shops.rng)
        proof = key.sign(Label.FETCH, *fetch_fields(hub.name, nonce, key_id(shop.key.public)))
        message = RowRequest(
            insurer=self.published.insurer, epoch=self.published.epoch, handle_key=key.public, proof=proof
        )
        body = encode(message)
        headers, _ = sign_request(
            method="POST", base_url=hub.address, path=ROWS, body=body, key=shop.key, now=int(time.time()), nonce=nonce
        )
        return HttpRequest(
            method="POST", authority=authority_of(hub.address), target_uri=hub.address + ROWS, headers=headers,
            body=body,
        )  # fmt: skip

    def _verified(self, answer: RowAnswer, key: SigningKey) -> bytes:
        """Checks the row's proof against the signed root, as a desk does; returns the handle."""
        (leaf,) = answer.leaves
        head = self.published.head
        if answer.row is None or leaf.handle != self.published.handle(key):
            raise TechnicalFailure("the hub of the benchmark does not find a row that it has")
        verify_inclusion(leaf.inclusion(), count=head.count, root=head.root, culprit="hub")
        return leaf.handle

    async def _claims(self, shop: Shop) -> None:
        connection = Connection(self.place)
        while not self.stopped:
            self.shops.platform.now = int(time.time())
            right = self.shops.right()
            for make in (self.shops.reservation, self.shops.claim):
                request = make(shop, right)
                sent_at, decision = await self._decided(connection, shop, request)
                self.acknowledged.append(Acknowledged(sent_at=sent_at, answered_at=time.monotonic(), shard=None))
                self.acts.append(KeptAct(shop=shop, request=request, decision_id=decision))
        await connection.close()

    async def _decided(self, connection: Connection, shop: Shop, request: HttpRequest) -> tuple[float, bytes]:
        """Sends an act until it is decided; returns when the answered one was sent, and the decision's identifier."""
        for _ in range(_TRIES_MAX):
            sent_at = time.monotonic()
            answer = await connection.tried(self._again(shop, request))
            if answer is not None:
                return sent_at, decode(decode(answer[1], Signed).payload, Decision).decision_id
        raise TechnicalFailure("an act of the benchmark was never decided")

    def _again(self, shop: Shop, request: HttpRequest) -> HttpRequest:
        self.shops.platform.now = int(time.time())
        return self.shops.again(shop, request.body)

    async def lost(self, acts: Sequence[KeptAct]) -> int:
        """Asks for every acknowledged act once more; returns how many the hub no longer has."""
        connection, lost = Connection(self.place), 0
        for act in acts:
            answer = await connection.tried(self._again(act.shop, act.request), tries=50)
            same = answer is not None and (
                decode(decode(answer[1], Signed).payload, Decision).decision_id == act.decision_id
            )
            lost += not same
        await connection.close()
        return lost


class Connection:
    """One connection of a client, opened again after the hub ended it."""

    def __init__(self, place: tuple[str, int]) -> None:
        """Opens nothing yet."""
        self._place = place
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def tried(self, request: HttpRequest, *, tries: int = 1) -> Answer | None:
        """Sends a request; None when the hub is away or says that its database is. Raises on any other refusal."""
        for _ in range(tries):
            try:
                status, body = await asyncio.wait_for(self._sent(request), _ANSWER_SECONDS_MAX)
            except _AWAY:
                await self.close()
                status, body = 0, b""
            if status == OK:
                return status, body
            if status not in {0, 503}:
                raise TechnicalFailure(f"a hub refused a request of the benchmark: {body.decode()}")
            await asyncio.sleep(_PAUSE_SECONDS)
        return None

    async def _sent(self, request: HttpRequest) -> Answer:
        if self._open is None:
            self._open = await asyncio.open_connection(*self._place)
        reader, writer = self._open
        writer.write(as_http(request))
        return await read_answer(reader)

    async def close(self) -> None:
        """Closes it."""
        if self._open is not None:
            self._open[1].close()
            self._open = None
