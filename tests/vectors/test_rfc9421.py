"""RFC 9421 appendix B: every test case, of five algorithms, through the code that builds signature bases.

The profile of the project signs with Ed25519 alone: those signatures are verified by its own code, the others by
``cryptography``. Which value a component has is taken from a message by ``reference/signature_base.py``.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.vectors.reference.signature_base import components

from paravent.access.requests import signature_base
from paravent.crypto.signing import Seed, SigningKey, VerifyKey, verify_bytes
from paravent.errors import ProofFailure

PUBLISHED = json.loads((Path(__file__).parents[2] / "vectors" / "rfc9421-appendix-b.json").read_text("utf-8"))
CASES = {case["name"]: case for case in PUBLISHED["cases"]}
VALID = [name for name, case in CASES.items() if case["valid"]]
# Appendix B.1.4, test-key-ed25519: the last 32 bytes of the PKCS #8 structure.
SEED = base64.b64decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
FAILURES = (InvalidSignature, ProofFailure)


def base_of(case: dict[str, Any]) -> bytes:
    """Builds the signature base of a case from its message."""
    found = components(PUBLISHED["messages"][case["message"]], case["parameters"])
    return signature_base(found, case["parameters"])


def verify(case: dict[str, Any], base: bytes) -> None:
    """Verifies the published signature over a base; raises InvalidSignature or ProofFailure."""
    algorithm, signature = case["algorithm"], base64.b64decode(case["signature"])
    if algorithm == "hmac-sha256":
        code = hmac.HMAC(base64.b64decode(PUBLISHED["keys"][algorithm]), hashes.SHA256())
        code.update(base)
        code.verify(signature)
        return
    match load_pem_public_key(PUBLISHED["keys"][algorithm].encode()):
        case Ed25519PublicKey() as key:
            verify_bytes(VerifyKey(key.public_bytes_raw()), signature, base, culprit="vector")
        case rsa.RSAPublicKey() as rsa_key:
            pss = padding.PSS(padding.MGF1(hashes.SHA512()), 64)
            rsa_key.verify(signature, base, pss, hashes.SHA512())
        case ec.EllipticCurvePublicKey() as ec_key:
            halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            ec_key.verify(encode_dss_signature(*halves), base, ec.ECDSA(hashes.SHA256()))
        case _:
            pytest.fail("a key of another kind")


@pytest.mark.parametrize("name", CASES)
def test_the_signature_base_is_the_published_one_and_the_signature_ends_as_it_says(name: str) -> None:
    case = CASES[name]
    base = base_of(case)
    if case["valid"]:
        assert base.decode() == case["base"]
        verify(case, base)
    else:
        with pytest.raises(FAILURES):
            verify(case, base)


@pytest.mark.parametrize("name", VALID)
def test_no_line_can_be_left_out_of_the_base(name: str) -> None:
    lines = base_of(CASES[name]).split(b"\n")
    for place in range(len(lines)):
        with pytest.raises(FAILURES):
            verify(CASES[name], b"\n".join(lines[:place] + lines[place + 1 :]))


@pytest.mark.parametrize("name", VALID)
def test_no_component_can_be_altered(name: str) -> None:
    case = CASES[name]
    found = components(PUBLISHED["messages"][case["message"]], case["parameters"])
    for component, value in found.items():
        with pytest.raises(FAILURES):
            verify(case, signature_base(found | {component: f"{value}0"}, case["parameters"]))


def test_every_case_of_the_appendix_is_here() -> None:
    assert list(CASES) == [*(f"B.2.{number}" for number in range(1, 7)), "B.3", *(
        f"B.4, message {number}" for number in range(6))]  # fmt: skip
    assert [case["valid"] for case in CASES.values()].count(False) == 2


def test_ed25519_gives_the_published_signature() -> None:
    key, case = SigningKey(Seed(SEED)), CASES["B.2.6"]
    assert key.sign_bytes(base_of(case)) == base64.b64decode(case["signature"])
