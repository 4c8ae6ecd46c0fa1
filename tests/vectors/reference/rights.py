"""Operations of ``entitlement``, ``status`` and ``card``: what is signed for a person, and how a card carries it.

``cbor2`` reads and ``cwt`` verifies; the one allowed encoding is written here, byte by byte, and compared.
"""

from __future__ import annotations

import string
from typing import Any

import cbor2
from cwt import COSE, COSEKey
from cwt.exceptions import CWTError
from tests.vectors.reference.curve import ed25519_public, ed25519_sign
from tests.vectors.reference.hashing import PROOF, Refused, Values, require, sha256, unhex

_PROTECTED = bytes.fromhex("a10127")
_TERMS = (
    "insurer", "valid_until", "valid_from", "serial", "guarantee", "free_from", "renewal_months", "nullifier",
    "status_index", "desk_digest",
)  # fmt: skip
_BINARY = ("serial", "nullifier", "desk_digest")
_BASE45 = string.digits + string.ascii_uppercase + " $%*+-./:"

# --- CBOR (RFC 8949), shortest forms only ------------------------------------------------------------


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    size = next(size for size in (1, 2, 4, 8) if value < 256**size)
    return bytes([major << 5 | 23 + size.bit_length()]) + value.to_bytes(size, "big")


def _cbor(value: object) -> bytes:
    match value:
        case None:
            return b"\xf6"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(_cbor, value))
        case dict():
            return _head(5, len(value)) + b"".join(_cbor(key) + _cbor(item) for key, item in value.items())
        case _:
            raise TypeError(value)


def _read(encoded: bytes) -> Any:
    try:
        return cbor2.loads(encoded)
    except (cbor2.CBORDecodeError, ValueError):
        raise Refused("malformed-message") from None


# --- entitlement -------------------------------------------------------------------------------------


def desk_part(values: Values) -> Values:
    """Encodes D."""
    salt, holder = unhex(values["salt"]), unhex(values["holder"])
    binding = None if values["binding"] is None else unhex(values["binding"])
    require(len(salt) == 16 and len(holder) == 32 and (binding is None or len(binding) == 32))
    encoded = _cbor([salt, holder, binding])
    return {"desk_part": encoded.hex(), "desk_digest": sha256(encoded).hex()}


def _payload(terms: Values) -> bytes:
    """Writes the claims of checked terms, in their one order."""
    insurer, until, since, guarantee, free_from, renewal, index = (
        terms[name] for name in _TERMS if name not in _BINARY
    )
    serial, nullifier, digest = (unhex(terms[name]) for name in _BINARY)
    require(8 <= len(insurer) <= 10 and set(insurer) <= set(string.digits))
    require(1 <= len(guarantee) <= 16 and guarantee.isascii())
    require(190001 <= free_from <= 299912 and 1 <= free_from % 100 <= 12 and renewal in {6, 12, 24})
    require((len(serial), len(nullifier), len(digest)) == (16, 16, 32))
    require(0 <= since < until < 2**32 and 0 <= index < 2**32)
    right = [guarantee, free_from, renewal, nullifier, index, digest]
    claims = {1: insurer, 4: until, 5: since, 7: serial, -65537: right}
    return _cbor(claims)


def issue(values: Values) -> Values:
    """Signs E: COSE_Sign1 with EdDSA, nothing unprotected, no external data."""
    payload, seed = _payload(values["terms"]), unhex(values["seed"])
    signature = ed25519_sign(seed, _cbor(["Signature1", _PROTECTED, b"", payload]))
    encoded = b"\xd2" + _cbor([_PROTECTED, {}, payload, signature])
    return {"entitlement": encoded.hex(), "issuer_key": ed25519_public(seed).hex()}


def verify(values: Values) -> Values:
    """Verifies E: its form first, then its insurer, then its signature."""
    encoded = unhex(values["entitlement"])
    match _read(encoded):
        case cbor2.CBORTag(
            tag=18, value=[bytes() as protected, {**unprotected}, bytes() as payload, bytes() as signature]
        ):
            require(protected == _PROTECTED and not unprotected and len(encoded) <= 206)
            require(encoded == b"\xd2" + _cbor([protected, {}, payload, signature]))
        case _:
            raise Refused("malformed-message")
    terms = _terms(payload)
    require(terms["insurer"] in values["issuers"], "unknown-insurer")
    key = COSEKey.new({1: 1, 3: -8, -1: 6, -2: unhex(values["issuers"][terms["insurer"]])})
    try:
        require(COSE.new().decode(encoded, key) == payload, PROOF)
    except CWTError:
        raise Refused(PROOF) from None
    return {"terms": terms}


