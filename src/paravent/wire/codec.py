"""Strict JSON: one decoder for every body of every party (docs/protocol.md section 13).

Refused: a body over its limit, an unknown field, a missing field, a wrong type or length, a
duplicate key, trailing bytes. Binary values are base64 text.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

import msgspec

from paravent.errors import BodyTooLarge, MalformedMessage

BODY_BYTES_MAX = 65_536

Bytes16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Bytes64 = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
Amc = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8,10}\Z")]
BaseUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://[a-z0-9.:\[\]-]+\Z", max_length=200)]
"""Where a party is reached: no path, no final slash; a signature covers it as it is written."""
NOT_A_NIR = r"(?![0-9](?:[ .-]?[0-9AB]){12}(?:[ .-]?[0-9]{2})?\Z)"
"""At the start of a pattern: refuses what is shaped as a NIR, with its key and spaces or without."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=rf"^{NOT_A_NIR}[\s\S]{{1,120}}\Z")]
"""A name of a party, a shop, a professional: what is shaped as a NIR is none."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Natural = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
ServerIndex = Annotated[int, msgspec.Meta(ge=1, le=7)]
Cents = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every message: frozen, keyword-only, unknown fields refused."""


T = TypeVar("T")


def decode(body: bytes, kind: type[T], *, bytes_max: int = BODY_BYTES_MAX) -> T:
    """Decodes a body; raises BodyTooLarge or MalformedMessage (which never quotes a value)."""
    if len(body) > bytes_max:
        raise BodyTooLarge(f"a {kind.__name__} is at most {bytes_max} bytes")
    try:
        message = msgspec.json.decode(body, type=kind)
        read = json.loads(body, object_pairs_hook=_without_duplicates)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"{kind.__name__}: {without_value(error)}") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedMessage(f"this is not the JSON of a {kind.__name__}") from None
    # Messages of this protocol have one text; documents of others may hold more than is read.
    if isinstance(message, Message) and not _same(read, msgspec.to_builtins(message)):
        raise MalformedMessage(f"{kind.__name__}: a value is not in its one form")
    return message


def _same(read: object, written: object) -> bool:
    """Says whether what was read is what would be written: base64, say, has texts that decode alike."""
    if isinstance(read, dict) and isinstance(written, dict):
        return all(_same(value, written.get(name)) for name, value in read.items())
    if isinstance(read, list) and isinstance(written, (list, tuple)):
        return len(read) == len(written) and all(map(_same, read, written))
    return read == written


def read_object(body: bytes) -> object:
    """Reads JSON whose fields are not known before; raises MalformedMessage, also for a key that stands twice."""
    try:
        # Python's own decoder takes UTF-16, NaN, and half a surrogate pair, which no text may hold.
        msgspec.json.decode(body)
        return json.loads(body, object_pairs_hook=_without_duplicates)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedMessage("this is not JSON") from None


def encode(message: object) -> bytes:
    """Encodes a message to compact JSON."""
    return msgspec.json.encode(message)


def encode_padded(message: Message, multiple: int) -> bytes:
    """Encodes a message that has an empty field ``padding`` so that its length is a multiple."""
    missing = -len(encode(message)) % multiple
    return encode(msgspec.structs.replace(message, padding="0" * missing))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedMessage("a JSON object has the same key twice")
    return members


def without_value(error: msgspec.ValidationError) -> str:
    """Keeps what msgspec says of types and of the names of our own fields, never a word of the sender."""
    text = str(error)
    if text.startswith("Object contains unknown field"):
        return "it has a field that is not known"
    return re.split("Invalid (?:enum )?value", text, maxsplit=1)[0] or "a value is not one of those allowed"
