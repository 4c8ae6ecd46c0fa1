"""Proof that two discrete logarithms are equal: RFC 9497 section 2.2, unchanged.

``generate_proof`` shows that the key behind ``public`` is the one that evaluated every element.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NewType

from paravent.crypto import group, sodium
from paravent.crypto.group import Element, Rng, Scalar
from paravent.errors import MalformedMessage, ProofFailure

Proof = NewType("Proof", bytes)
"""Challenge then response, two canonical scalars, 64 bytes."""

PROOF_BYTES = 64
CONTEXT_VOPRF = b"OPRFV1-\x01-ristretto255-SHA512"
_TO_SCALAR = b"HashToScalar-" + CONTEXT_VOPRF


def generate_proof(
    key: Scalar, public: Element, blinded: Sequence[Element], evaluated: Sequence[Element], rng: Rng
) -> Proof:
    """Proves that ``evaluated[i] = key * blinded[i]`` and ``public = key * G`` (RFC 9497 GenerateProof)."""
    composite_m, composite_z = _composites(public, blinded, evaluated, key)
    nonce = group.random_scalar(rng)
    challenge = _challenge(
        public, composite_m, composite_z, group.multiply_base(nonce), group.multiply(nonce, composite_m)
    )
    response = sodium.scalar_sub(nonce.reveal(), sodium.scalar_mul(challenge.reveal(), key.reveal()))
    return Proof(challenge.reveal() + response)


def verify_proof(
    proof: bytes, public: Element, blinded: Sequence[Element], evaluated: Sequence[Element], *, culprit: str
) -> None:
    """Checks a proof (RFC 9497 VerifyProof); raises ProofFailure naming ``culprit``."""
    if len(proof) != PROOF_BYTES or not blinded or len(blinded) != len(evaluated):
        raise ProofFailure("the evaluation proof has a wrong form", culprit=culprit)
    try:
        challenge, response = group.decode_scalar(proof[:32]), group.decode_scalar(proof[32:])
        composite_m, composite_z = _composites(public, blinded, evaluated, None)
        t2 = group.add(group.multiply_base(response), group.multiply(challenge, public))
        t3 = group.add(group.multiply(response, composite_m), group.multiply(challenge, composite_z))
    except MalformedMessage as error:
        raise ProofFailure("the evaluation proof has a wrong form", culprit=culprit) from error
    expected = _challenge(public, composite_m, composite_z, t2, t3)
    if expected != challenge:
        raise ProofFailure("the evaluation is not proved", culprit=culprit)


def _composites(
    public: Element, blinded: Sequence[Element], evaluated: Sequence[Element], key: Scalar | None
) -> tuple[Element, Element]:
    """RFC 9497 ComputeComposites, or ComputeCompositesFast when the key is known."""
    seed = hashlib.sha512(_prefixed(public) + _prefixed(b"Seed-" + CONTEXT_VOPRF)).digest()
    total_m: Element | None = None
    total_z: Element | None = None
    for index, (c_element, d_element) in enumerate(zip(blinded, evaluated, strict=True)):
        transcript = (
            _prefixed(seed) + index.to_bytes(2, "big") + _prefixed(c_element) + _prefixed(d_element) + b"Composite"
        )
        weight = group.hash_to_scalar(transcript, _TO_SCALAR)
        total_m = _accumulate(total_m, group.multiply(weight, c_element))
        if key is None:
            total_z = _accumulate(total_z, group.multiply(weight, d_element))
    if total_m is None:
        raise MalformedMessage("a proof covers at least one element")
    if key is not None:
        total_z = group.multiply(key, total_m)
    if total_z is None:
        raise MalformedMessage("a proof covers at least one element")
    return total_m, total_z


def _accumulate(total: Element | None, element: Element) -> Element:
    return element if total is None else group.add(total, element)


def _challenge(public: Element, m: Element, z: Element, t2: Element, t3: Element) -> Scalar:
    transcript = b"".join(_prefixed(part) for part in (public, m, z, t2, t3)) + b"Challenge"
    return group.hash_to_scalar(transcript, _TO_SCALAR)


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part
