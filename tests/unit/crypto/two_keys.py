"""A row that two keys decrypt: what ChaCha20-Poly1305 alone does not prevent, and the key commitment does.

Poly1305 is a polynomial in a key-dependent point: two free blocks of a ciphertext solve two linear equations,
one per key, so one tag fits both. Whoever seals a row can do this; two shops would read two contracts.
"""

from __future__ import annotations

import random

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import PLAINTEXT_BYTES, Handle, Row, _row_key, open_label

_PRIME = 2**130 - 5
_WORD = 2**128
_BODY = PLAINTEXT_BYTES - 4  # what E and D share
_R_MASK = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


class _Key:
    """What one row key does to a message: a key stream, and a point and a pad of Poly1305."""

    def __init__(self, key: bytes) -> None:
        """Expands a key under the fixed nonce."""
        stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(64 + PLAINTEXT_BYTES))
        self.point = int.from_bytes(stream[:16], "little") & _R_MASK
        self.pad = int.from_bytes(stream[16:32], "little")
        self.stream = stream[64:]

    def masked(self, place: int, number: int) -> bytes:
        """The two ciphertext bytes that decrypt to a number at a place."""
        return bytes(a ^ b for a, b in zip(number.to_bytes(2, "big"), self.stream[place : place + 2], strict=True))


def _keys(rho: bytes, output: OprfOutput, label: bytes, opening: bytes) -> tuple[_Key, bytes]:
    key, commitment = _row_key(rho, opening, output, label)  # type: ignore[arg-type]
    return _Key(key), commitment


def row_of_two_keys(output: OprfOutput, seed: int) -> tuple[Row, bytes, bytes]:
    """Makes a row and the two openings whose keys both decrypt it to something of the right form."""
    draw = random.Random(seed)
    handle, rho, first_opening = Handle(draw.randbytes(32)), draw.randbytes(32), draw.randbytes(96)
    label = open_label("99000001", 1, 1, handle)
    first, commitment = _keys(rho, output, label, first_opening)
    while True:
        second_opening = draw.randbytes(96)
        second, _ = _keys(rho, output, label, second_opening)
        length = draw.randrange(16, 120)
        difference = int.from_bytes(first.stream[:2], "big") ^ int.from_bytes(second.stream[:2], "big")
        other = length ^ difference
        if 16 <= other < 120 and abs(length - other) >= 2:
            break
    body = bytearray(draw.randbytes(PLAINTEXT_BYTES))
    body[:2] = first.masked(0, length)
    for key, size in ((first, length), (second, other)):
        body[2 + size : 4 + size] = key.masked(2 + size, _BODY - size)
    tag = _solve(bytes(body), bytes(label), (first, second), draw, body)
    stored = rho + commitment + bytes(body) + tag
    return Row(insurer="99000001", epoch=1, batch=1, handle=handle, stored=stored), first_opening, second_opening


def _blocks(body: bytes, label: bytes) -> list[int]:
    """The blocks that Poly1305 reads (RFC 8439 section 2.8), each with its high bit."""
    lengths = len(label).to_bytes(8, "little") + len(body).to_bytes(8, "little")
    padded = label + bytes(-len(label) % 16) + body + bytes(-len(body) % 16) + lengths
    return [int.from_bytes(padded[at : at + 16], "little") + _WORD for at in range(0, len(padded), 16)]


def _solve(body: bytes, label: bytes, keys: tuple[_Key, _Key], draw: random.Random, out: bytearray) -> bytes:
    """Chooses two blocks after all lengths, so that one tag fits both keys; writes them and returns the tag."""
    before = (len(label) + 15) // 16
    places = (before + 10, before + 12)  # bytes 160 to 207: after the last length, before the last block
    blocks = _blocks(body, label)
    powers = [[pow(key.point, len(blocks) - place, _PRIME) for place in places] for key in keys]
    rest = [
        sum(block * pow(key.point, len(blocks) - at, _PRIME) for at, block in enumerate(blocks) if at not in places)
        for key in keys
    ]
    (a, b), (c, d) = powers
    inverse = pow(a * d - b * c, -1, _PRIME)
    while True:
        tag = draw.randrange(_WORD)
        goals = [
            (tag - key.pad) % _WORD + _WORD * draw.randrange(3) - part for key, part in zip(keys, rest, strict=True)
        ]
        solved = [(d * goals[0] - b * goals[1]) * inverse % _PRIME, (a * goals[1] - c * goals[0]) * inverse % _PRIME]
        if all(_WORD <= value < 2 * _WORD for value in solved):
            break
    for place, value in zip(places, solved, strict=True):
        at = (place - before) * 16
        out[at : at + 16] = (value - _WORD).to_bytes(16, "little")
    return tag.to_bytes(16, "little")
