"""Acts and claims that say the same, and messages of one length (section 11)."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import FEW
from tests.unit.crypto.mutation import edited
from tests.unit.wire.messages import messages

from paravent.errors import MalformedMessage
from paravent.wire import claims
from paravent.wire.claims import Act, ActDetail, ActKind, Claim, InsurerActDetail, PaymentLine
from paravent.wire.codec import Message, decode, encode, encode_padded


def agreeing(claim: Claim, act: Act) -> Claim:
    """The claim, changed to be that of the act."""
    digest = hashlib.sha256(act.entitlement).digest()
    corrects = claim.claim_id if act.kind is ActKind.CORRECT else None
    return msgspec.structs.replace(claim, entitlement=digest, early_renewal=act.early_renewal, corrects=corrects)


@FEW
@given(messages(Claim), messages(Act))
def _claims_agree_with_their_acts(drawn: Claim, act: Act) -> None:
    claim = agreeing(drawn, act)
    said = (claim.insurer, claim.professional, claim.shop)
    claims.require_same(claim, act, *said)
    wrong = [
        (msgspec.structs.replace(claim, early_renewal=not act.early_renewal), act, said),
        (msgspec.structs.replace(claim, entitlement=bytes(32)), act, said),
        (msgspec.structs.replace(claim, corrects=None if claim.corrects else bytes(16)), act, said),
        (claim, msgspec.structs.replace(act, entitlement=act.entitlement + b"\0"), said),
        *((claim, act, (*said[:place], said[place] + "1", *said[place + 1 :])) for place in range(3)),
    ]
    for given_claim, given_act, (insurer, professional, shop) in wrong:
        with pytest.raises(MalformedMessage):
            claims.require_same(given_claim, given_act, insurer, professional, shop)


def test_a_claim_is_of_its_act_its_entitlement_and_its_insurer() -> None:
    _claims_agree_with_their_acts()


CHECKS = [
    "(claim.corrects is not None) != (act.kind is ActKind.CORRECT)",
    "claim.insurer != insurer", "claim.early_renewal != act.early_renewal",
    "claim.entitlement != hashlib.sha256(act.entitlement).digest()",
    "(claim.professional, claim.shop) != (professional, shop)",
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_a_comparison_that_is_left_out_is_noticed(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "require_same", edited(claims, "require_same", check, "False"))
    with pytest.raises(pytest.fail.Exception):
        _claims_agree_with_their_acts()


@pytest.mark.parametrize("kind", [ActDetail, InsurerActDetail, PaymentLine])
def test_padding_makes_one_length_of_many(kind: type[Message]) -> None:
    @given(messages(kind), st.sampled_from([256, 512, 4_096]))
    def holds(drawn: Message, multiple: int) -> None:
        bare = msgspec.structs.replace(drawn, padding="")
        body = encode_padded(bare, multiple)
        assert len(body) % multiple == 0
        assert len(body) - len(encode(bare)) < multiple
        read = decode(body, kind)
        assert msgspec.structs.replace(read, padding="") == bare

    holds()
