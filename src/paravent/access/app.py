"""What every HTTP server of the project does alike: bounded bodies, problem details, logs, start (protocol.md 13)."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from paravent.access.admission_app import SIGNED_STATE, InTurn, retry_after
from paravent.access.door import Door
from paravent.access.door_app import DoorProtocol
from paravent.access.logs import log_event, quieten_libraries, where
from paravent.access.requests import HttpRequest
from paravent.access.store import VerifierStore
from paravent.access.tally import Tally
from paravent.access.tally_app import CODE_STATE, CountRequests
from paravent.errors import (
    BodyTooLarge,
    BodyTooSlow,
    InvalidConfiguration,
    Overloaded,
    ParaventError,
    ProofFailure,
    TechnicalFailure,
    UnknownAddress,
)
from paravent.wire.codec import BODY_BYTES_MAX, encode
from paravent.wire.problem import MEDIA_TYPE, to_problem

CONNECTIONS_MAX = 4_000
_CONNECTIONS_MIN = 64
"""With fewer, a few callers that stay connected would keep everybody else out."""
_OTHER_FILES_MAX = 96
"""Those of the party itself: its database, its logs, its pipes."""
BODY_SECONDS_MAX = 30
_OBJECTS_BEFORE_COLLECTION = 20_000
CALLERS_PROOF_STATUS = 422


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Reads a body and stops at its limit and at its deadline; raises BodyTooLarge or BodyTooSlow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > bytes_max:
                    raise BodyTooLarge(f"a body is at most {bytes_max} bytes here")
    except TimeoutError:
        raise BodyTooSlow(f"a body arrives within {BODY_SECONDS_MAX} seconds") from None
    return bytes(body)


async def read_signed(
    request: Request, base_url: str, bytes_max: int = BODY_BYTES_MAX, *, known: bool = True
) -> HttpRequest:
    """Reads a request in the form that its signature covers; the target is this server's own name for itself.

    Who is answered is then known at the door (13.5); not ``known`` where anybody may sign with a key of their own.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    setattr(request.state, SIGNED_STATE, known)
    return HttpRequest(
        method=request.method,
        authority=request.headers.get("host", ""),
        target_uri=f"{base_url}{request.url.path}{query}",
        headers=request.headers,
        body=await read_body(request, bytes_max),
    )


