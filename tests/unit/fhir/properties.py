"""What must hold of the desk's FHIR resources; each property is seen to fail without the check that it is about."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fhir import resources

from paravent import errors
from paravent.desk.fhir import claim as claims
from paravent.desk.fhir.claim import Claim, Place
from paravent.desk.fhir.money import Money
from paravent.desk.fhir.outcome import issue_type, outcome_of
from paravent.errors import (
    InvalidBasket,
    MalformedMessage,
    ParaventError,
    ProofFailure,
    Refusal,
    RenewalNotDue,
    TechnicalFailure,
    UnsupportedResource,
)
from paravent.person.fhir.coverage import Coverage, customer_of
from paravent.person.fhir.document import read_resource
from paravent.person.fhir.elements import write

cents = st.integers(min_value=0, max_value=10_000_000)


def _claim(**changes: Any) -> Claim:
    return read_resource(json.dumps(resources.claim(**changes)).encode(), Claim)


def _equipment(*items: dict[str, Any], **changes: Any) -> claims.Equipment:
    return claims.equipment(_claim(item=list(items), **changes))


@settings(max_examples=60, deadline=None)
@given(cents)
def money_comes_back_to_the_cent(amount: int) -> None:
    assert Money.of(amount).cents() == amount
    whole, part = divmod(amount, 100)
    assert Money(value=Decimal(f"{whole}.{part:02d}"), currency="EUR").cents() == amount


def an_amount_that_is_no_price_in_euros_is_refused() -> None:
    refused: list[tuple[Money, type[ParaventError]]] = [
        (Money(value=Decimal("1.00"), currency="USD"), UnsupportedResource),
        (Money(value=Decimal("-1.00"), currency="EUR"), InvalidBasket),
        (Money(value=Decimal("-0.00"), currency="EUR"), InvalidBasket),
        (Money(value=Decimal("1.005"), currency="EUR"), InvalidBasket),
        (Money(value=Decimal("1.000"), currency="EUR"), InvalidBasket),
        (Money(value=Decimal("NaN"), currency="EUR"), InvalidBasket),
        (Money(value=Decimal("100000.01"), currency="EUR"), InvalidBasket),
    ]
    for money, error in refused:
        with pytest.raises(error):
            money.cents()


@settings(max_examples=60, deadline=None)
@given(st.permutations(["frame", "right", "left"]), st.tuples(cents, cents, cents), st.sampled_from("AB"))
def an_equipment_is_read_in_any_order(order: list[str], prices: tuple[int, int, int], kind: str) -> None:
    made = [
        resources.item(number, f"{'frame' if place == 'frame' else 'lens'}-{kind}", price / 100,
                       None if place == "frame" else place)
        for number, (place, price) in enumerate(zip(order, prices, strict=True), start=5)
    ]  # fmt: skip
    body = json.dumps(resources.claim(item=made)).encode()
    resources.require_valid(body)
    claim = read_resource(body, Claim)
    resources.require_valid(write(claim))
    found = claims.equipment(claim)
    expected = dict(zip(order, prices, strict=True))
    assert (found.basket.frame_cents, found.basket.right_cents, found.basket.left_cents) == (
        expected["frame"], expected["right"], expected["left"]
    )  # fmt: skip
    assert found.sequences == {Place(place): number for number, place in enumerate(order, start=5)}


def items_that_are_no_equipment_are_refused() -> None:
    frame, right, left = resources.claim()["item"]
    for made in ((frame, right), (frame, right, right), (frame, frame, right, left), (right, left)):
        with pytest.raises(InvalidBasket):
            _equipment(*made)
    with pytest.raises(InvalidBasket, match="one class"):
        _equipment(frame, right, resources.item(3, "lens-A", 10, "left"))
    with pytest.raises(InvalidBasket, match="total"):
        _equipment(frame, right, left, total={"value": 1, "currency": "EUR"})
    with pytest.raises(InvalidBasket, match="unit price"):
        _equipment(frame | {"unitPrice": {"value": 1, "currency": "EUR"}}, right, left)
    with pytest.raises(InvalidBasket, match="frame has no eye"):
        _equipment(frame | {"bodySite": right["bodySite"]}, right, left)
    with pytest.raises(InvalidBasket, match="bodySite"):
        _equipment(frame, right, resources.item(3, "lens-B", 10))
    with pytest.raises(InvalidBasket, match="each lens"):
        _equipment(frame, right | {"quantity": {"value": 2}}, left)
    with pytest.raises(UnsupportedResource, match="unit"):
        _equipment(frame, right | {"quantity": {"value": 1, "unit": "pair"}}, left)
    with pytest.raises(UnsupportedResource, match="frame-A"):
        _equipment(frame, right, resources.item(3, "contact-B", 10, "left"))


def a_claim_outside_the_profile_is_refused() -> None:
    for change in (
        {"status": "draft"}, {"status": "cancelled"}, {"type": {"coding": [{"system": "x", "code": "vision"}]}},
        {"insurance": resources.claim()["insurance"] * 2}, {"related": [{"claim": {"reference": "Claim/1"}}]},
        {"insurance": [resources.claim()["insurance"][0] | {"focal": False}]},
    ):  # fmt: skip
        with pytest.raises(UnsupportedResource):
            claims.require_supported(_claim(**change))
    assert claims.require_supported(_claim(status="cancelled", use="preauthorization")).reference == "Coverage/1"


def what_may_change_the_meaning_is_refused() -> None:
    for change in ({"modifierExtension": [{"url": "urn:x"}]}, {"implicitRules": "urn:x"}):
        with pytest.raises(UnsupportedResource, match="modifier"):
            _claim(**change)
    frame, right, left = resources.claim()["item"]
    with pytest.raises(UnsupportedResource, match="modifier"):
        _claim(item=[frame | {"modifierExtension": [{"url": "urn:x"}]}, right, left])
    assert _claim(extension=[{"url": "urn:x", "valueBoolean": True}]).use is claims.Use.CLAIM


def a_document_is_strict_json() -> None:
    body = json.dumps(resources.claim()).encode()
    for altered in (
        body.replace(b'"use": "claim"', b'"use": "claim", "use": "claim"'), body.replace(b"30.5", b"3.05e1"),
        body.replace(b"30.5", b"NaN"), body.replace(b"30.5", b'"30.5"'), body + b"{}", b"[]", b"\xff",
        body.replace(b'"customer"', b'"{\\"use\\": \\"claim\\"}"'), body.replace(b'"customer"', b'" [1]"'),
        body.replace(b'"created"', b'"recommendation": "none", "created"'),
        body.replace(b'"created"', b'"_created": {"extension": []}, "created"'),
    ):  # fmt: skip
        assert altered != body
        with pytest.raises(MalformedMessage):
            read_resource(altered, Claim)
    for harmless in (b'"{curly}"', b'"[1"'):
        assert read_resource(body.replace(b'"customer"', harmless), Claim).use is claims.Use.CLAIM


def a_coverage_names_one_customer() -> None:
    body = json.dumps(resources.coverage()).encode()
    resources.require_valid(body)
    found = customer_of(read_resource(body, Coverage))
    assert (found.insurer, found.card) == ("99000001", None)
    assert found.person is not None
    assert (found.person.nir.thirteen, found.person.rank) == (resources.NIR[:13], 2)
    assert (found.holder.name, found.holder.birth_date) == ("MARTINZOEANNE", "19910912")
    card = [{"system": "urn:paravent:card", "value": "CARD"}]
    by_card = customer_of(read_resource(json.dumps(resources.coverage(identifier=card)).encode(), Coverage))
    assert (by_card.card, by_card.person) == ("CARD", None)


def an_identifier_of_another_system_is_refused() -> None:
    payor = resources.coverage()["payor"]
    change: dict[str, Any]
    subscriber = {"identifier": {"system": "urn:oid:1.2.250.1.213.1.4.9", "value": resources.NIR}}
    for change in (
        {"subscriber": subscriber}, {"subscriber": None}, {"payor": [{"display": "99000001"}]}, {"payor": payor * 2},
        {"beneficiary": {"reference": "Patient/1"}}, {"beneficiary": {"reference": "person"}}, {"contained": []},
        {"payor": [{"identifier": {"system": "urn:paravent:member", "value": "99000001"}}]},
    ):  # fmt: skip
        with pytest.raises((UnsupportedResource, MalformedMessage)) as caught:
            customer_of(read_resource(json.dumps(resources.coverage(**change)).encode(), Coverage))
        assert resources.NIR[:13] not in str(caught.value)


def a_failure_is_never_said_as_a_refusal() -> None:
    business = {"business-rule", "conflict", "forbidden", "login"}
    failing = {"transient", "timeout", "exception"}
    for kind in _tree(ParaventError):
        error = _raised(kind)
        code = issue_type(error).value
        assert (code in failing) == (issubclass(kind, TechnicalFailure) or kind in {ParaventError, errors.BodyTooSlow})
        assert (code in business) == (issubclass(kind, Refusal) and kind is not errors.QuotaExceeded)
        outcome = outcome_of(error)
        resources.require_valid(write(outcome))
        assert (outcome.issue[0].severity == "fatal") == issubclass(kind, TechnicalFailure)
        assert kind.title_fr in (outcome.issue[0].details.text or "")
        assert outcome.issue[0].diagnostics.endswith("english detail")


def _raised(kind: type[ParaventError]) -> ParaventError:
    if issubclass(kind, ProofFailure):
        return kind("english detail", culprit="somebody")
    if issubclass(kind, RenewalNotDue):
        return kind("english detail", payable_from=202601)
    return kind("english detail")


def _tree(kind: type[ParaventError]) -> list[type[ParaventError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _tree(child))]


def the_published_claims_are_refused_with_their_reason() -> None:
    for name in ("claim-example-vision", "claim-example-vision-glasses"):
        body = json.dumps(resources.published(name)).encode()
        resources.require_valid(body)
        with pytest.raises(MalformedMessage):
            read_resource(body, Claim)
    claim = read_resource(json.dumps(resources.european()).encode(), Claim)
    assert claims.require_supported(claim).reference == "Coverage/9876B1"
    with pytest.raises(UnsupportedResource, match="EUR"):
        claims.equipment(claim)
