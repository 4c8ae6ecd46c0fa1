"""Entitlements: what the contract pays, signed, with no person in it (docs/protocol.md section 4).

An entitlement is COSE_Sign1 (RFC 9052) over CWT claims (RFC 8392): the hub part E, which carries
SHA-256 of the desk part D. Decoding re-encodes and compares, so one entitlement has one encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

import cbor2

from paravent.crypto.signing import SigningKey, VerifyKey, verify_bytes
from paravent.errors import MalformedMessage, ProofFailure, UnknownInsurer

Entitlement = NewType("Entitlement", bytes)
"""The hub part E: a COSE_Sign1 message of at most 206 bytes."""

EncodedDeskPart = NewType("EncodedDeskPart", bytes)
"""The desk part D: CBOR, at most 86 bytes; never sent to the hub."""

ENTITLEMENT_BYTES_MAX = 206
DESK_PART_BYTES_MAX = 86
NULLIFIER_BYTES = 16
SERIAL_BYTES = 16
SALT_BYTES = 16
GUARANTEE_CHARACTERS_MAX = 16
RENEWAL_MONTHS = (6, 12, 24)
_PROTECTED = b"\xa1\x01\x27"  # {1: -8}, alg EdDSA
_ISS, _EXP, _NBF, _CTI, _RIGHT = 1, 4, 5, 7, -65537
_CLAIMS = (_ISS, _EXP, _NBF, _CTI, _RIGHT)
_COSE_SIGN1 = 18
# Everything before the payload is the same in every entitlement: tag 18, array of 4, protected, no unprotected;
# and for what is signed, array of 4, "Signature1", protected, no external data (RFC 9052 section 4.4).
_ENVELOPE_START = b"\xd2\x84\x43" + _PROTECTED + b"\xa0"
# The claims are written in one order, whose names are constant; nothing in them has more than 255 bytes.
_ISS_START = b"\xa5\x01"  # map of 5, claim 1
_CTI_START = b"\x07\x50"  # claim 7, byte string of 16
_RIGHT_START = b"\x3a\x00\x01\x00\x00\x86"  # claim -65537, array of 6
_DESK_PART_START = b"\x83\x50"  # array of 3, byte string of 16
_NULL = b"\xf6"
_SIG_STRUCTURE_START = b"\x84\x6aSignature1\x43" + _PROTECTED + b"\x40"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPart:
    """What the hub may read: the contract's terms for one right of one person, nameless."""

    insurer: str
    serial: bytes
    valid_from: int
    valid_until: int
    guarantee: str
    free_from: int
    renewal_months: int
    nullifier: bytes
    status_index: int
    desk_digest: bytes

    def __post_init__(self) -> None:
        """Checks sizes and ranges; raises MalformedMessage."""
        numbers = (self.valid_from, self.valid_until, self.free_from, self.renewal_months, self.status_index)
        # CBOR has true and false, which Python counts as integers.
        if {*map(type, numbers)} != {int}:
            raise MalformedMessage("an entitlement field is not an integer")
        sizes = (len(self.serial), len(self.nullifier), len(self.desk_digest))
        if sizes != (SERIAL_BYTES, NULLIFIER_BYTES, 32):
            raise MalformedMessage("an entitlement field has a wrong length")
        if self.renewal_months not in RENEWAL_MONTHS or not 190001 <= self.free_from <= 299912:
            raise MalformedMessage("an entitlement has an impossible renewal")
        if not 1 <= self.free_from % 100 <= 12 or not 0 <= self.status_index < 2**32:
            raise MalformedMessage("an entitlement field is out of range")
        if not self.insurer.isascii() or not self.insurer.isdigit() or not 8 <= len(self.insurer) <= 10:
            raise MalformedMessage("an AMC number is 8 to 10 digits")
        if not self.guarantee.isascii() or not 0 < len(self.guarantee) <= GUARANTEE_CHARACTERS_MAX:
            raise MalformedMessage("a guarantee code is 1 to 16 ASCII characters")
        if not 0 <= self.valid_from < self.valid_until < 2**32:
            raise MalformedMessage("an entitlement ends after it begins")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPart:
    """What only the desk reads: the salted holder value and, in the number lane, the label bound."""

    salt: bytes
    holder: bytes
    binding: bytes | None

    def __post_init__(self) -> None:
        """Checks sizes; raises MalformedMessage."""
        if len(self.salt) != SALT_BYTES or len(self.holder) != 32:
            raise MalformedMessage("a desk part field has a wrong length")
        if self.binding is not None and len(self.binding) != 32:
            raise MalformedMessage("a desk part field has a wrong length")

    def encode(self) -> EncodedDeskPart:
        """Encodes D."""
        binding = _NULL if self.binding is None else _byte_string(self.binding)
        return EncodedDeskPart(_DESK_PART_START + self.salt + _byte_string(self.holder) + binding)


