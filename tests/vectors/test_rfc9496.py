"""The published vectors of ristretto255, on the project's group and on the second computation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.reference import curve

from paravent.crypto import group, sodium
from paravent.errors import MalformedMessage

FILE = Path(__file__).parents[2] / "vectors" / "rfc9496-ristretto255.json"
SUITE: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
INVALID = [encoded for encodings in SUITE["invalid"].values() for encoded in encodings]


def test_every_published_vector_is_here() -> None:
    found = [len(SUITE[name]) for name in ("multiples", "derived", "square_roots")]
    assert found == [16, 11, 6]
    assert [len(encodings) for encodings in SUITE["invalid"].values()] == [4, 8, 8, 8, 1]


@pytest.mark.parametrize("multiple", range(16))
def test_multiples_of_the_generator(multiple: int) -> None:
    expected = bytes.fromhex(SUITE["multiples"][multiple])
    assert curve.encode(curve.multiply(multiple, curve.BASE)) == expected
    assert curve.encode(curve.decode(expected)) == expected
    if multiple:
        assert group.decode_element(expected) == group.multiply_base(group.small_scalar(multiple)) == expected
    if multiple > 1:
        before = group.decode_element(bytes.fromhex(SUITE["multiples"][multiple - 1]))
        assert group.add(before, group.multiply_base(group.small_scalar(1))) == expected


def test_the_identity_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        group.decode_element(bytes.fromhex(SUITE["multiples"][0]))


@pytest.mark.parametrize("encoded", INVALID)
def test_invalid_encodings_are_refused(encoded: str) -> None:
    with pytest.raises(MalformedMessage):
        group.decode_element(bytes.fromhex(encoded))
    with pytest.raises(curve.NotAPoint):
        curve.decode(bytes.fromhex(encoded))


@pytest.mark.parametrize(
    "vector", SUITE["derived"], ids=lambda vector: f"{vector['input'][:8]}-{vector['input'][56:72]}"
)
def test_derived_elements(vector: dict[str, str]) -> None:
    uniform = bytes.fromhex(vector["input"])
    assert sodium.point_from_hash(uniform).hex() == vector["output"]
    assert curve.encode(curve.derive(uniform)).hex() == vector["output"]


@pytest.mark.parametrize("vector", SUITE["square_roots"], ids=lambda vector: vector["u"][:2] + vector["v"][:2])
def test_square_roots(vector: dict[str, Any]) -> None:
    u, v, root = (int.from_bytes(bytes.fromhex(vector[name]), "little") for name in ("u", "v", "r"))
    assert curve.sqrt_ratio(u, v) == (vector["was_square"], root)