def json_response(message: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answers a message; nothing is ever cached."""
    base = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(encode(message), status, base | dict(headers or {}), media_type="application/json")


def problem_response(error: ParaventError, status: int | None = None) -> Response:
    """Answers an error as problem details (RFC 9457), with the status of its code unless another is given."""
    problem = to_problem(error)
    if status is not None:
        problem = msgspec.structs.replace(problem, status=status)
    headers = {"cache-control": "no-store"}
    if error.retry.value == "later":
        headers["retry-after"] = str(error.retry_seconds)
    return Response(encode(problem), problem.status, headers, media_type=MEDIA_TYPE)


def _as_problem(request: Request, error: ParaventError) -> Response:
    # What failed here is a proof that the caller gave: not a gateway that answered wrongly, as a desk says of others.
    answer = problem_response(error, CALLERS_PROOF_STATUS if isinstance(error, ProofFailure) else None)
    if isinstance(error, Overloaded):
        # Who waited here for nothing comes back with those refused at the door, and not into the same slow commit.
        soonest = retry_after(request.scope.setdefault("state", {}))
        answer.headers["retry-after"] = str(max(soonest, error.retry_seconds))
    return answer


def application(
    party: str, routes: Sequence[BaseRoute], lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    answer_error: Callable[[Request, ParaventError], Response] = _as_problem, tally: Tally | None = None,
) -> Starlette:  # fmt: skip
    """Builds an application that answers every error by ``answer_error``; an unforeseen one says nothing of itself.

    Requests are counted into ``tally`` when there is one, with the code of what was refused.
    """

    async def declared(request: Request, error: Exception) -> Response:
        if not isinstance(error, ParaventError):
            raise error
        log_event("request-refused", party=party, code=error.code, action=_action(request))
        setattr(request.state, CODE_STATE, error.code)
        return answer_error(request, error)

    async def unrouted(request: Request, __: Exception) -> Response:
        # The address is not logged nor sent back: it may hold what somebody typed in the wrong place.
        log_event("request-refused", party=party, code=UnknownAddress.code, action="none")
        setattr(request.state, CODE_STATE, UnknownAddress.code)
        return answer_error(request, UnknownAddress("this service has no such address for this method"))

    async def unforeseen(request: Request, error: Exception) -> Response:
        place = where(error.__traceback__)
        log_event("request-failed", party=party, code=type(error).__name__, action=_action(request), where=place)
        return answer_error(request, TechnicalFailure("an unforeseen fault; it was logged"))

    handlers = {ParaventError: declared, HTTPException: unrouted, Exception: unforeseen}
    counting = [] if tally is None else [Middleware(CountRequests, tally=tally)]
    built = Starlette(
        routes=list(routes), exception_handlers=handlers, lifespan=lifespan, middleware=[*counting, Middleware(InTurn)]
    )
    built.state.tally = tally
    return built


async def forget_hourly(store: VerifierStore, clock: Callable[[], int]) -> None:
    """Deletes what has outlived its term, at the start and every hour, until cancelled."""
    while True:
        try:
            store.forget(clock())
        except ParaventError as error:
            log_event("forget-failed", code=error.code)
        await asyncio.sleep(3_600)


def serve(app: Starlette, *, host: str, port: int) -> None:
    """Runs an application until it is told to stop; no access log, so that no path is ever written down."""
    serve_together([(app, host, port)])


def serve_together(apps: Sequence[tuple[Starlette, str, int]]) -> None:
    """Runs applications of one party, each on its own host and port, until they are told to stop."""
    quieten_libraries()
    for _, host, port in apps:
        _require_free(host, port)
    servers = [uvicorn.Server(_listening(app, host, port)) for app, host, port in apps]
    _collect_seldom()
    # Of an interruption at the terminal, nothing is left to say once every server has stopped.
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(servers))


def _collect_seldom() -> None:
    """Looks for cycles among what lives as long as the server no more, and among the rest once that is much.

    Whatever 128 requests in progress hold is alive: looking through it every 700 objects, Python's default, took 5 % of
    a server that was asked for more than it could do.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)


async def _serve(servers: Sequence[uvicorn.Server]) -> None:
    # Each server takes the signals from the one before it, and hands them back, raised again, once it has stopped.
    await asyncio.gather(*(server.serve() for server in servers))


def _listening(app: Starlette, host: str, port: int) -> uvicorn.Config:
    # A server with enrolled devices has one that knows them.
    app.state.door = getattr(app.state, "door", None) or Door()
    return uvicorn.Config(
        app, host=host, port=port, loop="asyncio", http=DoorProtocol, access_log=False, log_config=None,
        limit_concurrency=_connections_max(), timeout_keep_alive=75, server_header=False, date_header=False,
    )  # fmt: skip


def _connections_max() -> int:
    """Asks for as many files as there may be connections, and returns how many these may be.

    Unasked, systems give a process some thousand. Raises InvalidConfiguration when this one may not have enough.
    """
    wanted, needed = CONNECTIONS_MAX + _OTHER_FILES_MAX, _CONNECTIONS_MIN + _OTHER_FILES_MAX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if files < needed:
        raise InvalidConfiguration(
            f"the hard limit of open files (RLIMIT_NOFILE) is {hard} here, and a server needs {needed}, or {wanted} for"
            " all of its connections: raise it (LimitNOFILE= of a systemd unit, ulimit -Hn in a shell) and start again"
        )
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - _OTHER_FILES_MAX


def _require_free(host: str, port: int) -> None:
    # Bound and never listened on: who connects meanwhile is refused, and tries again, instead of being cut off.
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise InvalidConfiguration(f"{host}:{port} cannot be listened on: {error.strerror}") from None


def _action(request: Request) -> str:
    """Names the handler of a route: never the path, which the sender chose."""
    return getattr(request.scope.get("endpoint"), "__name__", "none")
