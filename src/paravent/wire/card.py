"""The text of a card's QR code: E and D in base45 (docs/protocol.md section 8; RFC 9285).

A QR code holds base45 in its alphanumeric mode: about 390 characters, version 12 at correction M.
"""

from __future__ import annotations

from paravent.crypto.entitlement import DESK_PART_BYTES_MAX, ENTITLEMENT_BYTES_MAX
from paravent.errors import UnreadableCard

PREFIX = "PV1:"
CHARACTERS_MAX = 600
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}


def card_text(entitlement: bytes, desk_part: bytes) -> str:
    """Writes the text of a QR code."""
    return PREFIX + base45_encode(bytes([len(entitlement)]) + entitlement + desk_part)


def read_card(text: str) -> tuple[bytes, bytes]:
    """Reads (E, D); raises UnreadableCard when the text is truncated, altered or of another kind."""
    text = text.strip("\r\n")
    if not text.startswith(PREFIX) or len(text) > CHARACTERS_MAX:
        raise UnreadableCard("this QR code is not a card of this platform")
    body = base45_decode(text.removeprefix(PREFIX))
    end = 1 + body[0] if body else 0
    entitlement, desk_part = body[1:end], body[end:]
    if not 0 < len(entitlement) == end - 1 <= ENTITLEMENT_BYTES_MAX or not 0 < len(desk_part) <= DESK_PART_BYTES_MAX:
        raise UnreadableCard("the card's QR code is truncated")
    return entitlement, desk_part


def base45_encode(data: bytes) -> str:
    """Encodes bytes (RFC 9285 section 4.1)."""
    characters = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(3 if len(pair) == 2 else 2):
            value, digit = divmod(value, 45)
            characters.append(_ALPHABET[digit])
    return "".join(characters)


def base45_decode(text: str) -> bytes:
    """Decodes base45 (RFC 9285 section 4.2); raises UnreadableCard on anything else."""
    if len(text) % 3 == 1 or not set(text) <= _VALUE.keys():
        raise UnreadableCard("the card's QR code is truncated or has a wrong character")
    data = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        value = sum(_VALUE[character] * 45**place for place, character in enumerate(group))
        size = len(group) - 1
        if value >= 256**size:
            raise UnreadableCard("the card's QR code has an impossible group")
        data += value.to_bytes(size, "big")
    return bytes(data)
