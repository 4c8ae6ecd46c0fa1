"""Numbers and names of synthetic persons among bytes: what is looked for in logs and in memory."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# With the spaces of print or without; communes 991 to 999 are the population's alone.
_NUMBER = re.compile(rb"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?99[1-9] ?[0-9]{3}")


def numbers_in(content: bytes) -> set[str]:
    """Finds numbers, 13 characters each."""
    return {found.replace(b" ", b"").decode() for found in _NUMBER.findall(content)}


def names_in(content: bytes, names: Iterable[str]) -> set[str]:
    """Finds names as they are printed, and in capitals without accents."""
    return {name for name in names if any(form in content for form in _forms(name))}


def _forms(name: str) -> set[bytes]:
    """Writes a name as texts are sent, and as the interpreter keeps them: one byte a character where that is enough."""
    plain = "".join(one for one in unicodedata.normalize("NFD", name.upper()) if not unicodedata.combining(one))
    kept = "latin-1" if max(name) <= "\xff" else "utf-16-le"
    return {form.encode(encoding) for form in (name, plain) for encoding in ("utf-8", kept)}
