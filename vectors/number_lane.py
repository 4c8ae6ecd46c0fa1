"""Vectors of what is signed in the number lane: fetching, opening, evaluating (docs/protocol.md section 7).

The first two are signed with the handle key, so that nobody asks for a record without knowing whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.sealing import handle_of, open_label
from paravent.crypto.signing import VerifyKey
from paravent.crypto.signing import verify as verify_signature
from paravent.wire.number_lane import EvaluationRequest, auth_fields, evaluation_fields, fetch_fields
from vectors.cases import Case, Construction, Values, flipped, seeded
from vectors.signing import key

PROOF = "proof-failure"


def _fetch(values: Values) -> tuple[Label, tuple[bytes | int | str, ...]]:
    return Label.FETCH, fetch_fields(values["hub"], values["nonce"], values["device"])


def _auth(values: Values, public: VerifyKey) -> tuple[Label, tuple[bytes | int | str, ...]]:
    """Recomputes handle and label from the key, as a server does: neither is ever accepted as bytes."""
    handle = handle_of(values["insurer"], values["epoch"], public)
    label = open_label(values["insurer"], values["epoch"], values["batch"], handle)
    answer_key = bytes.fromhex(values["answer_key"])
    return Label.AUTH, auth_fields(values["server"], values["nonce"], label, values["device"], answer_key)


def _evaluation(values: Values) -> tuple[Label, tuple[bytes | int | str, ...]]:
    blinded, evaluated, proof, digest = (
        bytes.fromhex(values[name]) for name in ("blinded", "evaluated", "proof", "request_digest")
    )
    request = EvaluationRequest(insurer=values["insurer"], epoch=values["epoch"], blinded=blinded)
    return Label.EVALUATION, evaluation_fields(values["server"], request, values["index"], digest, evaluated, proof)


def _signed(values: Values, label: Label, fields: tuple[bytes | int | str, ...]) -> Values:
    signer = key(values)
    return {
        "verify_key": signer.public.hex(), "message": enc(label, *fields).hex(),
        "signature": signer.sign(label, *fields).hex(),
    }  # fmt: skip


def _verified(values: Values, label: Label, fields: tuple[bytes | int | str, ...]) -> Values:
    public, signature = VerifyKey(bytes.fromhex(values["verify_key"])), bytes.fromhex(values["signature"])
    verify_signature(public, signature, label, *fields, culprit="caller")
    return {}


def sign_fetch(values: Values) -> Values:
    """Signs, with a handle key, the request of a row."""
    return _signed(values, *_fetch(values))


def verify_fetch(values: Values) -> Values:
    """Verifies the request of a row, as the hub does."""
    return _verified(values, *_fetch(values))


def sign_auth(values: Values) -> Values:
    """Signs, with a handle key, the request of an opening."""
    return _signed(values, *_auth(values, key(values).public))


def verify_auth(values: Values) -> Values:
    """Verifies the request of an opening, as a key server does."""
    return _verified(values, *_auth(values, VerifyKey(bytes.fromhex(values["verify_key"]))))


def sign_evaluation(values: Values) -> Values:
    """Signs, as a key server does, its share of an evaluation."""
    return _signed(values, *_evaluation(values))


def verify_evaluation(values: Values) -> Values:
    """Verifies the signature of a share, as the desk does before its proof."""
    return _verified(values, *_evaluation(values))


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("number lane")
    answer_key, other_key = (BoxKey.generate(rng).public.hex() for _ in range(2))
    fetch: Values = {"hub": "hub", "nonce": "bm9uY2Ut", "device": rng(16).hex()}
    auth: Values = {"insurer": "99000001", "epoch": 3, "batch": 12, "server": "ks1"}
    auth |= {"nonce": fetch["nonce"], "device": fetch["device"], "answer_key": answer_key}
    evaluation: Values = {"insurer": "99000001", "epoch": 3, "server": "ks1", "index": 1}
    evaluation |= {name: rng(32).hex() for name in ("blinded", "evaluated", "request_digest")}
    evaluation |= {"proof": rng(64).hex()}
    everywhere: dict[str, Values] = {"another nonce": {"nonce": "bm9uY2Uu"}, "another device": {"device": "00" * 16}}
    seed = {"seed": rng(32).hex()}
    yield from _pair("fetch", seed, fetch, everywhere | {"another hub": {"hub": "hub2"}})
    yield from _pair("auth", seed, auth, everywhere | {
        "another server": {"server": "ks2"}, "another insurer": {"insurer": "99000002"}, "another epoch": {"epoch": 4},
        "another batch": {"batch": 13}, "another answer key": {"answer_key": other_key},
    })  # fmt: skip
    yield from _pair("evaluation", seed, evaluation, {
        "another server": {"server": "ks2"}, "another insurer": {"insurer": "99000002"}, "another epoch": {"epoch": 4},
        "another index": {"index": 2}, "another request": {"request_digest": "00" * 32},
        "another blinded element": {"blinded": flipped(evaluation["blinded"], 0)},
        "another evaluated element": {"evaluated": flipped(evaluation["evaluated"], 0)},
        "another proof": {"proof": flipped(evaluation["proof"], 0)},
    })  # fmt: skip
    fetched = sign_fetch(seed | fetch)
    reused = auth | {"verify_key": fetched["verify_key"], "signature": fetched["signature"]}
    yield Case(name="auth with the signature of a fetch", operation="verify-auth", input=reused, error=PROOF)


def _pair(name: str, seed: Values, given: Values, changes: dict[str, Values]) -> Iterator[Case]:
    """Gives the cases of one statement: signed, verified, refused for each change."""
    signed = CONSTRUCTION.operations[f"sign-{name}"](seed | given)
    right = given | {"verify_key": signed["verify_key"], "signature": signed["signature"]}
    yield Case(name=f"{name}, signed", operation=f"sign-{name}", input=seed | given)
    yield Case(name=f"{name}, verified", operation=f"verify-{name}", input=right)
    stranger = key({"seed": "00" * 32}).public.hex()
    altered = {
        "another key": {"verify_key": stranger},
        "an altered signature": {"signature": flipped(right["signature"], 63)},
    }
    for change, values in (changes | altered).items():
        yield Case(name=f"{name} with {change}", operation=f"verify-{name}", input=right | values, error=PROOF)


CONSTRUCTION = Construction(
    section="7",
    operations={
        "sign-fetch": sign_fetch, "verify-fetch": verify_fetch, "sign-auth": sign_auth, "verify-auth": verify_auth,
        "sign-evaluation": sign_evaluation, "verify-evaluation": verify_evaluation,
    },
    cases=cases,
)  # fmt: skip
