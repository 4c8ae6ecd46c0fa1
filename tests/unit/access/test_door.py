"""The door of a server: who is let in under load, and how a refusal leaves a connection as it was (13.5)."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.unit.crypto.mutation import edited
from uvicorn.server import ServerState

from paravent.access import admission_app, door
from paravent.access.admission_app import SIGNED_STATE
from paravent.access.app import application, json_response
from paravent.access.client import BACKGROUND
from paravent.access.door import (
    BACKGROUND_INSIDE_MAX,
    HELD_SECONDS_MIN,
    INSIDE_MAX,
    REFUSAL_SECONDS_MAX,
    REFUSALS_PER_SECOND_MAX,
    RETRY_SECONDS_MAX,
    RETRY_SECONDS_MIN,
    STRANGERS_PER_SECOND_MAX,
    Door,
    Returns,
    claimed_by,
    is_background,
    rest_of,
)
from paravent.access.door_app import DoorProtocol
from paravent.access.group_commit import ANSWER_BY
from paravent.access.tally import Tally
from paravent.errors import RequestNotAuthentic

pytestmark = pytest.mark.anyio

KEYID, OTHER = b"0" * 32, b"1" * 32


WAITS_FOR_NOBODY = "".join(f"{name}: {value}\r\n" for name, value in BACKGROUND.items()).encode()


def request(keyid: bytes = KEYID, body: bytes = b"{}", path: bytes = b"/signed", more: bytes = b"") -> bytes:
    """A request that names a key."""
    head = b'POST %s HTTP/1.1\r\nhost: x\r\nsignature-input: pv=();keyid="%s"\r\n%scontent-length: %d\r\n\r\n'
    return head % (path, keyid, more, len(body)) + body


def flood(here: Door, seconds: float, claimed: bytes = OTHER, per_second: int = 10_000) -> int:
    """How many of a flood are let in, while somebody known asks ten times a second."""
    let_in = 0
    for number in range(int(seconds * per_second)):
        now = number / per_second
        if number % (per_second // 10) == 0:
            assert here.lets_in(KEYID, now)
        let_in += here.lets_in(claimed, now)
    return let_in


def test_strangers_keep_to_their_rate_while_somebody_known_is_served() -> None:
    here = Door()
    here.know(KEYID)
    assert flood(here, 4) <= 4.3 * STRANGERS_PER_SECOND_MAX


def test_strangers_have_all_that_nobody_known_asks_for() -> None:
    here = Door()
    assert all(here.lets_in(OTHER, 0.0) for _ in range(5_000))
    here.know(KEYID)
    here.lets_in(KEYID, 10.0)
    assert not all(here.lets_in(OTHER, 10.0) for _ in range(5_000))
    assert all(here.lets_in(OTHER, 12.0) for _ in range(5_000))


def returning(here: Door, devices: int) -> int:
    """How many devices that a server does not know yet are let in within a second, each answered at once."""
    here.know(KEYID)
    let_in = 0
    for number in range(devices):
        now, keyid = 100 + number / devices, b"%032x" % number
        here.lets_in(KEYID, now)
        if here.lets_in(keyid, now):
            let_in += 1
            here.know(keyid)
    return let_in


def test_devices_that_come_back_after_a_start_pass_as_fast_as_they_are_answered() -> None:
    assert returning(Door(), 2_000) == 2_000


def test_who_is_not_who_it_said_is_known_no_more() -> None:
    here = Door()
    here.know(KEYID)
    here.know(OTHER)
    here.forget(OTHER)
    assert flood(here, 4) <= 4.3 * STRANGERS_PER_SECOND_MAX


def test_nobody_is_let_in_beyond_what_fits() -> None:
    here = Door(inside=INSIDE_MAX)
    here.know(KEYID)
    assert not here.lets_in(KEYID, 0.0)


def test_what_nobody_waits_for_leaves_room_for_who_stands_at_a_counter() -> None:
    here = Door(inside=BACKGROUND_INSIDE_MAX)
    assert not here.lets_in(KEYID, 0.0, background=True)
    assert here.lets_in(KEYID, 0.0)
    here.leave(1)
    assert here.lets_in(KEYID, 0.0, background=True)


def test_whoever_is_enrolled_is_known_from_the_start() -> None:
    here = Door.knowing([KEYID.decode()])
    assert here.lets_in(KEYID, 0.0)
    here.strangers.due = float("inf")
    assert not here.lets_in(OTHER, 0.0)
    assert here.lets_in(KEYID, 0.0)


def test_refusals_have_a_rate_and_nobody_waits_for_one_for_long() -> None:
    here = Door()
    waits = [here.refusal_wait(0.0) for _ in range(2_000)]
    assert waits[0] == 0
    assert waits[500] == pytest.approx(500 / REFUSALS_PER_SECOND_MAX, abs=0.25)
    assert waits[-1] == max(waits) == REFUSAL_SECONDS_MAX


def test_nobody_known_is_refused_at_once() -> None:
    """As many as a server answers in a second may come at one instant."""
    assert Door().refusal_wait(0.0, held=True) == HELD_SECONDS_MIN
    assert Door().refusal_wait(0.0) == 0


class Asker:
    """A connection whose request is held."""

    def let_in(self) -> None:
        raise AssertionError("the door says who is let in, and no more")


def test_the_request_held_last_is_let_in_first_and_none_that_would_be_answered_late() -> None:
    here, old, first, last, patient = Door(inside=INSIDE_MAX), Asker(), Asker(), Asker(), Asker()
    here.know(KEYID)
    for asker, now in ((old, 0.0), (first, 1.5), (last, 1.6)):
        assert here.holds(asker, KEYID, now)
    assert here.holds(patient, KEYID, 1.7, background=True)
    assert not here.holds(Asker(), OTHER, 1.8)
    assert here.let_in_held(2.0) is None
    here.inside = INSIDE_MAX - 1
    assert [here.let_in_held(2.5) for _ in range(3)] == [last, first, None]
    here.drop(old)
    here.inside = BACKGROUND_INSIDE_MAX - 1
    assert [here.let_in_held(2.5) for _ in range(2)] == [patient, None]


def told(here: Door, seconds: int, refused: int, answered: int) -> list[list[int]]:
    """In how many seconds those who are refused may come back, second by second, so many being answered in each."""
    found = []
    for second in range(seconds):
        here.inside += answered
        here.leave(answered)
        found.append([here.returns.retry_after(1_000 + second + number / refused) for number in range(refused)])
    return found


def test_as_many_are_told_to_come_back_in_a_second_as_are_answered_in_one() -> None:
    here = Door()
    *_, last = told(here, 6, refused=60, answered=50)
    here.returns.pace.due = 0.0
    at_once = [here.returns.retry_after(1_005.99) for _ in range(230)]
    assert min(at_once) == RETRY_SECONDS_MIN
    assert [at_once.count(RETRY_SECONDS_MIN + wait) for wait in (1, 2, 3)] == pytest.approx([50, 50, 50], abs=1)
    assert len(last) == 60


def test_what_was_answered_while_nobody_was_refused_says_nothing_of_what_can_be() -> None:
    here = Door()
    told(here, 3, refused=10, answered=400)
    rate = here.returns.pace.per_second
    here.inside += 10
    here.leave(10)
    here.returns.retry_after(2_000.0)
    assert here.returns.pace.per_second == rate


def test_nobody_is_told_to_come_back_later_than_a_limit_and_waiting_does_not_add_up() -> None:
    here = Door()
    waits = [here.returns.retry_after(0.0) for _ in range(100_000)]
    assert (min(waits), max(waits)) == (RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
    assert here.returns.retry_after(RETRY_SECONDS_MAX + 1.0) == RETRY_SECONDS_MIN


def test_who_was_not_seen_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "KNOWN_MAX", 2)
    here = Door()
    for keyid in (KEYID, OTHER, KEYID, b"2" * 32):
        here.know(keyid)
    here.lets_in(KEYID, 0.0)
    here.strangers.due = 1.0
    assert not here.lets_in(OTHER, 0.0)
    assert here.lets_in(KEYID, 0.0)


@pytest.mark.parametrize(
    ("data", "rest"),
    [
        (request(), 0),
        (request()[:-1], 1),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 0),
        (request() + b"P", None),
        (b"GET / HTTP/1.1\r\nhost:", None),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\nContent-Length: 3\r\n\r\n{}", None),
        (b"POST / HTTP/1.1\r\ncontent-length: +2\r\n\r\n{}", None),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}", None),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", None),
    ],
)
def test_the_end_of_a_request_is_known_for_certain_or_not_at_all(data: bytes, rest: int | None) -> None:
    assert rest_of(data) == rest


def test_the_key_that_a_request_names_is_read_from_its_head() -> None:
    assert claimed_by(request()) == KEYID
    assert claimed_by(b"GET / HTTP/1.1\r\n\r\n") == b""


def test_a_request_says_in_its_head_that_nobody_waits_for_it() -> None:
    assert is_background(request(more=WAITS_FOR_NOBODY))
    assert not is_background(request())
    assert not is_background(request(more=b"priority: u=1\r\n"))


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written, self.closed, self.paused = b"", False, False

    def write(self, data: bytes) -> None:
        self.written += b"" if self.closed else data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def get_extra_info(self, _: str) -> None:
        return None

    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Connected:
    """A server without sockets: its application, its door, and connections to it."""

    def __init__(self) -> None:
        async def signed(given: Request) -> Response:
            await given.body()
            setattr(given.state, SIGNED_STATE, True)
            return json_response({})

        async def left(given: Request) -> Response:
            await given.body()
            setattr(given.state, SIGNED_STATE, True)
            return json_response({"left": ANSWER_BY.get() - asyncio.get_running_loop().time()})

        async def forged(given: Request) -> Response:
            await given.body()
            raise RequestNotAuthentic("it is not")

        async def public(given: Request) -> Response:
            await given.body()
            return json_response({})

        self.tally = Tally()
        routes = [Route(f"/{one.__name__}", one, methods=["POST"]) for one in (signed, left, forged, public)]
        app = application("party", routes, lambda _: SimpleNamespace(), tally=self.tally)
        self.door = app.state.door = Door()
        self.config = uvicorn.Config(app, http=DoorProtocol, log_config=None, access_log=False, lifespan="off")
        self.state = ServerState()

    def connect(self) -> tuple[DoorProtocol, Wire]:
        protocol, wire = DoorProtocol(config=self.config, server_state=self.state, app_state={}), Wire()
        protocol.connection_made(wire)  # type: ignore[arg-type]
        return protocol, wire

    async def ask(self, protocol: DoorProtocol, *pieces: bytes) -> None:
        for piece in pieces:
            protocol.data_received(piece)
        while self.state.tasks:
            await asyncio.wait(set(self.state.tasks))


@pytest.fixture
async def server() -> Connected:
    """A server in the loop of the test."""
    return Connected()


async def test_who_was_answered_as_signed_is_known_and_who_was_not_is_not(server: Connected) -> None:
    protocol, wire = server.connect()
    await server.ask(protocol, request(KEYID))
    await server.ask(protocol, request(OTHER, path=b"/public"))
    assert wire.statuses() == [200, 200]
    server.door.lets_in(KEYID, protocol.loop.time())
    server.door.strangers.due = float("inf")
    await server.ask(protocol, request(OTHER))
    await server.ask(protocol, request(KEYID))
    assert wire.statuses() == [200, 200, 503, 200]
    await server.ask(protocol, request(KEYID, path=b"/forged"))
    await server.ask(protocol, request(KEYID))
    assert wire.statuses() == [200, 200, 503, 200, 401, 503]
    assert server.door.inside == 0
    assert not wire.closed


async def test_a_refused_request_in_two_pieces_leaves_nothing_of_itself(server: Connected) -> None:
    protocol, wire = server.connect()
    server.door.inside = INSIDE_MAX
    protocol.data_received(request(body=b"a" * 300)[:-100])
    assert wire.statuses() == []
    protocol.data_received(b"a" * 100)
    assert wire.statuses() == [503]
    server.door.inside = 0
    await server.ask(protocol, request())
    assert wire.statuses() == [503, 200]
    assert [(one.action, one.code) for one in server.tally.take()] == [("door", "overloaded"), ("signed", "")]


async def test_an_act_that_was_kept_waits_where_a_request_of_a_counter_does_not(server: Connected) -> None:
    protocol, wire = server.connect()
    server.door.inside = BACKGROUND_INSIDE_MAX
    await server.ask(protocol, request(more=WAITS_FOR_NOBODY))
    await server.ask(protocol, request())
    assert wire.statuses() == [503, 200]


async def test_what_comes_behind_a_refused_request_is_never_taken_for_one(server: Connected) -> None:
    protocol, wire = server.connect()
    server.door.inside = INSIDE_MAX
    protocol.data_received(request() + request())
    assert (wire.statuses(), wire.closed) == ([503], True)


async def test_requests_that_wait_for_no_answer_do_not_pass_the_door_together(server: Connected) -> None:
    protocol, wire = server.connect()
    await server.ask(protocol, request() + request(OTHER))
    assert (wire.statuses(), wire.closed) == ([400], True)


async def test_what_comes_behind_a_request_whose_refusal_waits_closes_the_connection(server: Connected) -> None:
    protocol, wire = await held(server)
    protocol.data_received(request())
    server.door.leave(1)
    other, _ = server.connect()
    await server.ask(other, request(OTHER))
    assert (wire.statuses(), wire.closed, server.door.inside) == ([], True, INSIDE_MAX - 1)


async def test_nothing_is_read_behind_a_refused_request_whose_end_cannot_be_told(server: Connected) -> None:
    protocol, wire = server.connect()
    server.door.inside, server.door.refusals.due = INSIDE_MAX, protocol.loop.time() + 3_600
    protocol.data_received(request() + request())
    assert (wire.statuses(), wire.paused) == ([], True)


async def held(server: Connected, keyid: bytes = KEYID) -> tuple[DoorProtocol, Wire]:
    """A connection whose request waits for its refusal, at a door that is full and knows one key."""
    server.door.know(KEYID)
    server.door.inside, server.door.refusals.due = INSIDE_MAX, float("inf")
    protocol, wire = server.connect()
    protocol.data_received(request(keyid, path=b"/left"))
    assert wire.statuses() == []
    return protocol, wire


async def test_a_request_that_waits_for_its_refusal_is_let_in_when_there_is_room(server: Connected) -> None:
    protocol, wire = await held(server)
    protocol._held_at -= 1.5
    server.door.leave(1)
    other, answered = server.connect()
    await server.ask(other, request(OTHER))
    await server.ask(protocol)
    assert (answered.statuses(), wire.statuses()) == ([200], [200])
    assert json.loads(wire.written.rpartition(b"\r\n\r\n")[2])["left"] == pytest.approx(2.5, abs=0.4)
    await server.ask(protocol, request())
    assert wire.statuses() == [200, 200]
    assert server.door.inside == INSIDE_MAX - 1


async def test_a_request_of_a_stranger_is_not_held(server: Connected) -> None:
    _, wire = await held(server, OTHER)
    server.door.inside = 0
    other, _ = server.connect()
    await server.ask(other, request())
    assert wire.statuses() == []


async def test_who_leaves_while_its_request_is_held_is_not_let_in(server: Connected) -> None:
    protocol, wire = await held(server)
    protocol.connection_lost(None)
    server.door.inside = 0
    other, _ = server.connect()
    await server.ask(other, request())
    assert (wire.statuses(), server.door.inside) == ([], 0)


async def test_who_leaves_gives_its_place_back(server: Connected) -> None:
    protocol, _ = server.connect()
    protocol.data_received(request())
    assert server.door.inside == 1
    protocol.connection_lost(None)
    assert server.door.inside == 0
    await server.ask(protocol)


CONTROLS = [
    (Door, "lets_in", "if self.strangers.wait(now) > 0", "if False",
     test_strangers_keep_to_their_rate_while_somebody_known_is_served),
    (Door, "lets_in", "else INSIDE_MAX", "else 10**9", test_nobody_is_let_in_beyond_what_fits),
    (Door, "lets_in", "BACKGROUND_INSIDE_MAX if background else INSIDE_MAX", "INSIDE_MAX",
     test_what_nobody_waits_for_leaves_room_for_who_stands_at_a_counter),
    (Door, "refusal_wait", "return REFUSAL_SECONDS_MAX", "pass",
     test_refusals_have_a_rate_and_nobody_waits_for_one_for_long),
    (Returns, "retry_after", "if elapsed < 2", "if True",
     test_what_was_answered_while_nobody_was_refused_says_nothing_of_what_can_be),
    (Returns, "retry_after", "self._answered / elapsed", "1_000.0",
     test_as_many_are_told_to_come_back_in_a_second_as_are_answered_in_one),
    (Returns, "retry_after", "if wait < RETRY_SECONDS_MAX - RETRY_SECONDS_MIN", "if True",
     test_nobody_is_told_to_come_back_later_than_a_limit_and_waiting_does_not_add_up),
    (Door, "let_in_held", "<= HELD_SECONDS_MAX", "< 10**9",
     test_the_request_held_last_is_let_in_first_and_none_that_would_be_answered_late),
    (Door, "refusal_wait", "HELD_SECONDS_MIN if held else 0", "0", test_nobody_known_is_refused_at_once),
    (Door, "holds", "claimed in self._known", "True",
     test_the_request_held_last_is_let_in_first_and_none_that_would_be_answered_late),
    (Door, "know", "self.strangers.give_back()", "pass",
     test_devices_that_come_back_after_a_start_pass_as_fast_as_they_are_answered),
    (Door, "forget", "self._known.pop(claimed, None)", "pass", test_who_is_not_who_it_said_is_known_no_more),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "old", "new", "broken"), CONTROLS)
def test_a_door_that_lets_in_too_many_is_found_out(
    owner: Any, name: str, old: str, new: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, edited(owner, name, old, new))
    with pytest.raises(AssertionError):
        broken()


async def test_a_door_that_trusts_whoever_was_answered_is_found_out(
    server: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect = edited(admission_app, "_judge", " and state.get(SIGNED_STATE)", "")
    monkeypatch.setattr(admission_app, "_judge", defect)
    with pytest.raises(AssertionError):
        await test_who_was_answered_as_signed_is_known_and_who_was_not_is_not(server)


def test_a_body_whose_length_is_guessed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        door, "rest_of", edited(door, "rest_of", 'head.count(b"content-length") != len(lengths)', "False")
    )
    assert door.rest_of(b"POST / HTTP/1.1\r\ncontent-length: +2\r\n\r\n") is not None
