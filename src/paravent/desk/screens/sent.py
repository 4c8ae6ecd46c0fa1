"""What left this machine, field by field, read from the very bytes that were sent (docs/screens.md): pure.

Each field has a sentence of the catalogue that says what it is; one without a sentence is a failing test, and is shown
all the same. Nothing is left out and nothing is added, but what a sealed or signed field holds, which stands below it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from paravent.crypto.entitlement import HubPart
from paravent.desk.departures import Departure
from paravent.desk.screens.texts import HEADERS, MEANINGS, OTHER, REQUESTS, STATEMENT, UNKNOWN
from paravent.pages.screens.catalogue import marked
from paravent.wire.number_lane import EvaluationRequest, OpeningRequest, RowRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SentField:
    """One field as it was sent, and what it is, in French of the catalogue."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One request that left this machine."""

    name: str
    party: str
    method: str
    url: str
    headers: tuple[SentField, ...]
    fields: tuple[SentField, ...]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMessage:
    """A kind of request that a check will send: to whom, and its fields with what each is, French of the catalogue."""

    name: str
    to: str
    fields: tuple[tuple[str, str], ...]


_NUMBER_LANE: Final = (
    ("/v1/evaluations", marked("à deux serveurs de clés, tirés au sort"), EvaluationRequest),
    ("/v1/rows", marked("au hub"), RowRequest),
    ("/v1/openings", marked("à deux serveurs de clés, tirés au sort"), OpeningRequest),
)
"""What a check by number sends, in its order; a server that does not answer is replaced by another."""


def shown(departure: Departure, entitlements: Mapping[bytes, HubPart]) -> SentMessage:
    """Reads a departure; ``entitlements`` are those whose content this desk knows, by their bytes."""
    path = "/" + departure.url.split("/", 3)[-1]
    fields = tuple(_fields(departure.body, entitlements)) if departure.body else ()
    headers = tuple(
        SentField(name=name, value=value, meaning=HEADERS.get(name, UNKNOWN))
        for name, value in departure.headers.items()
    )
    name = REQUESTS.get(path, STATEMENT if departure.method == "GET" else OTHER)
    return SentMessage(
        name=name, party=departure.party, method=departure.method, url=departure.url, headers=headers, fields=fields,
        size=len(departure.body),
    )  # fmt: skip


def planned() -> list[PlannedMessage]:
    """Lists the messages of a check by number before it is made: to whom, how many, and each field of their types."""
    return [
        PlannedMessage(
            name=REQUESTS[path], to=to,
            fields=tuple((name, MEANINGS[name]) for name in kind.__struct_fields__),
        )
        for path, to, kind in _NUMBER_LANE
    ]  # fmt: skip


def _fields(body: bytes, entitlements: Mapping[bytes, HubPart]) -> Iterator[SentField]:
    for path, value in _leaves(json.loads(body), ""):
        yield _field(path, value)
        if path == "entitlement":
            part = entitlements.get(_bytes(value))
            if part is not None:
                yield from (_field(f"entitlement.{name}", _text(getattr(part, name))) for name in part.__slots__)
        if path == "claim.payload":
            yield from (_field(*leaf) for leaf in _leaves(json.loads(_bytes(value)), "claim."))


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yields every value that a message holds, with its path; an item of a list has the path of the list."""
    match value:
        case dict():
            for name, member in value.items():
                yield from _leaves(member, f"{path}{name}" if path.endswith(".") or not path else f"{path}.{name}")
        case list():
            for item in value:
                yield from _leaves(item, path)
        case str():
            yield path, value
        case _:
            yield path, json.dumps(value)


def _field(path: str, value: str) -> SentField:
    return SentField(name=path, value=value, meaning=MEANINGS.get(path, UNKNOWN))


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
