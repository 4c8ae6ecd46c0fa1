"""The published vectors of ``expand_message_xmd`` with SHA-512."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.reference import hashing

from paravent.crypto import group

FILE = Path(__file__).parents[2] / "vectors" / "rfc9380-expand-message-xmd-sha512.json"
SUITE: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = SUITE["vectors"]


def test_every_published_vector_is_here() -> None:
    lengths = [(len(vector["message"]), vector["size"]) for vector in VECTORS]
    assert lengths == [(length, size) for size in (32, 128) for length in (0, 3, 16, 133, 517)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{len(vector['message'])}-to-{vector['size']}")
def test_expand_message_xmd(vector: dict[str, Any]) -> None:
    message, dst, size = vector["message"].encode(), SUITE["dst"].encode(), vector["size"]
    assert group.expand_message_xmd(message, dst, size).hex() == vector["output"]
    assert hashing.expand_message_xmd(message, dst, size).hex() == vector["output"]


@pytest.mark.parametrize("size", [0, 255 * 64 + 1])
def test_sizes_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16,320"):
        group.expand_message_xmd(b"", b"dst", size)
