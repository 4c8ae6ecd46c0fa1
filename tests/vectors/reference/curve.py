"""Curve25519 on Python integers: ristretto255 (RFC 9496), Ed25519 (RFC 8032), X25519 (RFC 7748).

Nothing here is constant-time: it computes with test secrets only. Points are extended coordinates.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
IDENTITY: Point = (0, 1, 1, 0)


class NotAPoint(ValueError):
    """Bytes that encode no point."""


def absolute(value: int) -> int:
    """Returns the one of a value and its opposite that is even."""
    value %= P
    return P - value if value & 1 else value


def sqrt_ratio(numerator: int, denominator: int) -> tuple[bool, int]:
    """Says whether u/v is a square, and gives the even root of it, or of i times it (RFC 9496 section 4.2)."""
    u, v = numerator % P, denominator % P
    root = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * root * root % P
    if check in {-u % P, -u * SQRT_M1 % P}:
        root = root * SQRT_M1 % P
    return check in {u, -u % P}, absolute(root)


INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
# Of the two roots of a*d - 1, the RFC takes the odd one.
SQRT_AD_MINUS_ONE = P - sqrt_ratio(-D - 1, 1)[1]


def add(left: Point, right: Point) -> Point:
    """Adds two points (RFC 8032 section 5.1.4)."""
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    """Multiplies a point."""
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


# --- ristretto255 ----------------------------------------------------------------------------------


def decode(encoded: bytes) -> Point:
    """Decodes an element (RFC 9496 section 4.3.1); raises NotAPoint."""
    s = int.from_bytes(encoded, "little")
    if len(encoded) != 32 or s >= P or s & 1:
        raise NotAPoint
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-(D * u1 * u1) - u2 * u2) % P
    was_square, root = sqrt_ratio(1, v * u2 * u2)
    x = absolute(2 * s * root * u2)
    y = u1 * root * root * u2 * v % P
    if not was_square or x * y % P & 1 or y == 0:
        raise NotAPoint
    return x, y, 1, x * y % P


def encode(point: Point) -> bytes:
    """Encodes an element (RFC 9496 section 4.3.2)."""
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    _, root = sqrt_ratio(1, u1 * u2 * u2)
    den1, den2 = root * u1 % P, root * u2 % P
    z_inverse = den1 * den2 * t % P
    den_inverse = den2
    if t * z_inverse % P & 1:
        x, y, den_inverse = y * SQRT_M1 % P, x * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    if x * z_inverse % P & 1:
        y = -y % P
    return absolute(den_inverse * (z - y)).to_bytes(32, "little")


def derive(uniform: bytes) -> Point:
    """Derives an element from 64 bytes (RFC 9496 section 4.3.4)."""
    return add(_map(uniform[:32]), _map(uniform[32:]))


def _map(half: bytes) -> Point:
    t = int.from_bytes(half, "little") % 2**255 % P
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    c = -1
    if not was_square:
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


# --- Ed25519 ---------------------------------------------------------------------------------------


def _decode_edwards(encoded: bytes) -> Point:
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number % 2**255
    if len(encoded) != 32 or y >= P:
        raise NotAPoint
    was_square, x = sqrt_ratio(y * y - 1, D * y * y + 1)
    if not was_square or (x == 0 and sign):
        raise NotAPoint
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encode_edwards(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P + (x * inverse % P & 1) * 2**255).to_bytes(32, "little")


BASE = _decode_edwards((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
"""The base point, which is also the generator of ristretto255."""


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") % 2**254 // 8 * 8 + 2**254, digest[32:]


def _challenge(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def ed25519_public(seed: bytes) -> bytes:
    """Computes the public key of a seed."""
    return _encode_edwards(multiply(_expand(seed)[0], BASE))


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """Signs (RFC 8032 section 5.1.6)."""
    (secret, prefix), public = _expand(seed), ed25519_public(seed)
    nonce = _challenge(prefix, message)
    commitment = _encode_edwards(multiply(nonce, BASE))
    response = (nonce + _challenge(commitment, public, message) * secret) % ORDER
    return commitment + response.to_bytes(32, "little")


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Verifies strictly: S is reduced, neither the key nor R is of small order."""
    response = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or response >= ORDER:
        return False
    try:
        key, commitment = _decode_edwards(public), _decode_edwards(signature[:32])
    except NotAPoint:
        return False
    if any(_encode_edwards(multiply(8, point)) == _encode_edwards(IDENTITY) for point in (key, commitment)):
        return False
    challenge = _challenge(signature[:32], public, message)
    return _encode_edwards(multiply(response, BASE)) == _encode_edwards(add(commitment, multiply(challenge, key)))


# --- X25519 ----------------------------------------------------------------------------------------


def x25519(secret: bytes, coordinate: bytes = (9).to_bytes(32, "little")) -> bytes:
    """Multiplies a Montgomery coordinate, by default that of the base point (RFC 7748 section 5)."""
    scalar = int.from_bytes(secret, "little") % 2**254 // 8 * 8 + 2**254
    u = int.from_bytes(coordinate, "little") % 2**255 % P
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in reversed(range(255)):
        swap = scalar >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, (aa - bb) * (aa + 121665 * (aa - bb)) % P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, P) % P).to_bytes(32, "little")
