"""Entitlements: sizes, forms, and what another COSE library says of them (section 4)."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cwt import COSE, COSEKey, VerifyError
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto import examples
from tests.unit.crypto.examples import DESK_PARTS, FEW, flipped, hub_parts, seeded

from paravent.crypto import entitlement
from paravent.crypto.entitlement import (
    DESK_PART_BYTES_MAX,
    ENTITLEMENT_BYTES_MAX,
    DeskPart,
    HubPart,
    desk_digest,
    issue,
    verify_desk_part,
    verify_entitlement,
)
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage, ParaventError, UnknownInsurer

KEY = SigningKey.generate(seeded(1))
ORACLE = Ed25519PrivateKey.from_private_bytes(KEY.seed().reveal())
PUBLIC = COSEKey.from_pem(ORACLE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
PRIVATE = COSEKey.from_pem(ORACLE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

FIELDS: dict[str, Any] = {
    "insurer": "99000001", "serial": bytes(16), "valid_from": 1, "valid_until": 2_000_000_000,
    "guarantee": "OPT-CONFORT", "free_from": 202601, "renewal_months": 24, "nullifier": bytes(16), "status_index": 7,
    "desk_digest": bytes(32),
}  # fmt: skip
PART = HubPart(**FIELDS)


def claims(part: HubPart) -> dict[Any, Any]:
    """The CWT claims of a hub part."""
    right = [
        part.guarantee, part.free_from, part.renewal_months, part.nullifier, part.status_index, part.desk_digest,
    ]  # fmt: skip
    return {1: part.insurer, 4: part.valid_until, 5: part.valid_from, 7: part.serial, -65537: right}


def signed(payload: bytes) -> bytes:
    """What an insurer would sign that writes another payload."""
    signature = KEY.sign_bytes(entitlement._to_be_signed(payload))
    return entitlement._ENVELOPE_START + entitlement._byte_string(payload) + entitlement._byte_string(signature)


def read(issued: bytes) -> HubPart:
    """Verifies against the insurer of the examples."""
    return verify_entitlement(issued, {PART.insurer: KEY.public})


# --- sizes -------------------------------------------------------------------------------------


@FEW
@given(hub_parts(), DESK_PARTS)
def test_both_parts_are_within_their_limits(part: HubPart, desk: DeskPart) -> None:
    assert len(issue(part, KEY)) <= ENTITLEMENT_BYTES_MAX
    assert len(desk.encode()) <= DESK_PART_BYTES_MAX


def test_the_longest_entitlement_is_known_to_the_byte() -> None:
    longest = HubPart(**(FIELDS | {
        "insurer": "9900000100", "valid_from": 2**32 - 2, "valid_until": 2**32 - 1, "guarantee": "X" * 16,
        "status_index": 2**32 - 1,
    }))  # fmt: skip
    assert len(issue(longest, KEY)) == 204
    assert len(DeskPart(salt=bytes(16), holder=bytes(32), binding=bytes(32)).encode()) == 86


@pytest.mark.parametrize("size", [ENTITLEMENT_BYTES_MAX + 1, 10_000])
def test_a_longer_one_is_not_even_decoded(size: int) -> None:
    with pytest.raises(MalformedMessage, match="too long"):
        read(issue(PART, KEY).ljust(size, b"\0"))
    with pytest.raises(MalformedMessage, match="too long"):
        verify_desk_part(HubPart(**(FIELDS | {"desk_digest": desk_digest(bytes(91))})), bytes(91))  # type: ignore[arg-type]


# --- the oracle --------------------------------------------------------------------------------


@FEW
@given(hub_parts(), st.integers(0, 300))
def test_the_oracle_reads_what_is_issued_and_refuses_what_is_altered(part: HubPart, place: int) -> None:
    issued = issue(part, KEY)
    assert cbor2.loads(COSE.new().decode(issued, PUBLIC)) == claims(part)
    altered = flipped(issued, place)
    with pytest.raises(ParaventError):
        verify_entitlement(altered, {part.insurer: KEY.public})
    if place % len(issued) >= len(issued) - 64:
        with pytest.raises(VerifyError):
            COSE.new().decode(altered, PUBLIC)


@FEW
@given(hub_parts())
def test_what_the_oracle_issues_is_the_same_to_the_byte(part: HubPart) -> None:
    written = COSE.new().encode(cbor2.dumps(claims(part)), PRIVATE, protected={1: -8}, unprotected={})
    assert written == issue(part, KEY)
    assert verify_entitlement(written, {part.insurer: KEY.public}) == part


def test_a_key_identifier_in_the_envelope_is_refused() -> None:
    written = COSE.new().encode(cbor2.dumps(claims(PART)), PRIVATE, protected={1: -8}, unprotected={4: b"k"})
    with pytest.raises(MalformedMessage):
        read(written)


# --- forms -------------------------------------------------------------------------------------


def test_an_insurer_that_the_directory_does_not_list() -> None:
    with pytest.raises(UnknownInsurer):
        verify_entitlement(issue(PART, KEY), {"99000002": KEY.public})


WRONG_FIELDS: list[dict[str, Any]] = [
    {"insurer": "9900000"}, {"insurer": "99000001000"}, {"insurer": "9900000A"}, {"insurer": "99000001\n"},
    {"insurer": "\u0669" * 8}, {"serial": bytes(15)}, {"nullifier": bytes(17)}, {"desk_digest": bytes(31)},
    {"valid_from": -1}, {"valid_from": 2_000_000_000}, {"valid_until": 2**32}, {"guarantee": ""},
    {"guarantee": "X" * 17}, {"guarantee": "\u00e9"}, {"free_from": 189912}, {"free_from": 300001},
    {"free_from": 202600}, {"free_from": 202613}, {"renewal_months": 0}, {"renewal_months": 18},
    {"status_index": -1}, {"status_index": 2**32},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_FIELDS, ids=str)
def test_a_field_out_of_range_is_refused_when_written_and_when_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        HubPart(**(FIELDS | wrong))
    values = object.__new__(HubPart)
    for name, value in (FIELDS | wrong).items():
        object.__setattr__(values, name, value)
    with pytest.raises(MalformedMessage):
        read(signed(cbor2.dumps(claims(values))))


WRONG_CLAIMS: list[Any] = [
    {}, [], 7, claims(PART) | {2: "a subject"}, {name: value for name, value in claims(PART).items() if name != 7},
    claims(PART) | {1: b"99000001"}, claims(PART) | {4: "2000000000"}, claims(PART) | {4: 2e9},
    claims(PART) | {5: None}, claims(PART) | {7: "serial"}, claims(PART) | {-65537: []},
    claims(PART) | {-65537: [*claims(PART)[-65537], 1]}, claims(PART) | {-65537: dict(enumerate(range(6)))},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_CLAIMS, ids=range(len(WRONG_CLAIMS)))
def test_other_claims_are_refused(wrong: Any) -> None:
    with pytest.raises(MalformedMessage):
        read(signed(cbor2.dumps(wrong)))


@pytest.mark.parametrize(
    "encoded",
    [
        cbor2.dumps(dict(reversed(claims(PART).items()))),
        cbor2.dumps(claims(PART) | {5: True}),
        cbor2.dumps(claims(PART) | {-65537: [False if value == 7 else value for value in claims(PART)[-65537]]}),
    ],
    ids=["claims in another order", "a date that is true", "an index that is false"],
)
def test_claims_have_one_encoding(encoded: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read(signed(encoded))


@pytest.mark.parametrize(("name", "spelling"), [(4, 4.0), (1, True)], ids=["4.0 for 4", "true for 1"])
def test_the_names_of_claims_have_one_encoding(name: int, spelling: object) -> None:
    with pytest.raises(MalformedMessage):
        read(signed(cbor2.dumps({spelling if key == name else key: value for key, value in claims(PART).items()})))


CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=20) | st.text(max_size=5)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.integers(-5, 5) | st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@FEW
@given(CBOR, st.sampled_from([None, 18, 61, 98, 55799]))
def test_whatever_is_decoded_is_a_declared_error(value: Any, tag: int | None) -> None:
    encoded = cbor2.dumps(value if tag is None else cbor2.CBORTag(tag, value))
    for given_bytes in (encoded, signed(encoded[:200].ljust(24, b"\0")), b"\xd2\x84\x43\xa1\x01\x27" + encoded):
        with pytest.raises(ParaventError):
            read(given_bytes)


@FEW
@given(st.binary(max_size=ENTITLEMENT_BYTES_MAX))
def test_random_bytes_are_a_declared_error(encoded: bytes) -> None:
    for given_bytes in (encoded, b"\xd2\x84" + encoded, b"\xd2\x84\x43\xa1\x01\x27\xa0" + encoded):
        with pytest.raises(ParaventError):
            read(given_bytes)


@pytest.mark.parametrize("depth", [5, 50, 200])
def test_depth_is_bounded(depth: int) -> None:
    for opening in (b"\x81", b"\xa1\x00", b"\xc1"):
        with pytest.raises(MalformedMessage):
            read((opening * depth)[: ENTITLEMENT_BYTES_MAX - 1] + b"\x00")


@pytest.mark.parametrize(
    "tagged",
    [
        pytest.param("c4821b0de0b6b3a764000001", id="decimal fraction of an enormous exponent"),
        pytest.param("c48261616162", id="decimal fraction of texts"),
        pytest.param("c5821b0de0b6b3a764000001", id="big float of an enormous exponent"),
        pytest.param("d8641bffffffffffffffff", id="date of an enormous number of days"),
    ],
)
def test_a_tag_of_cbor_is_a_declared_error(tagged: str) -> None:
    with pytest.raises(MalformedMessage):
        read(bytes.fromhex(tagged))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", [b"[[a]", b"(", b"(?P<", b"a{1,99999}", b"(a*)*b"])
def test_a_regular_expression_is_never_an_entitlement(value: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read(cbor2.dumps(cbor2.CBORTag(35, value.decode())))


# --- the desk part -----------------------------------------------------------------------------


WRONG_DESK_PARTS = [
    [bytes(16), bytes(32)], [bytes(16), bytes(32), None, None], [bytes(15), bytes(32), None],
    [bytes(16), bytes(31), None], [bytes(16), bytes(32), bytes(31)], [bytes(16), bytes(32), "x"],
    {0: bytes(16)}, None, b"",
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_DESK_PARTS, ids=range(len(WRONG_DESK_PARTS)))
def test_a_desk_part_of_another_form_is_refused_although_signed(wrong: Any) -> None:
    encoded = cbor2.dumps(wrong)
    part = HubPart(**(FIELDS | {"desk_digest": desk_digest(encoded)}))  # type: ignore[arg-type]
    with pytest.raises(MalformedMessage):
        verify_desk_part(part, encoded)


@FEW
@given(DESK_PARTS)
def test_a_desk_part_is_what_cbor_says(desk: DeskPart) -> None:
    assert cbor2.loads(desk.encode()) == [desk.salt, desk.holder, desk.binding]
    assert cbor2.dumps([desk.salt, desk.holder, desk.binding]) == desk.encode()


@FEW
@given(examples.hub_parts())
def test_nothing_of_a_person_is_in_a_hub_part(part: HubPart) -> None:
    assert set(part.__slots__) == {
        "insurer", "serial", "valid_from", "valid_until", "guarantee", "free_from", "renewal_months", "nullifier",
        "status_index", "desk_digest",
    }  # fmt: skip
    assert issue(part, KEY) == issue(part, KEY)
