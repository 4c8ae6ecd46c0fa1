"""What left the machine is shown from the bytes: nothing left out, nothing added, and every field explained."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import World

from paravent import desk
from paravent.crypto.entitlement import HubPart
from paravent.desk import trade
from paravent.desk.departures import Departure, note, recorded
from paravent.desk.screens.sent import shown
from paravent.desk.screens.texts import HEADERS, MEANINGS, REQUESTS, UNKNOWN
from paravent.desk.trade import Payee
from paravent.wire.bulletins import Acknowledgement
from paravent.wire.claims import Act, Claim, DecisionsRequest
from paravent.wire.codec import encode
from paravent.wire.number_lane import EvaluationRequest, OpeningRequest, RowRequest
from paravent.wire.quota import QuotaRequest
from paravent.wire.recovery import ReturnedActs

DESK = Path(desk.__file__).parent
SENT = (
    EvaluationRequest,
    RowRequest,
    OpeningRequest,
    QuotaRequest,
    Act,
    DecisionsRequest,
    Acknowledgement,
    ReturnedActs,
)


def inner(kind: object) -> Iterator[type]:
    """Yields the plain types of an annotation."""
    if get_origin(kind) in {Annotated, tuple, Union, UnionType}:
        for part in get_args(kind):
            yield from inner(part)
    elif isinstance(kind, type):
        yield kind


def paths(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Yields the paths of every value that a message can hold."""
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        if name not in kind.__struct_fields__:
            continue
        nested = [part for part in inner(annotation) if issubclass(part, msgspec.Struct)]
        if type(None) in inner(annotation) or not nested:
            yield f"{prefix}{name}"
        for part in nested:
            yield from paths(part, f"{prefix}{name}.")


def test_every_field_that_a_desk_sends_has_its_sentence() -> None:
    expected = {path for kind in SENT for path in paths(kind)} | set(paths(Claim, "claim."))
    expected |= {f"entitlement.{name}" for name in HubPart.__slots__}
    assert expected - MEANINGS.keys() == set()


def test_every_address_that_a_desk_asks_has_its_name() -> None:
    """Requests without a body read public lists; every other address stands in a client of the desk."""
    clients = [path.read_text("utf-8") for path in sorted(DESK.rglob("*client.py"))]
    asked = {found for text in clients for found in re.findall(r'"(/v1/[a-z/-]+)"', text)}
    assert {"/v1/acts", "/v1/openings"} <= asked
    assert asked - REQUESTS.keys() == set()


def test_a_field_without_a_sentence_is_shown_and_seen() -> None:
    message = shown(departure(b'{"insurer":"99000001","surname":"MARTIN"}'), {})
    assert [(field.name, field.value) for field in message.fields] == [
        ("insurer", "99000001"), ("surname", "MARTIN"),
    ]  # fmt: skip
    assert message.fields[1].meaning == UNKNOWN


def departure(body: bytes, path: str = "/v1/acts") -> Departure:
    return Departure(
        party="hub", method="POST", url=f"http://127.0.0.1:8000{path}", headers={"signature": "x"}, body=body
    )


@pytest.fixture
def act(world: World) -> tuple[Act, HubPart]:
    shop = Shop.of(world, world.covered())
    payee = Payee(professional=shop.device.professional, shop=shop.device.shop)
    made, _ = trade.claim(
        shop.entitled, shop.quoted, shop.taken, payee, early_renewal=False, key=shop.key, rng=world.rng
    )
    return made, shop.entitled.part


def test_a_claim_is_shown_whole_with_what_it_holds(act: tuple[Act, HubPart]) -> None:
    made, part = act
    assert made.claim is not None
    message = shown(departure(encode(made)), {made.entitlement: part})
    values: dict[str, list[str]] = {}
    for field in message.fields:
        values.setdefault(field.name, []).append(field.value)
    assert values["entitlement"] == [base64.b64encode(made.entitlement).decode()]
    assert values["entitlement.nullifier"] == [part.nullifier.hex()]
    claim = json.loads(made.claim.payload)
    assert values["claim.items.price_cents"] == [str(item["price_cents"]) for item in claim["items"]]
    assert values["claim.prescription"] == [claim["prescription"]]
    assert {field.meaning for field in (*message.fields, *message.headers)} & {UNKNOWN} == set()
    assert message.name == REQUESTS["/v1/acts"]
    assert set(HEADERS) >= {field.name for field in message.headers}
    assert not any(re.search("sphere|cylinder|axis", name) for name in values)


def test_an_entitlement_of_another_is_not_told_as_this_one(act: tuple[Act, HubPart]) -> None:
    made, part = act
    message = shown(departure(encode(made)), {b"another": part})
    assert not [field for field in message.fields if field.name.startswith("entitlement.")]


def test_what_is_sent_is_recorded_for_its_own_act_alone() -> None:
    note("hub", "GET", "http://h/1", {}, b"")
    with recorded() as first:
        note("hub", "GET", "http://h/2", {}, b"")
        with recorded() as inner_act:
            note("hub", "GET", "http://h/3", {}, b"")
        note("hub", "GET", "http://h/4", {}, b"")
    assert [one.url[-1] for one in first] == ["2", "4"]
    assert [one.url[-1] for one in inner_act] == ["3"]
