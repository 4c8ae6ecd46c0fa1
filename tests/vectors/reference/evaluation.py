"""Operations of ``oprf`` and ``sharing``: RFC 9497 mode 0x01, its proof, Shamir, Feldman, Lagrange, on integers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from tests.vectors.reference import curve
from tests.vectors.reference.curve import BASE, IDENTITY, ORDER, NotAPoint, Point, add, encode, multiply
from tests.vectors.reference.hashing import PROOF, Refused, Values, expand_message_xmd, require, unhex

_CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"


def element(text: str) -> Point:
    """Reads an element; the identity is refused."""
    try:
        point = curve.decode(unhex(text))
    except NotAPoint:
        raise Refused("malformed-message") from None
    require(encode(point) != bytes(32))
    return point


def scalar(text: str) -> int:
    """Reads a scalar; zero and what is not reduced are refused."""
    value = int.from_bytes(unhex(text), "little")
    require(len(text) == 64 and 0 < value < ORDER)
    return value


def _write(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def _prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def _hash_to_scalar(message: bytes) -> int:
    return int.from_bytes(expand_message_xmd(message, b"HashToScalar-" + _CONTEXT, 64), "little") % ORDER


def _hash_to_group(message: bytes) -> Point:
    return curve.derive(expand_message_xmd(message, b"HashToGroup-" + _CONTEXT, 64))


def _input(values: Values) -> bytes:
    return unhex(values["oprf_input"]) * int(values.get("times", 1))


def _output(message: bytes, point: Point) -> str:
    require(len(message) < 2**16)
    return hashlib.sha512(_prefixed(message, encode(point)) + b"Finalize").hexdigest()


# --- oprf ------------------------------------------------------------------------------------------


def hash_to_group(values: Values) -> Values:
    """Hashes an input to the group."""
    return {"element": encode(_hash_to_group(_input(values))).hex()}


def blind(values: Values) -> Values:
    """Blinds an input."""
    return {"blinded": encode(multiply(scalar(values["blind"]), _hash_to_group(_input(values)))).hex()}


def finalize(values: Values) -> Values:
    """Unblinds and hashes."""
    inverse = pow(scalar(values["blind"]), -1, ORDER)
    return {"output": _output(_input(values), multiply(inverse, element(values["evaluated"])))}


def evaluate_whole(values: Values) -> Values:
    """Evaluates with the whole key."""
    return {"output": _output(_input(values), multiply(scalar(values["key"]), _hash_to_group(_input(values))))}


# --- sharing ---------------------------------------------------------------------------------------


def _at(point: int, commitments: Iterable[Point]) -> Point:
    total = IDENTITY
    for power, commitment in enumerate(commitments):
        total = add(total, multiply(point**power, commitment))
    return total


def deal(values: Values) -> Values:
    """Splits a key: the share of server i is the polynomial at i."""
    threshold, servers = values["threshold"], values["servers"]
    require(2 <= threshold <= servers <= 7)
    polynomial = [scalar(values["key"]), *map(scalar, values["coefficients"])]
    commitments = [multiply(coefficient, BASE) for coefficient in polynomial]
    indices = range(1, servers + 1)
    shares = {index: sum(coefficient * index**k for k, coefficient in enumerate(polynomial)) for index in indices}
    return {
        "shares": {str(index): _write(share).hex() for index, share in shares.items()},
        "commitments": [encode(commitment).hex() for commitment in commitments],
        "public_shares": {str(index): encode(_at(index, commitments)).hex() for index in indices},
    }


def verify_share(values: Values) -> Values:
    """Checks a share against the commitments."""
    share, commitments = scalar(values["share"]), [element(text) for text in values["commitments"]]
    require(encode(multiply(share, BASE)) == encode(_at(values["index"], commitments)), PROOF)
    return {}


def _composites(public: Point, blinded: Point, evaluated: Point) -> tuple[Point, Point]:
    seed = hashlib.sha512(_prefixed(encode(public), b"Seed-" + _CONTEXT)).digest()
    pair = encode(blinded), encode(evaluated)
    weight = _hash_to_scalar(_prefixed(seed) + b"\0\0" + _prefixed(*pair) + b"Composite")
    return multiply(weight, blinded), multiply(weight, evaluated)


def _challenge(*points: Point) -> int:
    return _hash_to_scalar(_prefixed(*map(encode, points)) + b"Challenge")


def evaluate_share(values: Values) -> Values:
    """Evaluates with a share and proves it."""
    share, nonce, blinded = scalar(values["share"]), scalar(values["nonce"]), element(values["blinded"])
    public, evaluated = multiply(share, BASE), multiply(share, blinded)
    m, z = _composites(public, blinded, evaluated)
    challenge = _challenge(public, m, z, multiply(nonce, BASE), multiply(nonce, m))
    proof = _write(challenge) + _write(nonce - challenge * share)
    return {"public_share": encode(public).hex(), "evaluated": encode(evaluated).hex(), "proof": proof.hex()}


def verify_evaluation(values: Values) -> Values:
    """Checks the proof of a share."""
    blinded, evaluated, public = (element(values[name]) for name in ("blinded", "evaluated", "public_share"))
    try:
        challenge, response = scalar(values["proof"][:64]), scalar(values["proof"][64:])
    except Refused:
        raise Refused(PROOF) from None
    m, z = _composites(public, blinded, evaluated)
    t2 = add(multiply(response, BASE), multiply(challenge, public))
    t3 = add(multiply(response, m), multiply(challenge, z))
    require(_challenge(public, m, z, t2, t3) == challenge, PROOF)
    return {}


def _interpolate(evaluations: Mapping[int, Point]) -> Point:
    total = IDENTITY
    for own, point in evaluations.items():
        weight = 1
        for other in evaluations:
            if other != own:
                weight = weight * other * pow(other - own, -1, ORDER) % ORDER
        total = add(total, multiply(weight, point))
    return total


def combine(values: Values) -> Values:
    """Interpolates at zero, then finalises."""
    evaluations = {int(index): element(text) for index, text in values["evaluations"].items()}
    require(len(evaluations) == values["threshold"] and set(evaluations) <= set(range(1, values["servers"] + 1)))
    evaluated = encode(_interpolate(evaluations)).hex()
    return {"evaluated": evaluated} | finalize(values | {"evaluated": evaluated})
