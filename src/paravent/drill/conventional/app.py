"""The portal of the conventional platform: login, sessions, rights, claims (docs/drill.md).

Reasonable defences of today: long passwords under scrypt, a lock after ten failures, sessions that end, a limit of
requests by address, no list of persons, one person a request; and, where the home says so, a quota of persons a day for
one account. TLS stands before it.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.drill.conventional.protection import Contract, Identity
from paravent.drill.conventional.store import JOURNAL_FILE, Store, protection_of, quota_of

REQUESTS_PER_MINUTE_MAX = 60
FAILURES_MAX = 10
LOCK_SECONDS = 900
SESSION_SECONDS = 8 * 3_600
DAY_SECONDS = 86_400


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A professional's login."""

    login: str
    password: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An open session."""

    token: str


class Rights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A look-up of one person."""

    nir: str
    birth_date: str
    rank: int

    def identity(self) -> Identity:
        """Returns the identity typed, without a name."""
        return Identity(nir=self.nir, birth_date=self.birth_date, rank=self.rank, name="")


class Sale(Rights, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim: what was sold to one person, corrections included."""

    number: str
    items: str
    cents: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a claim is new."""

    new: bool


class Doors:
    """Who may come in: requests by address, failures by account, open sessions; in memory, as is usual."""

    def __init__(self, quota: int | None) -> None:
        """Starts with nobody; ``quota`` is how many persons an account may look up in 24 hours."""
        self._quota = quota
        self._looked_up: dict[str, deque[float]] = {}
        self._sessions: dict[str, tuple[str, float]] = {}
        self._failures: Counter[str] = Counter()
        self._locked: dict[str, float] = {}
        self._seen: dict[str, deque[float]] = {}

    def let_through(self, address: str, now: float) -> bool:
        """Counts a request of an address; says whether it is within the limit of a minute."""
        return _counted(self._seen.setdefault(address, deque()), now, 60, REQUESTS_PER_MINUTE_MAX)

    def may_look_up(self, account: str, now: float) -> bool:
        """Counts a look-up of an account; says whether it is within its quota, where there is one."""
        looked_up = self._looked_up.setdefault(account, deque())
        return self._quota is None or _counted(looked_up, now, DAY_SECONDS, self._quota)

    def locked(self, login: str, now: float) -> bool:
        """Says whether an account is locked."""
        return self._locked.get(login, 0) > now

    def failed(self, login: str, now: float) -> None:
        """Counts a wrong password, and locks the account at the tenth."""
        self._failures[login] += 1
        if self._failures[login] >= FAILURES_MAX:
            self._locked[login] = now + LOCK_SECONDS
            self._failures[login] = 0

    def opened(self, login: str, now: float) -> Session:
        """Opens a session."""
        del self._failures[login]
        token = os.urandom(32).hex()
        self._sessions[token] = (login, now + SESSION_SECONDS)
        return Session(token=token)

    def account(self, token: str, now: float) -> str | None:
        """Returns the account of a session, or None."""
        login, until = self._sessions.get(token, ("", 0.0))
        return login if until > now else None


def _counted(times: deque[float], now: float, seconds: int, most: int) -> bool:
    """Counts one more in a sliding window; False, and not counted, when there are as many already."""
    while times and times[0] <= now - seconds:
        times.popleft()
    if len(times) >= most:
        return False
    times.append(now)
    return True


def build(home: Path) -> Starlette:
    """Builds the portal of a home."""
    store, doors = Store(home, protection_of(home)), Doors(quota_of(home))
    journal = (home / JOURNAL_FILE).open("a")

    async def enter(request: Request) -> Response:
        if (refused := _limited(request, doors)) is not None:
            return refused
        asked, now = msgspec.json.decode(await request.body(), type=Login), time.monotonic()
        if doors.locked(asked.login, now):
            return Response(status_code=423)
        if not store.password_fits(asked.login, asked.password):
            doors.failed(asked.login, now)
            return Response(status_code=401)
        return _json(doors.opened(asked.login, now))

    async def rights(request: Request) -> Response:
        if (refused := _limited(request, doors)) is not None:
            return refused
        account = _account(request, doors)
        if account is None:
            return Response(status_code=401)
        if not doors.may_look_up(account, time.monotonic()):
            return Response(status_code=403)
        identity = msgspec.json.decode(await request.body(), type=Rights).identity()
        reference, found = store.protection.reference(identity), store.find(identity)
        print(int(time.time()), account, (reference or b"").hex(), file=journal, flush=True)
        if found is None or store.insurer_of(account) not in {None, found.insurer}:
            return Response(status_code=404)
        return _json(found)

    async def claim(request: Request) -> Response:
        account = _account(request, doors)
        if account is None:
            return Response(status_code=401)
        sale = msgspec.json.decode(await request.body(), type=Sale)
        new = store.add_claim(sale.number, sale.identity(), account, sale.items, sale.cents)
        return _json(Taken(new=new))

    async def malformed(_: Request, __: Exception) -> Response:
        return Response(status_code=400)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with store, journal:
            yield

    posts = {"/login": enter, "/rights": rights, "/claims": claim}
    return Starlette(
        routes=[Route(path, handler, methods=["POST"]) for path, handler in posts.items()], lifespan=lifespan,
        exception_handlers={msgspec.DecodeError: malformed},
    )  # fmt: skip


def _limited(request: Request, doors: Doors) -> Response | None:
    address = "" if request.client is None else request.client.host
    return None if doors.let_through(address, time.monotonic()) else Response(status_code=429)


def _account(request: Request, doors: Doors) -> str | None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    return doors.account(token, time.monotonic())


def _json(message: Session | Contract | Taken) -> Response:
    return Response(msgspec.json.encode(message), media_type="application/json")