def issue(part: HubPart, key: SigningKey) -> Entitlement:
    """Signs a hub part with the insurer's issuer key."""
    payload = b"".join((
        _ISS_START, _text(part.insurer), b"\x04", _number(part.valid_until), b"\x05", _number(part.valid_from),
        _CTI_START, part.serial, _RIGHT_START, _text(part.guarantee), _number(part.free_from),
        _number(part.renewal_months), b"\x50", part.nullifier, _number(part.status_index), b"\x58\x20",
        part.desk_digest,
    ))  # fmt: skip
    signature = key.sign_bytes(_to_be_signed(payload))
    return Entitlement(_ENVELOPE_START + _byte_string(payload) + _byte_string(signature))


def verify_entitlement(entitlement: bytes, issuers: Mapping[str, VerifyKey]) -> HubPart:
    """Verifies E against the issuer keys of the directory and returns its terms.

    Raises MalformedMessage on another form, UnknownInsurer, or ProofFailure on a wrong signature.
    """
    payload, signature = _envelope(entitlement)
    part = _claims(payload)
    if part.insurer not in issuers:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    verify_bytes(
        issuers[part.insurer], signature, _to_be_signed(payload), culprit=f"entitlement of insurer {part.insurer}"
    )
    return part


def read_entitlement(entitlement: bytes) -> HubPart:
    """Reads the terms of an E whose signature was verified before; raises MalformedMessage on another form."""
    payload, _ = _envelope(entitlement)
    return _claims(payload)


def desk_digest(desk_part: EncodedDeskPart) -> bytes:
    """Computes SHA-256(D), which E carries."""
    return hashlib.sha256(desk_part).digest()


def verify_desk_part(part: HubPart, desk_part: bytes) -> DeskPart:
    """Checks that D is the one E was signed with; raises MalformedMessage or ProofFailure."""
    if hashlib.sha256(desk_part).digest() != part.desk_digest:
        raise ProofFailure("the desk part is not the one signed", culprit=f"entitlement of insurer {part.insurer}")
    match _decode(desk_part, DESK_PART_BYTES_MAX):
        case [bytes(salt), bytes(holder), (bytes() | None) as binding]:
            return DeskPart(salt=salt, holder=holder, binding=binding)
        case _:
            raise MalformedMessage("a desk part has another form")


def _to_be_signed(payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052 section 4.4, context Signature1, no external data."""
    return _SIG_STRUCTURE_START + _byte_string(payload)


def _byte_string(value: bytes) -> bytes:
    """Writes a CBOR byte string of 24 to 255 bytes, as payloads and signatures are (RFC 8949 section 3)."""
    return b"\x58" + bytes([len(value)]) + value


def _text(value: str) -> bytes:
    """Writes a CBOR text string of at most 23 ASCII characters."""
    return bytes([0x60 | len(value)]) + value.encode()


def _number(value: int) -> bytes:
    """Writes a CBOR integer, 0 to 2^32 - 1, in as few bytes as it takes."""
    for size, start in ((1, b"\x18"), (2, b"\x19"), (4, b"\x1a")):
        if value < 24:
            return bytes([value])
        if value < 1 << 8 * size:
            return start + value.to_bytes(size, "big")
    raise MalformedMessage("an entitlement field is out of range")


def _envelope(entitlement: bytes) -> tuple[bytes, bytes]:
    tagged = _decode(entitlement, ENTITLEMENT_BYTES_MAX)
    parts = tagged.value if isinstance(tagged, cbor2.CBORTag) and tagged.tag == _COSE_SIGN1 else None
    match parts:
        case [bytes(protected), Mapping() as unprotected, bytes(payload), bytes(signature)] if (
            protected == _PROTECTED and not unprotected
        ):
            return payload, signature
        case _:
            raise MalformedMessage("an entitlement is a COSE_Sign1 message signed with EdDSA")


def _claims(payload: bytes) -> HubPart:
    claims = _decode(payload, ENTITLEMENT_BYTES_MAX)
    # The types are compared too: to Python, 4.0 is 4 and true is 1.
    if not isinstance(claims, dict) or [(type(name), name) for name in claims] != [(int, name) for name in _CLAIMS]:
        raise MalformedMessage("an entitlement has other claims than expected")
    match [claims[name] for name in _CLAIMS]:
        case [
            str(insurer), int(until), int(since), bytes(serial),
            [str(guarantee), int(free_from), int(renewal), bytes(nullifier), int(index), bytes(digest)],
        ]:  # fmt: skip
            return HubPart(
                insurer=insurer, serial=serial, valid_from=since, valid_until=until, guarantee=guarantee,
                free_from=free_from, renewal_months=renewal, nullifier=nullifier, status_index=index,
                desk_digest=digest,
            )  # fmt: skip
        case _:
            raise MalformedMessage("an entitlement has other claims than expected")


def _decode(encoded: bytes, bytes_max: int) -> object:
    """Decodes CBOR and refuses any encoding but the one this module writes (no trailing byte, no duplicate)."""
    if len(encoded) > bytes_max:
        raise MalformedMessage("a CBOR structure is too long")
    try:
        value: object = cbor2.loads(encoded, max_depth=4)
        same = cbor2.dumps(value) == encoded
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise MalformedMessage("a CBOR structure cannot be decoded") from error
    if not same:
        raise MalformedMessage("a CBOR structure has another encoding than the only one allowed")
    return value
