"""Signatures and boxes at their limits, and beside other implementations (section 1)."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto import examples
from tests.unit.crypto.examples import FEW, FEWER, seeded

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import Seed, SigningKey, VerifyKey, key_id, verify, verify_bytes
from paravent.errors import MalformedMessage, ProofFailure

BOX_KEY = BoxKey.generate(seeded(1))


@FEW
@given(examples.KEYS, st.binary(max_size=200))
def test_a_signature_is_that_of_the_oracle(key: SigningKey, message: bytes) -> None:
    oracle = Ed25519PrivateKey.from_private_bytes(key.seed().reveal())
    assert oracle.public_key().public_bytes_raw() == key.public
    assert oracle.sign(message) == key.sign_bytes(message)


@FEW
@given(examples.KEYS, st.binary(max_size=20), st.binary(min_size=64, max_size=64))
def test_what_the_oracle_refuses_is_refused(key: SigningKey, message: bytes, signature: bytes) -> None:
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    with pytest.raises(ProofFailure):
        verify_bytes(key.public, signature, message, culprit="signer")


# Points of small order (RFC 8032 leaves them to the verifier): with one of them, a signature says nothing.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(point: str) -> None:
    public = VerifyKey(bytes.fromhex(point))
    for first in SMALL_ORDER:
        with pytest.raises(ProofFailure):
            verify_bytes(public, bytes.fromhex(first) + bytes(32), b"anything", culprit="signer")


@FEW
@given(examples.KEYS, st.binary(max_size=20))
def test_a_signature_has_one_form(key: SigningKey, message: bytes) -> None:
    signature = key.sign_bytes(message)
    response = int.from_bytes(signature[32:], "little")
    for other in (response + examples.ORDER, examples.ORDER - response):
        with pytest.raises(ProofFailure):
            verify_bytes(key.public, signature[:32] + other.to_bytes(32, "little"), message, culprit="signer")


def test_what_is_signed_is_the_labelled_encoding() -> None:
    key = SigningKey.generate(seeded(1))
    verify_bytes(key.public, key.sign(Label.CLAIM, "a", 1), enc(Label.CLAIM, "a", 1), culprit="signer")
    verify(key.public, key.sign_bytes(enc(Label.CLAIM, "a", 1)), Label.CLAIM, "a", 1, culprit="signer")


def test_a_key_comes_back_from_its_seed() -> None:
    key = SigningKey.generate(seeded(1))
    assert SigningKey(Seed(key.seed().reveal())) == key


def test_a_key_is_named_by_its_hash() -> None:
    key = SigningKey.generate(seeded(1))
    assert key_id(key.public) == hashlib.sha256(key.public).hexdigest()[:32]


def test_a_culprit_is_named() -> None:
    with pytest.raises(ProofFailure) as caught:
        verify_bytes(SigningKey.generate(seeded(1)).public, bytes(64), b"", culprit="hub")
    assert caught.value.culprit == "hub"
    assert str(caught.value).startswith("hub: ")


# --- boxes -------------------------------------------------------------------------------------


@FEWER
@given(st.binary(max_size=2000))
def test_a_box_is_sealed_afresh_each_time(plaintext: bytes) -> None:
    first, second = (hpke.seal(BOX_KEY.public, plaintext, Label.DEAL_BOX) for _ in range(2))
    assert first != second
    for box in (first, second):
        assert BOX_KEY.open(box, Label.DEAL_BOX, culprit="sender") == plaintext
    shared = [at for at in range(len(plaintext)) if first[1120 + at] == second[1120 + at]]
    assert len(shared) < max(8, len(plaintext) // 8)


def test_a_box_key_comes_back_from_its_96_bytes() -> None:
    again = BoxKey(BOX_KEY.reveal())
    box = hpke.seal(again.public, b"x", Label.DEAL_BOX, 1)
    assert BOX_KEY.open(box, Label.DEAL_BOX, 1, culprit="sender") == b"x"
    assert len(again.public) == hpke.PUBLIC_KEY_BYTES


@pytest.mark.parametrize(
    "public",
    [b"", bytes(1215), bytes(1217), b"\xff" * 1216, b"\xff" * 1184 + BOX_KEY.public[1184:]],
    ids=["empty", "short", "long", "no key", "no encapsulation key"],
)
def test_what_is_no_box_key_is_refused(public: bytes) -> None:
    with pytest.raises(MalformedMessage):
        hpke.seal(BoxPublicKey(public), b"x", Label.DEAL_BOX)


@pytest.mark.parametrize("half", [bytes(32), b"\x01" + bytes(31)], ids=["zero", "one"])
def test_a_curve_key_of_small_order_is_refused(half: bytes) -> None:
    with pytest.raises(MalformedMessage):
        hpke.seal(BoxPublicKey(BOX_KEY.public[:1184] + half), b"x", Label.DEAL_BOX)


@pytest.mark.parametrize("size", [0, 1, 1087, 1088, 1119, 1120, 1135, 5000])
def test_what_is_no_box_names_its_sender(size: int) -> None:
    with pytest.raises(ProofFailure, match="sender"):
        BOX_KEY.open(bytes(size), Label.DEAL_BOX, culprit="sender")
