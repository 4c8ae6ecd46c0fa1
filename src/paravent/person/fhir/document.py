"""JSON of FHIR R4, read strictly (docs/protocol.md 9.6; hl7.org/fhir/R4/json.html).

Stricter than FHIR where leniency is dangerous: a key twice, NaN, a number with an exponent, a JSON document
hidden in a text, a modifier extension or implicit rules are refused. Extensions that FHIR lets a reader
ignore are ignored. Numbers are decimals, never floats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

import msgspec

from paravent.errors import BodyTooLarge, MalformedMessage, UnsupportedResource
from paravent.wire.codec import without_value

RESOURCE_BYTES_MAX = 65_536

T = TypeVar("T")


def read_document(body: bytes) -> dict[str, Any]:
    """Reads a JSON object; raises MalformedMessage or BodyTooLarge, never quoting a value."""
    if len(body) > RESOURCE_BYTES_MAX:
        raise BodyTooLarge(f"a FHIR resource is at most {RESOURCE_BYTES_MAX} bytes")
    try:
        # Python's own decoder takes UTF-16 and half a surrogate pair, which no text may hold.
        msgspec.json.decode(body)
        document = json.loads(
            body, parse_float=_decimal, parse_int=_decimal, parse_constant=_no_constant, object_pairs_hook=_once
        )
        nested = any(isinstance(value, str) and _is_json(value) for _, value in _members(document))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedMessage("this is not the JSON of a FHIR resource") from None
    if not isinstance(document, dict):
        raise MalformedMessage("a FHIR resource is a JSON object")
    if nested:
        raise MalformedMessage("a text holds another JSON document")
    return document


def read_resource(body: bytes, kind: type[T]) -> T:
    """Reads a resource of one type; raises MalformedMessage, BodyTooLarge or UnsupportedResource."""
    return to_resource(read_document(body), kind)


def to_resource(document: dict[str, Any], kind: type[T]) -> T:
    """Converts a document that was read; raises MalformedMessage or UnsupportedResource."""
    if document.get("resourceType") != kind.__name__:
        raise UnsupportedResource(f"a resource of another type; {kind.__name__} is taken here")
    require_no_modifier(document)
    try:
        return msgspec.convert(document, kind, builtin_types=(Decimal,))
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"{kind.__name__}: {without_value(error)}") from None


def require_no_modifier(document: dict[str, Any]) -> None:
    """Refuses what may change the meaning of the rest: FHIR forbids to ignore it (R4, section 2.4.0.3)."""
    if any(name in {"modifierExtension", "implicitRules"} and value for name, value in _members(document)):
        raise UnsupportedResource("a modifier extension or implicit rules: what they change is not known here")


def _members(value: object) -> Iterator[tuple[str, object]]:
    """Lists every member at every depth; elements of a list go by the name of the list."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        name, current = waiting.pop()
        yield name, current
        if isinstance(current, dict):
            waiting += current.items()
        elif isinstance(current, list):
            waiting += [(name, element) for element in current]


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def _decimal(text: str) -> Decimal | int:
    if "e" in text.lower():
        raise MalformedMessage("a number is written with an exponent")
    return Decimal(text) if "." in text else _whole(text)


def _whole(text: str) -> int:
    if len(text) > 20:
        raise MalformedMessage("a number is too long")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedMessage("a JSON object has the same key twice")
    return members


def _no_constant(_: str) -> NoReturn:
    raise MalformedMessage("NaN and Infinity are not JSON numbers")
