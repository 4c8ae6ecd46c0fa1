"""The calls of libsodium that the project uses, and nothing else (libsodium >= 1.0.18).

Group and scalar arithmetic and Ed25519 happen inside libsodium, in constant time where it
promises so; a scalar is 32 little-endian bytes here and never becomes a Python integer.
This module checks lengths only; canonical form and identity are judged in ``group``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Final

POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
WIDE_BYTES: Final = 64
SIGNATURE_BYTES: Final = 64


def _load() -> ctypes.CDLL:
    name = ctypes.util.find_library("sodium") or "libsodium.so.23"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise ImportError("libsodium >= 1.0.18 is needed: apt-get install libsodium23") from error
    if library.sodium_init() < 0 or not hasattr(library, "crypto_core_ristretto255_from_hash"):
        raise ImportError("libsodium is too old or cannot start: 1.0.18 or later is needed")
    return library


_LIB = _load()
_buffer = ctypes.create_string_buffer


def _bind(name: str, *arguments: type) -> ctypes._NamedFuncPointer:
    function: ctypes._NamedFuncPointer = getattr(_LIB, name)
    function.argtypes = list(arguments)
    function.restype = ctypes.c_int
    return function


_OUT, _IN, _LEN = ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulonglong
_from_hash = _bind("crypto_core_ristretto255_from_hash", _OUT, _IN)
_is_valid = _bind("crypto_core_ristretto255_is_valid_point", _IN)
_add = _bind("crypto_core_ristretto255_add", _OUT, _IN, _IN)
_sub = _bind("crypto_core_ristretto255_sub", _OUT, _IN, _IN)
_mult = _bind("crypto_scalarmult_ristretto255", _OUT, _IN, _IN)
_mult_base = _bind("crypto_scalarmult_ristretto255_base", _OUT, _IN)
_scalar_reduce = _bind("crypto_core_ristretto255_scalar_reduce", _OUT, _IN)
_scalar_add = _bind("crypto_core_ristretto255_scalar_add", _OUT, _IN, _IN)
_scalar_sub = _bind("crypto_core_ristretto255_scalar_sub", _OUT, _IN, _IN)
_scalar_mul = _bind("crypto_core_ristretto255_scalar_mul", _OUT, _IN, _IN)
_scalar_invert = _bind("crypto_core_ristretto255_scalar_invert", _OUT, _IN)
_sign_seed = _bind("crypto_sign_ed25519_seed_keypair", _OUT, _OUT, _IN)
_sign = _bind("crypto_sign_ed25519_detached", _OUT, ctypes.c_void_p, _IN, _LEN, _IN)
_verify = _bind("crypto_sign_ed25519_verify_detached", _IN, _IN, _LEN, _IN)


def _need(size: int, *values: bytes) -> None:
    for value in values:
        if len(value) != size:
            raise ValueError(f"{size} bytes are needed")


def point_from_hash(uniform: bytes) -> bytes:
    """Maps 64 uniform bytes to a group element (RFC 9496 element derivation)."""
    _need(WIDE_BYTES, uniform)
    out = _buffer(POINT_BYTES)
    _from_hash(out, uniform)
    return out.raw


def point_is_valid(point: bytes) -> bool:
    """Says whether 32 bytes are the canonical encoding of an element."""
    _need(POINT_BYTES, point)
    return bool(_is_valid(point))


def point_add(left: bytes, right: bytes) -> bytes | None:
    """Adds two elements; None when an encoding is not valid."""
    _need(POINT_BYTES, left, right)
    out = _buffer(POINT_BYTES)
    return out.raw if _add(out, left, right) == 0 else None


def point_sub(left: bytes, right: bytes) -> bytes | None:
    """Subtracts two elements; None when an encoding is not valid."""
    _need(POINT_BYTES, left, right)
    out = _buffer(POINT_BYTES)
    return out.raw if _sub(out, left, right) == 0 else None


def point_multiply(scalar: bytes, point: bytes) -> bytes | None:
    """Multiplies; None when the encoding is not valid or the result is the identity."""
    _need(SCALAR_BYTES, scalar, point)
    out = _buffer(POINT_BYTES)
    return out.raw if _mult(out, scalar, point) == 0 else None


def point_multiply_base(scalar: bytes) -> bytes | None:
    """Multiplies the generator; None when the result is the identity."""
    _need(SCALAR_BYTES, scalar)
    out = _buffer(POINT_BYTES)
    return out.raw if _mult_base(out, scalar) == 0 else None


def scalar_reduce(wide: bytes) -> bytes:
    """Reduces 64 little-endian bytes modulo the group order."""
    _need(WIDE_BYTES, wide)
    out = _buffer(SCALAR_BYTES)
    _scalar_reduce(out, wide)
    return out.raw


def scalar_add(left: bytes, right: bytes) -> bytes:
    """Adds modulo the group order."""
    return _scalar_binary(_scalar_add, left, right)


def scalar_sub(left: bytes, right: bytes) -> bytes:
    """Subtracts modulo the group order."""
    return _scalar_binary(_scalar_sub, left, right)


def scalar_mul(left: bytes, right: bytes) -> bytes:
    """Multiplies modulo the group order."""
    return _scalar_binary(_scalar_mul, left, right)


def _scalar_binary(function: ctypes._NamedFuncPointer, left: bytes, right: bytes) -> bytes:
    _need(SCALAR_BYTES, left, right)
    out = _buffer(SCALAR_BYTES)
    function(out, left, right)
    return out.raw


def scalar_invert(scalar: bytes) -> bytes | None:
    """Inverts modulo the group order; None for zero."""
    _need(SCALAR_BYTES, scalar)
    out = _buffer(SCALAR_BYTES)
    return out.raw if _scalar_invert(out, scalar) == 0 else None


def ed25519_keypair(seed: bytes) -> tuple[bytes, bytes]:
    """Returns (public key, 64-byte secret key) of a 32-byte seed (RFC 8032)."""
    _need(32, seed)
    public, secret = _buffer(32), _buffer(64)
    _sign_seed(public, secret, seed)
    return public.raw, secret.raw


def ed25519_sign(secret: bytes, message: bytes) -> bytes:
    """Signs ``message`` with a 64-byte secret key (RFC 8032, deterministic)."""
    _need(64, secret)
    out = _buffer(SIGNATURE_BYTES)
    _sign(out, None, message, len(message), secret)
    return out.raw


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Says whether a signature is valid; libsodium refuses small-order and non-canonical input."""
    if len(signature) != SIGNATURE_BYTES or len(public) != POINT_BYTES:
        return False
    return bool(_verify(signature, message, len(message), public) == 0)
