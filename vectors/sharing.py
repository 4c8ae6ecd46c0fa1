"""Vectors of the sharing of a look-up key, shares of an evaluation and their proofs (sections 3 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from paravent.crypto import dleq, group, oprf, sharing
from paravent.crypto.group import Element, decode_element, decode_scalar
from vectors.cases import Case, Construction, Values, flipped, replaying, seeded

ORDER = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
NOT_AN_ELEMENT = "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"  # RFC 9496, A.2


def _element(encoded: str) -> Element:
    return decode_element(bytes.fromhex(encoded))


def _elements(encoded: list[str]) -> list[Element]:
    return [_element(element) for element in encoded]


def deal(values: Values) -> Values:
    """Splits a key with the coefficients given."""
    key = decode_scalar(bytes.fromhex(values["key"]))
    shares, commitments = sharing.deal(key, values["threshold"], values["servers"], replaying(values["coefficients"]))
    return {
        "shares": {str(index): share.reveal().hex() for index, share in shares.items()},
        "commitments": [commitment.hex() for commitment in commitments],
        "public_shares": {str(index): sharing.public_share(index, commitments).hex() for index in shares},
    }


def verify_share(values: Values) -> Values:
    """Checks a share against commitments."""
    share = decode_scalar(bytes.fromhex(values["share"]))
    sharing.verify_share(values["index"], share, _elements(values["commitments"]), culprit="dealer")
    return {}


def evaluate(values: Values) -> Values:
    """Evaluates a blinded element with a share and proves it with the nonce given."""
    share, blinded = decode_scalar(bytes.fromhex(values["share"])), _element(values["blinded"])
    public, evaluated = group.multiply_base(share), group.multiply(share, blinded)
    proof = dleq.generate_proof(share, public, [blinded], [evaluated], replaying([values["nonce"]]))
    return {"public_share": public.hex(), "evaluated": evaluated.hex(), "proof": proof.hex()}


def verify_evaluation(values: Values) -> Values:
    """Checks one share of an evaluation."""
    blinded, evaluated = _element(values["blinded"]), _element(values["evaluated"])
    proof, public = bytes.fromhex(values["proof"]), _element(values["public_share"])
    dleq.verify_proof(proof, public, [blinded], [evaluated], culprit="server")
    return {}


def combine(values: Values) -> Values:
    """Interpolates evaluations, then finalises."""
    evaluations = {int(index): _element(element) for index, element in values["evaluations"].items()}
    element = sharing.combine(evaluations, values["threshold"], values["servers"])
    blind = decode_scalar(bytes.fromhex(values["blind"]))
    output = oprf.finalize(bytes.fromhex(values["oprf_input"]), blind, element)
    return {"evaluated": element.hex(), "output": output.reveal().hex()}


def _deals() -> Iterator[tuple[str, Values, Values]]:
    for threshold, servers in ((2, 2), (2, 3), (3, 5), (7, 7)):
        rng = seeded(f"sharing {threshold} of {servers}")
        drawn = [group.random_scalar(rng).reveal().hex() for _ in range(threshold)]
        given = {"key": drawn[0], "coefficients": drawn[1:], "threshold": threshold, "servers": servers}
        yield f"{threshold} of {servers}", given, deal(given)


def cases() -> Iterator[Case]:
    """Lists the cases."""
    for name, given, dealt in _deals():
        yield Case(name=f"deal {name}", operation="deal", input=given)
        if name == "2 of 3":
            yield from _share_cases(dealt)
            yield from _evaluation_cases(dealt)
    key = group.random_scalar(seeded("limits")).reveal().hex()
    for threshold, servers in ((1, 3), (4, 3), (2, 8), (0, 0)):
        given = {"key": key, "coefficients": [], "threshold": threshold, "servers": servers}
        name = f"deal {threshold} of {servers}"
        yield Case(name=name, operation="deal", input=given, error="malformed-message")


def _share_cases(dealt: Values) -> Iterator[Case]:
    right = {"index": 2, "share": dealt["shares"]["2"], "commitments": dealt["commitments"]}
    yield Case(name="a right share", operation="verify-share", input=right)
    swapped = {"commitments": dealt["commitments"][::-1]}
    wrong: dict[str, tuple[Values, str]] = {
        "the share of another server": ({"share": dealt["shares"]["1"]}, "proof-failure"),
        "commitments in another order": (swapped, "proof-failure"),
        "one commitment less": ({"commitments": dealt["commitments"][:1]}, "proof-failure"),
        "a share of zero": ({"share": "00" * 32}, "malformed-message"),
        "a share that is the group order": ({"share": ORDER}, "malformed-message"),
        "a share of 31 bytes": ({"share": dealt["shares"]["2"][:-2]}, "malformed-message"),
        "a commitment that is the identity": (
            {"commitments": [dealt["commitments"][0], "00" * 32]},
            "malformed-message",
        ),
        "a commitment that is not an element": (
            {"commitments": [dealt["commitments"][0], NOT_AN_ELEMENT]},
            "malformed-message",
        ),
    }
    for name, (change, error) in wrong.items():
        yield Case(name=name, operation="verify-share", input=right | change, error=error)


def _evaluation_cases(dealt: Values) -> Iterator[Case]:
    rng = seeded("evaluation")
    oprf_input = rng(40)
    blind, blinded = oprf.blind(oprf_input, rng)
    answers = {}
    for index, share in dealt["shares"].items():
        nonce = group.random_scalar(rng).reveal().hex()
        given = {"share": share, "blinded": blinded.hex(), "nonce": nonce}
        answers[index] = evaluate(given)
        yield Case(name=f"evaluate with share {index}", operation="evaluate", input=given)
    yield from _proof_cases(answers, blinded.hex())
    known = {"threshold": 2, "servers": 3, "blind": blind.reveal().hex(), "oprf_input": oprf_input.hex()}
    for pair in combinations(answers, 2):
        chosen = known | {"evaluations": {index: answers[index]["evaluated"] for index in pair}}
        yield Case(name=f"combine shares {' and '.join(pair)}", operation="combine", input=chosen)
    one = answers["1"]["evaluated"]
    for name, indices in {
        "too few": ("1",), "too many": ("1", "2", "3"), "index 0": ("0", "1"), "index above n": ("1", "4"),
    }.items():  # fmt: skip
        wrong = known | {"evaluations": dict.fromkeys(indices, one)}
        yield Case(name=f"combine, {name}", operation="combine", input=wrong, error="malformed-message")


def _proof_cases(answers: Values, blinded: str) -> Iterator[Case]:
    right = answers["1"] | {"blinded": blinded}
    yield Case(name="a right evaluation", operation="verify-evaluation", input=right)
    proof = right["proof"]
    wrong = {
        "another server's proof": {"proof": answers["2"]["proof"]},
        "another server's evaluation": {"evaluated": answers["2"]["evaluated"]},
        "another server's public share": {"public_share": answers["2"]["public_share"]},
        "an altered challenge": {"proof": flipped(proof, 0)},
        "an altered response": {"proof": flipped(proof, 32)},
        "challenge and response swapped": {"proof": proof[64:] + proof[:64]},
        "a response that is the group order": {"proof": proof[:64] + ORDER},
        "a proof of 63 bytes": {"proof": proof[:-2]},
        "the proof of another blinded element": {"blinded": right["public_share"]},
    }
    for name, change in wrong.items():
        yield Case(name=name, operation="verify-evaluation", input=right | change, error="proof-failure")
    for name in ("blinded", "evaluated", "public_share"):
        for what, element in {"the identity": "00" * 32, "not an element": NOT_AN_ELEMENT}.items():
            given = right | {name: element}
            case = f"{name.replace('_', ' ')}: {what}"
            yield Case(name=case, operation="verify-evaluation", input=given, error="malformed-message")


CONSTRUCTION = Construction(
    section="3, 7",
    operations={
        "deal": deal, "verify-share": verify_share, "evaluate": evaluate,
        "verify-evaluation": verify_evaluation, "combine": combine,
    },
    cases=cases,
)  # fmt: skip
