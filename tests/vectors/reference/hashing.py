"""Encodings, hashes and key derivations written again: ``enc``, RFC 9380, RFC 5869, RFC 9180."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from tests.vectors.reference.curve import x25519

Values = dict[str, Any]

VALUE_ERROR = "value-error"
MALFORMED = "malformed-message"
PROOF = "proof-failure"


class Refused(Exception):
    """What a case expects to be refused; carries the code of the error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def require(condition: object, code: str = MALFORMED) -> None:
    """Raises Refused unless a condition holds."""
    if not condition:
        raise Refused(code)


def unhex(text: str) -> bytes:
    """Reads hexadecimal text."""
    return bytes.fromhex(text)


def sha256(*parts: bytes) -> bytes:
    """Computes SHA-256 of a concatenation."""
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key: bytes, message: bytes) -> bytes:
    """Computes HMAC-SHA-256."""
    return hmac.new(key, message, "sha256").digest()


def enc(label: str, *fields: bytes | int | str) -> bytes:
    """Writes ``paravent/1/`` and a label, then fields, each behind its length in two bytes."""
    encoded = b""
    for field in ("paravent/1/" + label, *fields):
        if isinstance(field, str):
            body = unicodedata.normalize("NFC", field).encode()
        elif isinstance(field, int):
            require(0 <= field < 2**64, VALUE_ERROR)
            body = field.to_bytes(8, "big")
        else:
            body = field
        require(len(body) < 2**16, VALUE_ERROR)
        encoded += len(body).to_bytes(2, "big") + body
    return encoded


def read_field(field: Values) -> bytes | int | str:
    """Reads a field as vector files write it."""
    match field:
        case {"integer": str(digits)}:
            return int(digits)
        case {"text": str(text)}:
            return text
        case {"bytes": str(digits), **rest}:
            return unhex(digits) * int(rest.get("times", 1))
        case _:
            raise ValueError(field)


def expand_message_xmd(message: bytes, dst: bytes, size: int) -> bytes:
    """Expands a message with SHA-512 (RFC 9380 section 5.3.1)."""
    suffix = dst + bytes([len(dst)])
    first = hashlib.sha512(bytes(128) + message + size.to_bytes(2, "big") + b"\0" + suffix).digest()
    output, block = b"", bytes(64)
    for count in range(1, -(-size // 64) + 1):
        mixed = int.from_bytes(first, "big") ^ int.from_bytes(block, "big")
        block = hashlib.sha512(mixed.to_bytes(64, "big") + bytes([count]) + suffix).digest()
        output += block
    return output[:size]


def hkdf(material: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """Derives bytes with HKDF-SHA-256 (RFC 5869); no salt is 32 zeros."""
    key, output, block = mac(salt or bytes(32), material), b"", b""
    for count in range(1, -(-size // 32) + 1):
        block = mac(key, block + info + bytes([count]))
        output += block
    return output[:size]


def aead_open(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Decrypts ChaCha20-Poly1305; refuses what is altered."""
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise Refused(PROOF) from None


# --- HPKE, base mode, KEM 0x647a (ML-KEM-768 and X25519), HKDF-SHA-256, ChaCha20-Poly1305 -------------

_SUITE = b"HPKE" + bytes.fromhex("647a 0001 0003")
_COMBINER = rb"\.//^" + b"\\"


def box_public_key(private: bytes) -> bytes:
    """Computes the public key of a box key: ML-KEM seed (64 bytes), then X25519 key."""
    require(len(private) == 96, VALUE_ERROR)
    return MLKEM768PrivateKey.from_seed_bytes(private[:64]).public_key().public_bytes_raw() + x25519(private[64:])


def box_open(private: bytes, box: bytes, info: bytes) -> bytes:
    """Opens a box (RFC 9180 section 5.1.1); its two shared secrets are combined with SHA3-256."""
    require(len(box) >= 1136, PROOF)
    kem, ephemeral, sealed = box[:1088], box[1088:1120], box[1120:]
    secrets = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(kem) + x25519(private[64:], ephemeral)
    shared = hashlib.sha3_256(secrets + ephemeral + x25519(private[64:]) + _COMBINER).digest()
    context = b"\0" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    secret = _extract(shared, b"secret", b"")
    key, nonce = _expand(secret, b"key", context, 32), _expand(secret, b"base_nonce", context, 12)
    return aead_open(key, nonce, sealed, b"")


def _extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return mac(salt or bytes(32), b"HPKE-v1" + _SUITE + label + material)


def _expand(key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return mac(key, size.to_bytes(2, "big") + b"HPKE-v1" + _SUITE + label + info + b"\x01")[:size]
