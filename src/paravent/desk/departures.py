"""What leaves this machine during one act, taken where it is sent (docs/screens.md): pure.

The HTTP client tells each request just before it goes; whoever opened a record in the same act receives it. Nothing is
told again in other words, so that a message cannot be sent and not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_RECORD: ContextVar[list[Departure] | None] = ContextVar("departures", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One request as it is sent: to whom, where, with which header fields and which body."""

    party: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def note(party: str, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Records a request that is about to be sent, when an act wants to know."""
    record = _RECORD.get()
    if record is not None:
        record.append(Departure(party=party, method=method, url=url, headers=dict(headers), body=body))


@contextmanager
def recorded() -> Iterator[list[Departure]]:
    """Collects what is sent in the block, and in the tasks it starts."""
    record: list[Departure] = []
    token = _RECORD.set(record)
    try:
        yield record
    finally:
        _RECORD.reset(token)
