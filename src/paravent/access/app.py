"""What every HTTP server of the project does alike: bounded bodies, problem details, logs, start (protocol.md 13)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from paravent.access.requests import HttpRequest
from paravent.errors import BodyTooLarge, ParaventError, TechnicalFailure
from paravent.wire.codec import BODY_BYTES_MAX, encode
from paravent.wire.problem import MEDIA_TYPE, to_problem

CONNECTIONS_MAX = 2_000
_ALLOWED_FIELDS = frozenset({"event", "level", "timestamp", "party", "code", "path", "count", "address", "insurer"})


def log_event(event: str, **fields: str | int) -> None:
    """Logs an event name and opaque fields of the allow-list; any other field is a programming error."""
    if not _ALLOWED_FIELDS.issuperset(fields):
        raise ValueError("a log field is not on the allow-list")
    structlog.get_logger().info(event, **fields)


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Reads a body and stops at its limit; raises BodyTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise BodyTooLarge(f"a body is at most {bytes_max} bytes here")
    return bytes(body)


async def read_signed(request: Request, base_url: str, bytes_max: int = BODY_BYTES_MAX) -> HttpRequest:
    """Reads a request in the form that its signature covers; the target is this server's own name for itself."""
    query = f"?{request.url.query}" if request.url.query else ""
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


def problem_response(error: ParaventError) -> Response:
    """Answers an error as problem details (RFC 9457)."""
    problem = to_problem(error)
    headers = {"cache-control": "no-store"}
    if error.retry.value == "later":
        headers["retry-after"] = "30"
    return Response(encode(problem), problem.status, headers, media_type=MEDIA_TYPE)


def application(party: str, routes: Sequence[BaseRoute], **options: Any) -> Starlette:
    """Builds an application whose every error becomes problem details; an unforeseen one says nothing of itself."""

    async def declared(request: Request, error: Exception) -> Response:
        if not isinstance(error, ParaventError):
            raise error
        log_event("request-refused", party=party, code=error.code, path=request.url.path)
        return problem_response(error)

    async def unforeseen(request: Request, error: Exception) -> Response:
        log_event("request-failed", party=party, code=type(error).__name__, path=request.url.path)
        return problem_response(TechnicalFailure("an unforeseen fault; it was logged"))

    handlers: dict[Any, Any] = {ParaventError: declared, Exception: unforeseen}
    return Starlette(routes=list(routes), exception_handlers=handlers, **options)


def serve(app: Starlette, *, host: str, port: int) -> None:
    """Runs an application until it is told to stop; no access log, so that no path is ever written down."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    uvicorn.run(
        app, host=host, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning",
        limit_concurrency=CONNECTIONS_MAX, timeout_keep_alive=75, server_header=False, date_header=False,
    )  # fmt: skip
