"""Numbers and names of synthetic persons among bytes: what is looked for in logs and in memory."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator

# With the spaces of print or without; communes 991 to 999 are the population's alone.
_NUMBER = re.compile(rb"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?99[1-9] ?[0-9]{3}")
# As long as what a number of 13 characters takes, without its padding.
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{18,}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def with_decoded(content: bytes) -> bytes:
    """Gives bytes, followed by whatever in them may be base64 or hexadecimal, each decoded on a line of its own."""
    return b"\n".join([content, *_decoded(content)])


def _decoded(content: bytes) -> Iterator[bytes]:
    for match in _ENCODED.finditer(content):
        text = match.group()
        if _HEX.fullmatch(text):
            yield bytes.fromhex(text.decode())
        # What is encoded may stand behind a word of the same alphabet: it begins at one of four places.
        for start in range(4):
            whole = text[start:].translate(_URL_SAFE)
            # One character alone encodes nothing; two or three are an end whose padding is not in the match.
            whole = whole[: len(whole) - (len(whole) % 4 == 1)]
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))


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
