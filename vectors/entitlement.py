"""Vectors of entitlements: COSE_Sign1 over CWT claims, and the desk part (docs/protocol.md section 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import cbor2

from paravent.crypto import entitlement
from paravent.crypto.entitlement import DeskPart, HubPart
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from vectors.cases import Case, Construction, Values, beyond_order, flipped, seeded

_BINARY = ("serial", "nullifier", "desk_digest")
_RIGHT = -65537


def _key(values: Values) -> SigningKey:
    return SigningKey(Seed(bytes.fromhex(values["seed"])))


def _issuers(values: Values) -> dict[str, VerifyKey]:
    return {amc: VerifyKey(bytes.fromhex(key)) for amc, key in values["issuers"].items()}


def desk_part(values: Values) -> Values:
    """Encodes D."""
    binding = values["binding"]
    part = DeskPart(
        salt=bytes.fromhex(values["salt"]), holder=bytes.fromhex(values["holder"]),
        binding=None if binding is None else bytes.fromhex(binding),
    )  # fmt: skip
    encoded = part.encode()
    return {"desk_part": encoded.hex(), "desk_digest": entitlement.desk_digest(encoded).hex()}


def issue(values: Values) -> Values:
    """Signs E."""
    given: Values = values["terms"]
    terms: Values = {name: bytes.fromhex(value) if name in _BINARY else value for name, value in given.items()}
    key = _key(values)
    return {"entitlement": entitlement.issue(HubPart(**terms), key).hex(), "issuer_key": key.public.hex()}


def verify(values: Values) -> Values:
    """Verifies E and reads its terms."""
    part = entitlement.verify_entitlement(bytes.fromhex(values["entitlement"]), _issuers(values))
    terms = {name: getattr(part, name) for name in HubPart.__slots__}
    return {"terms": {name: value.hex() if name in _BINARY else value for name, value in terms.items()}}


def verify_desk_part(values: Values) -> Values:
    """Checks that D belongs to E."""
    part = entitlement.verify_entitlement(bytes.fromhex(values["entitlement"]), _issuers(values))
    read = entitlement.verify_desk_part(part, bytes.fromhex(values["desk_part"]))
    binding = None if read.binding is None else read.binding.hex()
    return {"salt": read.salt.hex(), "holder": read.holder.hex(), "binding": binding}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("entitlement")
    part: Values = {"salt": rng(16).hex(), "holder": rng(32).hex(), "binding": rng(32).hex()}
    yield Case(name="the desk part of a row", operation="desk-part", input=part)
    card_part = part | {"binding": None}
    yield Case(name="the desk part of a card", operation="desk-part", input=card_part)
    for name, change in {"salt": 15, "holder": 31, "binding": 33}.items():
        wrong = part | {name: rng(change).hex()}
        yield Case(name=f"a {name} of {change} bytes", operation="desk-part", input=wrong, error="malformed-message")
    terms: Values = {
        "insurer": "99000001", "serial": rng(16).hex(), "valid_from": 1_767_222_000,
        "valid_until": 1_798_758_000, "guarantee": "OPT-CONFORT", "free_from": 202609, "renewal_months": 24,
        "nullifier": rng(16).hex(), "status_index": 70_000, "desk_digest": desk_part(part)["desk_digest"],
    }  # fmt: skip
    yield from _issue_cases({"seed": rng(32).hex(), "terms": terms})
    yield from _verify_cases({"seed": rng(32).hex(), "terms": terms}, part)


def _issue_cases(given: Values) -> Iterator[Case]:
    yield Case(name="issue", operation="issue", input=given)
    longest = {"insurer": "9900000001", "guarantee": "A" * 16, "status_index": 2**32 - 1}
    yield Case(name="the longest", operation="issue", input=given | {"terms": given["terms"] | longest})
    wrong = {
        "an AMC number of 7 digits": {"insurer": "9900000"},
        "an AMC number with a letter": {"insurer": "9900000A"},
        "a renewal of 18 months": {"renewal_months": 18},
        "a month 13": {"free_from": 202613},
        "a month 0": {"free_from": 202600},
        "an end before the beginning": {"valid_until": 1_767_222_000},
        "a guarantee of 17 characters": {"guarantee": "A" * 17},
        "an empty guarantee": {"guarantee": ""},
        "a guarantee that is not ASCII": {"guarantee": "FORM\u00c9"},
        "a status index of 33 bits": {"status_index": 2**32},
        "a serial of 15 bytes": {"serial": "00" * 15},
    }
    for name, change in wrong.items():
        changed = given | {"terms": given["terms"] | change}
        yield Case(name=f"issue with {name}", operation="issue", input=changed, error="malformed-message")


def _verify_cases(given: Values, part: Values) -> Iterator[Case]:
    issued = issue(given)
    right = {"entitlement": issued["entitlement"], "issuers": {"99000001": issued["issuer_key"]}}
    yield Case(name="verify", operation="verify", input=right)
    reordered = right | {"entitlement": _reordered(bytes.fromhex(issued["entitlement"]), _key(given)).hex()}
    name = "verify with claims in another order, signed"
    yield Case(name=name, operation="verify", input=reordered, error="malformed-message")
    for name, (changed, error) in _altered(bytes.fromhex(issued["entitlement"]), _key(given)).items():
        wrong = right | {"entitlement": changed.hex()}
        yield Case(name=f"verify {name}", operation="verify", input=wrong, error=error)
    stranger = SigningKey(Seed(bytes(32))).public.hex()
    for name, issuers, error in (
        ("with the key of another insurer", {"99000001": stranger}, "proof-failure"),
        ("of an insurer that is not in the directory", {"99000002": issued["issuer_key"]}, "unknown-insurer"),
    ):
        yield Case(name=f"verify {name}", operation="verify", input=right | {"issuers": issuers}, error=error)
    encoded = desk_part(part)["desk_part"]
    with_part = right | {"desk_part": encoded}
    yield Case(name="the desk part signed", operation="verify-desk-part", input=with_part)
    for place in (2, 20, 60):
        wrong = with_part | {"desk_part": flipped(encoded, place)}
        name = f"a desk part altered at byte {place}"
        yield Case(name=name, operation="verify-desk-part", input=wrong, error="proof-failure")
    for name, wrong_part in _wrong_desk_parts(bytes.fromhex(encoded)).items():
        digest = hashlib.sha256(wrong_part).hexdigest()
        signed = issue(given | {"terms": given["terms"] | {"desk_digest": digest}})["entitlement"]
        wrong = right | {"entitlement": signed, "desk_part": wrong_part.hex()}
        case = f"a desk part {name}, signed"
        yield Case(name=case, operation="verify-desk-part", input=wrong, error="malformed-message")


def _wrong_desk_parts(right: bytes) -> dict[str, bytes]:
    salt, holder, binding = cbor2.loads(right)
    return {
        "with a trailing byte": right + b"\0",
        "of indefinite length": b"\x9f" + right[1:] + b"\xff",
        "with an element less": cbor2.dumps([salt, holder]),
        "with an element more": cbor2.dumps([salt, holder, binding, None]),
        "that is a map": cbor2.dumps({1: salt, 2: holder, 3: binding}),
        "with a salt of 15 bytes": cbor2.dumps([salt[:-1], holder, binding]),
        "with a binding of 31 bytes": cbor2.dumps([salt, holder, binding[:-1]]),
        "with a binding as text": cbor2.dumps([salt, holder, binding.hex()[:32]]),
        "of 91 bytes": cbor2.dumps([salt, holder + bytes(5), binding]),
        "that is not CBOR": b"\xff",
        "that is empty": b"",
    }


def _signed(payload: bytes, header: bytes, key: SigningKey) -> bytes:
    signature = key.sign_bytes(cbor2.dumps(["Signature1", header, b"", payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature]))


def _reordered(right: bytes, key: SigningKey) -> bytes:
    protected, _, payload, _ = cbor2.loads(right).value
    return _signed(cbor2.dumps(dict(reversed(cbor2.loads(payload).items()))), protected, key)


def _altered(right: bytes, key: SigningKey) -> dict[str, tuple[bytes, str]]:
    protected, _, payload, signature = cbor2.loads(right).value
    claims = cbor2.loads(payload)

    def signed(changed: bytes, header: bytes = protected) -> bytes:
        return _signed(changed, header, key)

    def claiming(change: dict[int, object]) -> bytes:
        return signed(cbor2.dumps(claims | change))

    form = "malformed-message"
    return {
        "with an altered signature": (right[:-1] + bytes([right[-1] ^ 1]), "proof-failure"),
        "with a signature not reduced": (right[:-32] + bytes.fromhex(beyond_order(right[-32:].hex())), "proof-failure"),
        "with another AMC digit": (right.replace(b"99000001", b"99000003"), "unknown-insurer"),
        "with a trailing byte": (right + b"\0", form),
        "truncated": (right[:-1], form),
        "without its tag": (right[1:], form),
        "with the tag of COSE_Mac0": (b"\xd1" + right[1:], form),
        "with an unprotected header": (
            cbor2.dumps(cbor2.CBORTag(18, [protected, {4: b"1"}, payload, signature])), form,
        ),
        "with another algorithm, signed": (signed(payload, cbor2.dumps({1: -7})), form),
        "with a header of indefinite length": (b"\xd2\x9f" + right[2:] + b"\xff", form),
        "with a claim twice, signed": (signed(b"\xa6" + payload[1:] + b"\x04\x1a\x6b\x36\xf3\x00"), form),
        "with a longer form of an integer, signed": (signed(payload.replace(b"\xa5\x01", b"\xa5\x18\x01", 1)), form),
        "with claims of indefinite length, signed": (signed(b"\xbf" + payload[1:] + b"\xff"), form),
        "with a byte after the claims, signed": (signed(payload + b"\0"), form),
        "with a guarantee of 17 characters, signed": (claiming({_RIGHT: ["A" * 17, *claims[_RIGHT][1:]]}), form),
        "with one claim more, signed": (claiming({6: 1}), form),
        "with one claim less, signed": (
            signed(cbor2.dumps({name: claim for name, claim in claims.items() if name != 4})), form,
        ),
        "with a renewal of 18 months, signed": (
            claiming({_RIGHT: [*claims[_RIGHT][:2], 18, *claims[_RIGHT][3:]]}), form,
        ),
        "with one element more in the right, signed": (claiming({_RIGHT: [*claims[_RIGHT], 0]}), form),
        "with true for a status index, signed": (
            claiming({_RIGHT: [*claims[_RIGHT][:4], True, claims[_RIGHT][5]]}), form,
        ),
        "with the expiry as a date, signed": (claiming({4: "2027-01-01"}), form),
        "with the expiry as a float, signed": (claiming({4: 1.5e9}), form),
    }  # fmt: skip


CONSTRUCTION = Construction(
    section="4",
    operations={
        "desk-part": desk_part, "issue": issue, "verify": verify, "verify-desk-part": verify_desk_part,
    },
    cases=cases,
)  # fmt: skip
