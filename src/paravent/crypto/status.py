"""Status lists: one bit per entitlement of an insurer, set when revoked (docs/protocol.md section 4).

An array has at least twice as many bits as the insurer has entitlements, so that an index says
nothing of an enrolment date; desks fetch whole arrays, so that a look-up says nothing of a person.
"""

from __future__ import annotations

from collections.abc import Iterable

from paravent.errors import MalformedMessage

BITS_MIN = 1024


def bits_for(entitlements: int) -> int:
    """Returns the length of an array: at least twice the entitlements, a power of two, 1,024 or more."""
    return max(BITS_MIN, 1 << (2 * entitlements).bit_length())


def encode(revoked: Iterable[int], bits: int) -> bytes:
    """Builds the array with the revoked indices set, least significant bit first."""
    if bits % 8:
        raise ValueError("a list is whole bytes")
    array = bytearray(bits // 8)
    for index in revoked:
        if not 0 <= index < bits:
            raise MalformedMessage("a status index is outside its list")
        array[index >> 3] |= 1 << (index & 7)
    return bytes(array)


def is_revoked(array: bytes, index: int) -> bool:
    """Reads one bit; raises MalformedMessage when the index is outside the list."""
    if not 0 <= index < len(array) * 8:
        raise MalformedMessage("a status index is outside its list")
    return bool(array[index >> 3] >> (index & 7) & 1)
