"""Logs of every party: an event name and opaque fields of an allow-list, one JSON line each (protocol.md 13).

Nothing derived from a person is ever logged: no path, no body, no text of an exception.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

import msgspec

_ALLOWED_FIELDS = frozenset({"party", "code", "action", "where", "count", "insurer"})


def log_event(event: str, **fields: str | int) -> None:
    """Writes one event to the standard error stream; any field outside the allow-list is a programming error."""
    if not _ALLOWED_FIELDS.issuperset(fields):
        raise ValueError("a log field is not on the allow-list")
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    # A full disk that holds the logs too must not stop whoever only wanted to say something.
    with suppress(OSError):
        print(msgspec.json.encode(line).decode(), file=sys.stderr, flush=True)  # noqa: T201 - the one place that logs


def where(trace: TracebackType | None) -> str:
    """Names the module and line in which a fault arose: what a text or a value would say could be a secret."""
    if trace is None:
        return "unknown"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', 'unknown')}:{trace.tb_lineno}"


def quieten_libraries() -> None:
    """Keeps warnings of libraries, without the traceback and text of an exception, which may quote a value."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format='{"event": "library", "code": "%(name)s"}')
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_without_exception)


def _without_exception(record: logging.LogRecord) -> bool:
    return record.exc_info is None
