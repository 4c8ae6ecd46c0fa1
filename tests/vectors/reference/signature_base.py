"""Values of the components that a signature covers, taken from a message (RFC 9421 section 2).

What the profile of this project needs not: field values joined, paths and queries apart, named query parameters,
status codes. It reads exactly the messages of appendix B.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote

_COVERED = re.compile(r'"([^"]+)"(?:;name="([^"]+)")?')


def components(message: dict[str, Any], parameters: str) -> dict[str, str]:
    """Lists the covered components of a message with their values, in the order of the parameters.

    A component with a parameter of its own is named as its line begins, less the outer quotes.
    """
    covered = _COVERED.findall(parameters[1 : parameters.index(")")])
    return {
        f'{name}";name="{argument}' if argument else name: _value(message, name, argument)
        for name, argument in covered
    }  # fmt: skip


def _value(message: dict[str, Any], name: str, argument: str) -> str:
    path, _, query = message.get("target", "").partition("?")
    match name:
        case "@method" | "@status":
            return str(message[name[1:]])
        case "@authority":
            return _field(message, "host").lower()
        case "@path":
            return str(path)
        case "@query":
            return f"?{query}"
        case "@query-param":
            (value,) = [value for known, value in parse_qsl(query) if known == argument]
            return quote(value)
        case _:
            return _field(message, name)


def _field(message: dict[str, Any], name: str) -> str:
    """Joins the values of a field in the order they came (RFC 9421 section 2.1)."""
    return ", ".join(value.strip() for known, value in message["fields"] if known.lower() == name)
