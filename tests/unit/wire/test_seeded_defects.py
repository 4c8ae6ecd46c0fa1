"""Negative controls: each property of the wire holds, and fails when one check is taken out of the code."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.unit.crypto.mutation import Defect, Property, properties_of, require_noticed
from tests.unit.wire import cards, properties

from paravent.crypto import entitlement, signing
from paravent.wire import codec, problem, receipts, statements
from paravent.wire.statements import Signed

PROPERTIES = properties_of(properties)


def known_fields_only(body: bytes, kind: type[Any], **_: int) -> object:
    """A decoder that leaves unknown members out instead of refusing them."""
    return msgspec.convert(_known(json.loads(body), msgspec.inspect.type_info(kind)), kind, strict=False)


def _known(value: Any, kind: Any) -> Any:
    if isinstance(kind, msgspec.inspect.StructType) and isinstance(value, dict):
        types = {field.encode_name: field.type for field in kind.fields}
        return {name: _known(member, types[name]) for name, member in value.items() if name in types}
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return [_known(member, kind.item_type) for member in value]
    if isinstance(kind, msgspec.inspect.UnionType):
        structs = [member for member in kind.types if isinstance(member, msgspec.inspect.StructType)]
        return _known(value, structs[0]) if structs else value
    return {k: v for k, v in value.items() if not k.startswith("x-")} if isinstance(value, dict) else value


def first_value(body: bytes, kind: type[Any], **_: int) -> object:
    """A decoder that stops at the end of the first value."""
    value, _end = json.JSONDecoder().raw_decode(body.decode(errors="replace"))
    return msgspec.convert(value, kind)


def untyped(body: bytes, *_: Any, **__: Any) -> object:
    """A decoder that checks no type."""
    return json.loads(body)


def accepts(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


def unsigned(signed: Signed, kind: type[Any], *_: Any) -> object:
    """A statement that is read without its signature."""
    return codec.decode(signed.payload, kind)


class NobodyRefused(Exception):
    """A class that no error is of."""


DEFECTS = [
    Defect(
        name="unknown fields left out", owner=codec, attribute="decode", replacement=known_fields_only,
        broken=properties.an_unknown_field_is_refused,
    ),
    Defect(
        name="last of two keys wins", owner=codec, attribute="_without_duplicates", replacement=dict,
        broken=properties.a_key_twice_is_refused,
    ),
    Defect(
        name="what follows is not read", owner=codec, attribute="decode", replacement=first_value,
        broken=properties.trailing_bytes_are_refused,
    ),
    Defect(
        name="types not checked", owner=codec, attribute="decode", replacement=untyped,
        broken=properties.a_missing_or_mistyped_field_is_refused,
    ),
    Defect(
        name="size not compared", owner=codec, attribute="decode", old="len(body) > bytes_max", new="False",
        broken=properties.a_body_has_its_limit,
    ),
    Defect(
        name="values quoted", owner=codec, attribute="decode", old="{without_value(error)}", new="{body!r}",
        broken=properties.an_error_quotes_no_value,
    ),
    Defect(
        name="statement not verified", owner=statements, attribute="verify", replacement=accepts,
        broken=properties.an_altered_statement_is_refused,
    ),
    Defect(
        name="statement without its label", owner=signing, attribute="enc",
        replacement=lambda _, *fields: repr(fields).encode(), broken=properties.an_altered_statement_is_refused,
    ),
    Defect(
        name="receipts counted, not servers", owner=receipts, attribute="verify_receipts",
        old="len(indices) < epoch.quorum()", new="len(announced.receipts) < epoch.quorum()",
        broken=properties.t_distinct_servers_receipt_a_statement,
    ),
    Defect(
        name="threshold not compared", owner=receipts, attribute="verify_receipts",
        old="len(indices) < epoch.quorum()", new="False", broken=properties.t_distinct_servers_receipt_a_statement,
    ),
    Defect(
        name="receipt not verified", owner=receipts, attribute="open_statement", replacement=unsigned,
        broken=properties.a_receipt_is_of_one_server_and_one_statement,
    ),
    Defect(
        name="receipt not compared", owner=receipts, attribute="verify_receipt",
        old="!= expected", new="is expected", broken=properties.a_receipt_is_of_one_server_and_one_statement,
    ),
    Defect(
        name="stranger left out", owner=receipts, attribute="verify_receipt",
        old='raise ProofFailure("a receipt is not of a server of this epoch", culprit=epoch.insurer)', new="return 1",
        broken=properties.a_receipt_is_of_one_server_and_one_statement,
    ),
    Defect(
        name="a refusal believed on its word", owner=problem, attribute="RightRefused", replacement=NobodyRefused,
        broken=properties.a_bare_word_refuses_nobodys_right,
    ),
    Defect(
        name="card's signature not verified", owner=entitlement, attribute="verify_bytes", replacement=accepts,
        broken=properties.an_altered_card_is_never_accepted,
    ),
    Defect(
        name="desk part not verified", owner=cards, attribute="verify_desk_part", replacement=accepts,
        broken=properties.a_truncated_card_is_never_accepted,
    ),
]  # fmt: skip


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property) -> None:
    held()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)


def test_every_property_has_its_defect() -> None:
    assert {defect.broken for defect in DEFECTS} == set(PROPERTIES)
