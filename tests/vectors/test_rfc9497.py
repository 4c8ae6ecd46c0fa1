"""The published vectors of RFC 9497 for ristretto255-SHA512, modes 0 and 1, batch included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paravent.crypto import dleq, group, oprf
from paravent.crypto.group import Rng
from paravent.crypto.oprf import Mode

FILE = Path(__file__).parents[2] / "vectors" / "rfc9497-ristretto255-sha512.json"
SUITE: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CASES = [(suite, vector) for suite in SUITE["modes"] for vector in suite["vectors"]]
IDS = [f"mode{suite['mode']}-{'-'.join(vector['inputs'])}" for suite, vector in CASES]
PROVED = [case for case in CASES if "proof" in case[1]]


def drawing(scalar: str) -> Rng:
    """An rng from which ``random_scalar`` draws a published scalar: 64 bytes that reduce to it."""
    return lambda size: bytes.fromhex(scalar).ljust(size, b"\0")


def unhex(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_every_published_vector_is_here() -> None:
    assert [(suite["mode"], len(suite["vectors"])) for suite in SUITE["modes"]] == [(0, 2), (1, 3)]
    assert [len(vector["inputs"]) for _, vector in CASES] == [1, 1, 1, 1, 2]


@pytest.mark.parametrize("suite", SUITE["modes"], ids=["mode0", "mode1"])
def test_derive_key_pair(suite: dict[str, Any]) -> None:
    key = oprf.derive_key(bytes.fromhex(SUITE["seed"]), bytes.fromhex(SUITE["key_info"]), Mode(suite["mode"]))
    assert key.reveal().hex() == suite["secret_key"]
    if suite["mode"]:
        assert group.multiply_base(key).hex() == suite["public_key"]


@pytest.mark.parametrize(("suite", "vector"), CASES, ids=IDS)
def test_blind_evaluate_finalize(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    mode, key = Mode(suite["mode"]), group.decode_scalar(bytes.fromhex(suite["secret_key"]))
    for place, input_ in enumerate(unhex(vector["inputs"])):
        factor, blinded = oprf.blind(input_, drawing(vector["blinds"][place]), mode)
        assert blinded.hex() == vector["blinded_elements"][place]
        evaluated = group.multiply(key, blinded)
        assert evaluated.hex() == vector["evaluation_elements"][place]
        assert oprf.finalize(input_, factor, evaluated).reveal().hex() == vector["outputs"][place]
        assert oprf.evaluate(input_, key, mode).reveal().hex() == vector["outputs"][place]


@pytest.mark.parametrize(("suite", "vector"), PROVED, ids=["single", "other-input", "batch"])
def test_proof(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    key = group.decode_scalar(bytes.fromhex(suite["secret_key"]))
    public = group.decode_element(bytes.fromhex(suite["public_key"]))
    blinded = [group.decode_element(element) for element in unhex(vector["blinded_elements"])]
    evaluated = [group.decode_element(element) for element in unhex(vector["evaluation_elements"])]
    proof = dleq.generate_proof(key, public, blinded, evaluated, drawing(vector["proof_random_scalar"]))
    assert proof.hex() == vector["proof"]
    dleq.verify_proof(proof, public, blinded, evaluated, culprit="nobody")
