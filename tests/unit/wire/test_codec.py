"""One decoder for every body: what was written is read back, and every other form is refused (section 13)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wire.messages import KINDS, messages

from paravent.errors import MalformedMessage, ParaventError
from paravent.wire.claims import ClaimedItem, PullRequest
from paravent.wire.codec import Message, decode, encode
from paravent.wire.deal import DealBox
from paravent.wire.statements import STATEMENT_BYTES_MAX, Receipt, Signed

IDS = [f"{kind.__module__.removeprefix('paravent.')}.{kind.__name__}" for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_message_comes_back_as_it_was_sent(kind: type[Message]) -> None:
    @given(messages(kind))
    def round_trip(message: Message) -> None:
        body = encode(message)
        read = decode(body, kind, bytes_max=STATEMENT_BYTES_MAX)
        assert read == message
        assert type(read) is kind
        assert encode(read) == body

    round_trip()


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_message_cannot_be_changed_and_refuses_what_it_does_not_know(kind: type[Message]) -> None:
    config = kind.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    assert not config.array_like


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_every_number_and_every_identifier_has_its_limit(kind: type[Message]) -> None:
    # What never comes from another party may hold a number without one.
    if kind.__module__.startswith("paravent.wire."):
        for field in msgspec.structs.fields(kind):
            _require_limits(f"{kind.__name__}.{field.name}", msgspec.inspect.type_info(field.type))


def _require_limits(name: str, kind: msgspec.inspect.Type) -> None:
    match kind:
        case msgspec.inspect.IntType():
            assert kind.ge is not None, name
            assert kind.le is not None or kind.lt is not None, name
        case msgspec.inspect.VarTupleType():
            _require_limits(name, kind.item_type)
        case msgspec.inspect.UnionType():
            for member in kind.types:
                _require_limits(name, member)
        case msgspec.inspect.FloatType() | msgspec.inspect.AnyType() | msgspec.inspect.RawType():
            pytest.fail(f"{name} may hold anything")
        case _:
            pass


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_message_or_a_declared_error(body: bytes) -> None:
    for kind in (PullRequest, DealBox, Signed):
        with pytest.raises(ParaventError):
            decode(body, kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.sampled_from(["insurer", "epoch", "server", "batch", "statement"]))
def test_any_json_is_a_message_or_a_declared_error(value: Any, name: str) -> None:
    receipt = {"server": "s", "insurer": "99000001", "epoch": 1, "batch": 1, "statement": "A" * 43 + "="}
    for body in (value, receipt | {name: value}):
        try:
            message = decode(json.dumps(body).encode(), Receipt)
        except MalformedMessage:
            continue
        assert decode(encode(message), Receipt) == message


PULL = b'{"after":1}'
WRONG_NUMBERS = [b"1.0", b"1e2", b"true", b'"1"', b"-1", b"9007199254740992", b"9" * 5000, b"01", b"+1", b"0x1", b"NaN"]


@pytest.mark.parametrize("number", WRONG_NUMBERS, ids=range(len(WRONG_NUMBERS)))
def test_a_number_has_one_form(number: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(PULL.replace(b"1", number), PullRequest)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + PULL,
        PULL.decode().encode("utf-16"),
        PULL.replace(b"after", b"After"),
        PULL.replace(b"after", b"aft\\u0065r\\u0000"),
        b"[1]",
        b"[" + PULL + b"]",
        PULL + PULL,
        b"/**/" + PULL,
        b"{'after':1}",
        b'{"after":1,}',
        b'{"after":' + b"[" * 60_000,
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
    ids=range(13),
)
def test_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(body, PullRequest)


def test_one_key_spelt_in_two_ways_is_a_key_twice() -> None:
    with pytest.raises(MalformedMessage, match="twice"):
        decode(b'{"after":1,"\\u0061fter":1}', PullRequest)


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udc00x", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x01", b"\n"])
def test_a_text_is_unicode(text: bytes) -> None:
    signed = encode(Signed(payload=b"", signer="X", signature=bytes(64)))
    with pytest.raises(MalformedMessage):
        decode(signed.replace(b"X", text), Signed)


# --- what the codec lets through, or says too much of ----------------------------------------------


@pytest.mark.parametrize("box", ["AA", "AA==\\n", "A A==", "AA==AA==", "-_==", "AAA=A", "AA=", "====", "A==="])
def test_base64_is_strict(box: str) -> None:
    with pytest.raises(MalformedMessage):
        decode(f'{{"insurer":"99000001","box":"{box}"}}'.encode(), DealBox)


@pytest.mark.parametrize("box", ["AB==", "AAB=", "/x=="])
def test_base64_has_one_form(box: str) -> None:
    with pytest.raises(MalformedMessage):
        decode(f'{{"insurer":"99000001","box":"{box}"}}'.encode(), DealBox)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (DealBox, b'{"insurer":"99000001\\n","box":""}'),
        (ClaimedItem, b'{"code":"MONT-A\\n","price_cents":1,"category":null}'),
    ],
    ids=["Amc", "ItemCode"],
)
def test_no_identifier_ends_with_a_line_feed(kind: type[Message], body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(body, kind)


def test_an_error_quotes_no_name_of_an_unknown_field() -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode(b'{"after":1,"295109912611193 MARTIN":1}', PullRequest)
    assert "295109912611193" not in str(caught.value)


def test_an_error_says_where_and_what_was_expected() -> None:
    with pytest.raises(MalformedMessage, match=r"PullRequest: Expected `int`, got `str` - at `\$.after`"):
        decode(b'{"after":"295109912611193"}', PullRequest)
    with pytest.raises(MalformedMessage) as caught:
        decode(b'{"code":"A","price_cents":1,"category":"295109912611193"}', ClaimedItem)
    assert "295109912611193" not in str(caught.value)
