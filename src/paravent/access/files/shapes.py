"""Whether a file still has the shape that its name promises (docs/detection.md section 2.1): pure.

Files of random bytes, keys and sealed backups, promise nothing and are compared by their state alone.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections import Counter
from collections.abc import Callable

ENTROPY_MOST = 6.5
"""Text is below, bytes that were encrypted are near 8; base64 and hexadecimal are at 6 and 4."""

WAL_MAGIC = frozenset({0x377F0682, 0x377F0683})
_ENTROPY_BYTES_MIN = 256


def entropy(content: bytes) -> float:
    """Gives the entropy of the bytes, in bits a byte."""
    if not content:
        return 0.0
    return -sum(count / len(content) * math.log2(count / len(content)) for count in Counter(content).values())


def shape_of(name: str) -> Callable[[bytes], bool] | None:
    """Returns what tells whether a file of this name holds its shape; None when its name promises none."""
    return _SHAPES.get(name[name.rfind(".") :] if "." in name else "")


def _text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(content) < _ENTROPY_BYTES_MIN or entropy(content) <= ENTROPY_MOST


def _json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _toml(content: bytes) -> bool:
    try:
        tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


def _pem(content: bytes) -> bool:
    return _text(content) and content.lstrip().startswith(b"-----BEGIN ")


def _wal(content: bytes) -> bool:
    return not content or int.from_bytes(content[:4]) in WAL_MAGIC


_SHAPES: dict[str, Callable[[bytes], bool]] = {
    ".toml": _toml, ".json": _json, ".pem": _pem, ".crt": _pem, ".txt": _text, ".csv": _text, ".db-wal": _wal,
}  # fmt: skip
