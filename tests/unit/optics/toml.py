"""Writing TOML, in inline tables: the package only reads it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec


def toml(value: object) -> bytes:
    """Writes a message or a table."""
    table: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(date,))
    return "".join(f"{_text(name)} = {_value(member)}\n" for name, member in _present(table)).encode()


def _present(table: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in table.items() if member is not None]


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_text(name)} = {_value(member)}" for name, member in _present(value)) + "}"
        case list() | tuple():
            return "[" + ", ".join(_value(member) for member in value) + "]"
        case str():
            return _text(value)
        case date():
            return value.isoformat()
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    # TOML allows no raw delete character, which JSON does.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
