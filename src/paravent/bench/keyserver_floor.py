"""The primitives of one evaluation and of one opening, called bare: what no server could do without.

Elliptic curve, hashes, box, encryption and decoding alone; neither the ledger nor the tree of the log is in it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.access.requests import HttpRequest
from paravent.bench.invented import Inventor
from paravent.crypto import group, sodium
from paravent.crypto.dleq import CONTEXT_VOPRF
from paravent.wire.number_lane import EvaluationRequest, OpeningRequest

# A ledger names professional, device, subject, shop, insurer and server under the keys of three days, the nonce too.
LEDGER_NAMES = 23
OPENING_NAMES = LEDGER_NAMES + 3  # two opening values, and the randomness of the leaf
TREE_HASHES = 3
LABEL_BYTES = 95
ML_KEM_BYTES = 1184
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def evaluation_floor(inventor: Inventor) -> Callable[[], None]:
    """Returns a function that calls the primitives of one evaluation."""
    request, _ = inventor.evaluation()
    asked = _asked(request)
    scalar, signing = _secrets()
    blinded = msgspec.json.decode(request.body, type=EvaluationRequest).blinded
    transcript = bytes(300)

    def once() -> None:
        asked()
        msgspec.json.decode(request.body, type=EvaluationRequest)
        sodium.point_is_valid(blinded)
        _names(LEDGER_NAMES)
        # evaluation, and its proof: two challenges, five multiplications
        evaluated = sodium.point_multiply(scalar, blinded) or b""
        hashlib.sha512(transcript).digest()
        weight = group.hash_to_scalar(transcript, CONTEXT_VOPRF).reveal()
        composite = sodium.point_multiply(weight, blinded) or b""
        sodium.point_multiply(scalar, composite)
        nonce = sodium.scalar_reduce(os.urandom(64))
        sodium.point_multiply_base(nonce)
        sodium.point_multiply(nonce, composite)
        challenge = group.hash_to_scalar(transcript, CONTEXT_VOPRF).reveal()
        sodium.scalar_sub(nonce, sodium.scalar_mul(challenge, scalar))
        answer = msgspec.json.encode((evaluated, nonce, challenge))
        sodium.ed25519_sign(signing, answer)

    return once


def opening_floor(inventor: Inventor) -> Callable[[], None]:
    """Returns a function that calls the primitives of one opening."""
    request, _ = inventor.opening()
    asked = _asked(request)
    message = msgspec.json.decode(request.body, type=OpeningRequest)
    _, signing = _secrets()
    label, part, nonce = bytes(LABEL_BYTES), bytes(200), os.urandom(12)
    proof = sodium.ed25519_sign(signing, label)
    public, box_key = signing[32:], inventor.answer_key.public
    cipher = ChaCha20Poly1305(os.urandom(32))

    def once() -> None:
        asked()
        msgspec.json.decode(request.body, type=OpeningRequest)
        # handle, label, proof of knowledge
        hashlib.sha256(message.handle_key).digest()
        hashlib.sha256(message.answer_key).digest()
        sodium.ed25519_verifies(public, proof, label)
        _names(OPENING_NAMES)
        # leaf: commitment, two sealed parts, hashes
        hashlib.sha256(label).digest()
        for _ in range(2):
            cipher.encrypt(nonce, part, label)
        for _ in range(TREE_HASHES):
            hashlib.sha256(part).digest()
        # answer: signed, then sealed
        answer = msgspec.json.encode((label, part))
        sodium.ed25519_sign(signing, answer)
        kem = mlkem.MLKEM768PublicKey.from_public_bytes(box_key[:ML_KEM_BYTES])
        curve = x25519.X25519PublicKey.from_public_bytes(box_key[ML_KEM_BYTES:])
        msgspec.json.encode(_SUITE.encrypt(answer, hpke.MLKEM768X25519PublicKey(kem, curve), info=label[:32]))

    return once


def _asked(request: HttpRequest) -> Callable[[], None]:
    """Returns the check of a signed request: two hashes, one signature."""
    _, signing = _secrets()
    base = bytes(400)
    signature = sodium.ed25519_sign(signing, base)

    def once() -> None:
        hashlib.sha256(request.body).digest()
        hashlib.sha256(base).digest()
        sodium.ed25519_verifies(signing[32:], signature, base)

    return once


def _secrets() -> tuple[bytes, bytes]:
    """Draws a scalar and a signing key."""
    return group.random_scalar(os.urandom).reveal(), sodium.ed25519_keypair(os.urandom(32))[1]


def _names(count: int) -> None:
    key, text = bytes(32), bytes(60)
    for _ in range(count):
        hmac.digest(key, text, "sha256")
