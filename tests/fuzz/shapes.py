"""How inputs are taken apart and put together again, so that what is changed inside still reaches the reader.

A tree is made of dictionaries, lists, texts, bytes, numbers, true, false and none. What cannot be taken apart is
changed byte by byte.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import cbor2
import msgspec

from paravent.wire.card import PREFIX, base45_decode, base45_encode

DEEP, DEEP_LEVELS = "@deep@", 3_000
"""A text that the JSON and TOML shapes replace by as many arrays inside one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A form of inputs; ``apart`` and ``together`` raise what they like on what has another form."""

    name: str
    apart: Callable[[bytes], Any]
    together: Callable[[Any], bytes]


def _write_json(tree: Any) -> bytes:
    text = json.dumps(_plain(tree), ensure_ascii=False, separators=(",", ":"))
    return text.replace(f'"{DEEP}"', "[" * DEEP_LEVELS + "]" * DEEP_LEVELS).encode("utf-8", "surrogatepass")


def _plain(tree: Any) -> Any:
    if isinstance(tree, bytes):
        return base64.b64encode(tree).decode()
    if isinstance(tree, dict):
        return {str(name): _plain(value) for name, value in tree.items()}
    return [_plain(one) for one in tree] if isinstance(tree, list | tuple) else tree


def _read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def _write_csv(tree: Any, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    rows = tree if isinstance(tree, list) else [tree]
    writer.writerows([str(cell) for cell in (row if isinstance(row, list) else [row])] for row in rows)
    return text.getvalue().encode(encoding, "replace")


def _read_lines(data: bytes) -> list[str]:
    return data.decode("utf-8").split("\n")


def _write_lines(tree: Any) -> bytes:
    lines = tree if isinstance(tree, list) else [tree]
    return "\n".join(map(_text, lines)).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _read_ndjson(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def _write_ndjson(tree: Any) -> bytes:
    return b"\n".join(_write_json(line) for line in (tree if isinstance(tree, list) else [tree])) + b"\n"


def _read_fields(data: bytes) -> list[bytes]:
    """Reads what ``labels.enc`` writes."""
    fields, rest = [], data
    while rest:
        size = int.from_bytes(rest[:2], "big")
        fields.append(rest[2 : 2 + size])
        rest = rest[2 + size :]
    return fields


def _write_fields(tree: Any) -> bytes:
    bodies = [_raw(field) for field in (tree if isinstance(tree, list) else [tree])]
    return b"".join(len(body[:0xFFFF]).to_bytes(2, "big") + body[:0xFFFF] for body in bodies)


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode("utf-8", "surrogatepass")


def _read_card(data: bytes) -> list[Any]:
    body = base45_decode(data.decode("ascii").removeprefix(PREFIX))
    return [cbor2.loads(body[1 : 1 + body[0]]), cbor2.loads(body[1 + body[0] :])]


def _write_card(tree: Any) -> bytes:
    entitlement, desk_part = (cbor2.dumps(part) for part in tree)
    return (PREFIX + base45_encode(bytes([len(entitlement) & 255]) + entitlement + desk_part)).encode()


def _read_cbor(data: bytes) -> Any:
    """Reads CBOR; a tag becomes a list, so that what it holds is changed too, a nested payload as well."""
    return _opened(cbor2.loads(data))


def _opened(value: Any) -> Any:
    if isinstance(value, cbor2.CBORTag):
        return {"tag": value.tag, "value": _opened(value.value)}
    if isinstance(value, bytes) and len(value) > 80:
        return {"cbor": cbor2.loads(value)}
    return [_opened(one) for one in value] if isinstance(value, list | tuple) else value


def _closed(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"tag", "value"}:
        return cbor2.CBORTag(value["tag"], _closed(value["value"]))
    if isinstance(value, dict) and value.keys() == {"cbor"}:
        return cbor2.dumps(_closed(value["cbor"]))
    return [_closed(one) for one in value] if isinstance(value, list) else value


def _read_token(data: bytes) -> list[Any]:
    header, payload, signature = data.split(b".")
    return [*(json.loads(_unpadded(part)) for part in (header, payload)), _unpadded(signature)]


def _unpadded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _write_token(tree: Any) -> bytes:
    parts = [
        one if isinstance(one, bytes) else _write_json(one) for one in (tree if isinstance(tree, list) else [tree])
    ]
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


def _read_tar(data: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return {member.name: b"" if (body := tar.extractfile(member)) is None else body.read() for member in tar}


def _write_tar(tree: Any) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, value in sorted((str(name), value) for name, value in tree.items()):
            body = _raw(value)
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return content.getvalue()


def _read_der(data: bytes) -> list[Any]:
    """Reads DER as [tag, content], the content of what is constructed being a list of the same."""
    found, place = [], 0
    while place < len(data):
        tag, size, start = data[place], data[place + 1], place + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[place + 2 : start], "big")
        body = data[start : start + size]
        if len(body) != size:
            raise ValueError("cut short")
        found.append([tag, _read_der(body) if tag & 0x20 else body])
        place = start + size
    return found


def _write_der(tree: Any) -> bytes:
    written = bytearray()
    for tag, content in tree:
        body = _write_der(content) if isinstance(content, list) else _raw(content)
        size = len(body)
        octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
        written += bytes([int(tag) & 255]) + (octets if size < 128 else bytes([0x80 | len(octets)]) + octets) + body
    return bytes(written)


def _read_png(data: bytes) -> list[Any]:
    found, place = [], 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append([data[place + 4 : place + 8], data[place + 8 : place + 8 + size]])
        place += 12 + size
    return found


def _write_png(tree: Any) -> bytes:
    written = bytearray(b"\x89PNG\r\n\x1a\n")
    for kind, body in tree:
        written += len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    return bytes(written)


def _read_form(data: bytes) -> list[Any]:
    return [list(pair) for pair in parse_qsl(data.decode("ascii"), keep_blank_values=True)]


def _write_form(tree: Any) -> bytes:
    return urlencode([(str(name), _text(value)) for name, value in tree], errors="surrogatepass").encode()


def _no_tree(_: bytes) -> Any:
    raise ValueError("bytes alone")


BYTES = Shape(name="bytes", apart=_no_tree, together=_raw)
JSON = Shape(name="json", apart=json.loads, together=_write_json)
NDJSON = Shape(name="ndjson", apart=_read_ndjson, together=_write_ndjson)
CSV = Shape(name="csv", apart=_read_csv, together=_write_csv)
CNIL = Shape(
    name="cnil", together=lambda tree: _write_csv(tree, ";", "cp1252"),
    apart=lambda data: list(csv.reader(io.StringIO(data.decode("cp1252")), delimiter=";")),
)  # fmt: skip
LINES = Shape(name="lines", apart=_read_lines, together=_write_lines)
FIELDS = Shape(name="fields", apart=_read_fields, together=_write_fields)
CARD = Shape(name="card", apart=_read_card, together=_write_card)
CBOR = Shape(name="cbor", apart=_read_cbor, together=lambda tree: cbor2.dumps(_closed(tree)))
TOKEN = Shape(name="token", apart=_read_token, together=_write_token)
TAR = Shape(name="tar", apart=_read_tar, together=_write_tar)
DER = Shape(name="der", apart=_read_der, together=_write_der)
PNG = Shape(name="png", apart=_read_png, together=_write_png)
FORM = Shape(name="form", apart=_read_form, together=_write_form)
MSGPACK = Shape(name="msgpack", apart=msgspec.msgpack.decode, together=msgspec.msgpack.encode)


def inside(text: str) -> Any:
    """Takes apart a JSON document that stands in base64 inside another; raises ValueError when there is none."""
    if len(text) < 16:
        raise ValueError("too short")
    try:
        tree = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("no base64 of JSON") from error
    if not isinstance(tree, dict | list):
        raise ValueError("no document")  # noqa: TRY004 - one error for all that is none
    return tree


def wrapped(tree: Any) -> str:
    """Puts such a document back."""
    return base64.b64encode(_write_json(tree)).decode()