def _terms(payload: bytes) -> Values:
    claims = _read(payload)
    match claims:
        case {1: insurer, 4: until, 5: since, 7: serial, -65537: [_, _, _, _, _, _] as right} if len(claims) == 5:
            found = [insurer, until, since, serial, *right]
        case _:
            raise Refused("malformed-message")
    kinds = [str, int, int, bytes, str, int, int, bytes, int, bytes]
    require([type(item) for item in found] == kinds)
    terms = {name: item.hex() if type(item) is bytes else item for name, item in zip(_TERMS, found, strict=True)}
    require(_payload(terms) == payload)
    return terms


def verify_desk_part(values: Values) -> Values:
    """Checks that D is the one signed, then its form."""
    encoded = unhex(values["desk_part"])
    require(verify(values)["terms"]["desk_digest"] == sha256(encoded).hex(), PROOF)
    match _read(encoded):
        case [bytes() as salt, bytes() as holder, (bytes() | None) as binding]:
            part = {"salt": salt.hex(), "holder": holder.hex(), "binding": binding and binding.hex()}
        case _:
            raise Refused("malformed-message")
    require(desk_part(part)["desk_part"] == values["desk_part"])
    return part


# --- status ------------------------------------------------------------------------------------------


def bits_for(values: Values) -> Values:
    """Doubles 1,024 until it exceeds twice the entitlements."""
    bits = 1024
    while bits <= 2 * values["entitlements"]:
        bits *= 2
    return {"bits": bits}


def status_list(values: Values) -> Values:
    """Builds an array: bit i of the list is bit i of the little-endian number."""
    require(all(0 <= index < values["bits"] for index in values["revoked"]))
    number = sum(1 << index for index in set(values["revoked"]))
    return {"array": number.to_bytes(values["bits"] // 8, "little").hex()}


def revoked(values: Values) -> Values:
    """Reads one bit."""
    array, index = unhex(values["array"]), values["index"]
    require(0 <= index < 8 * len(array))
    return {"revoked": bool(int.from_bytes(array, "little") >> index & 1)}


# --- card --------------------------------------------------------------------------------------------


def base45_encode(values: Values) -> Values:
    """Encodes bytes (RFC 9285)."""
    return {"text": _base45(unhex(values["bytes"]))}


def _base45(data: bytes) -> str:
    if len(data) > 2:
        return _base45(data[:2]) + _base45(data[2:])
    value = int.from_bytes(data, "big")
    digits = [value % 45, value // 45 % 45, value // 45**2]
    return "".join(_BASE45[digit] for digit in digits[: len(data) and len(data) + 1])


def base45_decode(values: Values) -> Values:
    """Decodes base45: what encodes to the same text, or nothing."""
    data, text = b"", values["text"]
    for start in range(0, len(text), 3):
        group = [_BASE45.find(character) for character in text[start : start + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(group))
        require(-1 not in group and len(group) > 1 and value < 256 ** (len(group) - 1), "unreadable-card")
        data += value.to_bytes(len(group) - 1, "big")
    return {"bytes": data.hex()}


def write_card(values: Values) -> Values:
    """Writes a card: the length of E in one byte, E, D."""
    entitlement, part = unhex(values["entitlement"]), unhex(values["desk_part"])
    return {"text": "PV1:" + _base45(bytes([len(entitlement)]) + entitlement + part)}


def read_card(values: Values) -> Values:
    """Reads a card."""
    text = values["text"].rstrip("\r\n")
    require(text.startswith("PV1:") and len(text) <= 600, "unreadable-card")
    body = unhex(base45_decode({"text": text[4:]})["bytes"])
    require(body and 1 <= body[0] <= 206 and 1 <= len(body) - 1 - body[0] <= 86, "unreadable-card")
    return {"entitlement": body[1 : 1 + body[0]].hex(), "desk_part": body[1 + body[0] :].hex()}
