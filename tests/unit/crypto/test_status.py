"""Status lists: sizes that say nothing, bits that say who is revoked (section 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.crypto import status
from paravent.errors import MalformedMessage


@given(st.integers(0, 40_000_000))
def test_a_list_is_at_least_twice_its_entitlements_and_a_power_of_two(entitlements: int) -> None:
    bits = status.bits_for(entitlements)
    assert bits >= max(status.BITS_MIN, 2 * entitlements)
    assert bits & (bits - 1) == 0
    assert bits <= max(status.BITS_MIN, 4 * max(entitlements, 1))


@pytest.mark.parametrize(
    ("entitlements", "bits"), [(0, 1024), (1, 1024), (511, 1024), (512, 2048), (1023, 2048), (1024, 4096)]
)
def test_a_length_says_little_of_a_number_of_members(entitlements: int, bits: int) -> None:
    assert status.bits_for(entitlements) == bits


@given(st.sets(st.integers(0, 1023)), st.integers(0, 1023))
def test_an_array_is_of_its_length_whatever_is_revoked(revoked: set[int], index: int) -> None:
    array = status.encode(revoked, 1024)
    assert len(array) == 128
    assert sum(byte.bit_count() for byte in array) == len(revoked)
    assert status.is_revoked(array, index) is (index in revoked)


def test_nobody_is_in_an_empty_list() -> None:
    with pytest.raises(MalformedMessage):
        status.is_revoked(b"", 0)


def test_a_length_that_is_no_multiple_of_eight_is_refused() -> None:
    with pytest.raises((MalformedMessage, ValueError)):
        status.encode([9], 10)
