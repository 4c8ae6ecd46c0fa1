"""Vectors of labelled signatures and signed statements (docs/protocol.md sections 1 and 3).

Ed25519 of RFC 8032 over ``enc``; a statement is signed as the bytes sent, and read only once verified.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from paravent.crypto import signing
from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from paravent.wire.statements import Receipt, Signed, open_statement, sign_statement
from vectors.cases import Case, Construction, Values, beyond_order, field, flipped, seeded

PROOF = "proof-failure"
FORM = "malformed-message"
SMALL_ORDER = "01" + "00" * 31
"""The encoding of the neutral point: under it, a signature made with no key holds for any message."""
BASE = "58" + "66" * 31


def _label(values: Values) -> Label:
    return Label(values["label"].encode())


def key(values: Values) -> SigningKey:
    """Expands the seed given."""
    return SigningKey(Seed(bytes.fromhex(values["seed"])))


def sign(values: Values) -> Values:
    """Signs a label and fields."""
    fields = [field(value) for value in values["fields"]]
    signer = key(values)
    return {
        "verify_key": signer.public.hex(), "key_id": signing.key_id(signer.public),
        "message": enc(_label(values), *fields).hex(), "signature": signer.sign(_label(values), *fields).hex(),
    }  # fmt: skip


def verify(values: Values) -> Values:
    """Verifies a signature over a label and fields."""
    public, signature = VerifyKey(bytes.fromhex(values["verify_key"])), bytes.fromhex(values["signature"])
    signing.verify(public, signature, _label(values), *map(field, values["fields"]), culprit="signer")
    return {}


def sign_receipt(values: Values) -> Values:
    """Encodes a receipt to JSON, its members in this order, and signs it."""
    given = values["receipt"]
    receipt = Receipt(
        server=given["server"], insurer=given["insurer"], epoch=given["epoch"], batch=given["batch"],
        statement=bytes.fromhex(given["statement"]),
    )  # fmt: skip
    signed = sign_statement(receipt, Label.RECEIPT, values["signer"], key(values))
    return {"payload": signed.payload.decode(), "signature": signed.signature.hex()}


def open_receipt(values: Values) -> Values:
    """Verifies a receipt, then reads it."""
    signature = bytes.fromhex(values["signature"])
    signed = Signed(payload=values["payload"].encode(), signer=values["signer"], signature=signature)
    public = VerifyKey(bytes.fromhex(values["verify_key"]))
    read = open_statement(signed, Receipt, Label.RECEIPT, values["signer"], public)
    return {
        "receipt": {
            "server": read.server, "insurer": read.insurer, "epoch": read.epoch, "batch": read.batch,
            "statement": read.statement.hex(),
        }
    }  # fmt: skip


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("signing")
    seed = rng(32).hex()
    label = Label.EVALUATION.value.decode()
    given: Values = {"seed": seed, "label": label, "fields": [{"text": "ks1"}, {"integer": "7"}, {"bytes": "aabb"}]}
    yield Case(name="a signature", operation="sign", input=given)
    yield Case(name="no field", operation="sign", input=given | {"fields": []})
    yield Case(name="another label", operation="sign", input=given | {"label": Label.RECEIPT.value.decode()})
    signed = sign(given)
    right: Values = {"verify_key": signed["verify_key"], "signature": signed["signature"]}
    right |= {"label": label, "fields": given["fields"]}
    yield Case(name="a right signature", operation="verify", input=right)
    for name, change in _wrong_signatures(signed["signature"]).items():
        yield Case(name=f"a signature {name}", operation="verify", input=right | change, error=PROOF)
    yield from _receipts(seed, rng(32).hex())


def _wrong_signatures(signature: str) -> dict[str, Values]:
    stranger = SigningKey(Seed(bytes(32))).public.hex()
    return {
        "altered in R": {"signature": flipped(signature, 0)},
        "altered in S": {"signature": flipped(signature, 32)},
        "whose S is not reduced": {"signature": signature[:64] + beyond_order(signature[64:])},
        "of 63 bytes": {"signature": signature[:-2]},
        "of 65 bytes": {"signature": signature + "00"},
        "with another label": {"label": Label.RECEIPT.value.decode()},
        "with fields cut elsewhere": {
            "fields": [{"text": "ks1"}, {"integer": "7"}, {"bytes": "aa"}, {"bytes": "bb"}],
        },
        "with a field less": {"fields": [{"text": "ks1"}, {"integer": "7"}]},
        "with an integer as text": {"fields": [{"text": "ks1"}, {"text": "7"}, {"bytes": "aabb"}]},
        "with another key": {"verify_key": stranger},
        "with a key of 31 bytes": {"verify_key": stranger[:-2]},
        "with a key that is no point": {"verify_key": "02" + "00" * 31},
        "with a key of small order": {"verify_key": SMALL_ORDER, "signature": BASE + "01" + "00" * 31},
        "with a small-order R": {"verify_key": SMALL_ORDER, "signature": SMALL_ORDER + "00" * 32},
    }


def _receipts(seed: str, digest: str) -> Iterator[Case]:
    receipt: Values = {"server": "ks1", "insurer": "99000001", "epoch": 3, "batch": 12, "statement": digest}
    given: Values = {"seed": seed, "signer": "ks1", "receipt": receipt}
    yield Case(name="a receipt of a batch", operation="sign-receipt", input=given)
    of_epoch = given | {"receipt": receipt | {"batch": None}}
    yield Case(name="a receipt of an epoch", operation="sign-receipt", input=of_epoch)
    signed = sign_receipt(given)
    right = signed | {"signer": "ks1", "verify_key": key(given).public.hex()}
    yield Case(name="a right receipt", operation="open-receipt", input=right)
    text = signed["payload"]
    spaced = _signed(seed, text.replace(",", " ,\n"))
    yield Case(name="a receipt written with spaces", operation="open-receipt", input=right | spaced)
    changes: dict[str, Values] = {
        "of another signer": {"signer": "ks2"},
        "altered": {"payload": text.replace("12", "13", 1)},
        "signed with another label": {"signature": _signature(seed, Label.BATCH, text)},
    }
    for name, change in changes.items():
        yield Case(name=f"a receipt {name}", operation="open-receipt", input=right | change, error=PROOF)
    wrong = {
        "with a member more": text[:-1] + ',"note":""}',
        "with a member twice": text[:-1] + ',"epoch":3}',
        "with a member twice, escaped": text[:-1] + ',"\\u0065poch":3}',
        "with a member less": text.replace('"epoch":3,', ""),
        "with an integer as text": text.replace('"epoch":3', '"epoch":"3"'),
        "with an integer as a fraction": text.replace('"epoch":3', '"epoch":3.0'),
        "with true for an integer": text.replace('"epoch":3', '"epoch":true'),
        "with null for an integer": text.replace('"epoch":3', '"epoch":null'),
        "with a negative integer": text.replace('"epoch":3', '"epoch":-3'),
        "with an integer of 54 bits": text.replace('"epoch":3', f'"epoch":{2**53}'),
        "with an AMC number and a newline": text.replace("99000001", "99000001\\n"),
        "with an AMC number of 7 digits": text.replace("99000001", "9900000"),
        "with a digest of 31 bytes": text.replace(text.split('"')[-2], base64.b64encode(bytes(31)).decode()),
        "with base64 that is not padded": text.replace("=", ""),
        "with a byte after it": text + "0",
        "that is an array": "[" + text + "]",
    }
    for name, payload in wrong.items():
        changed = right | _signed(seed, payload)
        yield Case(name=f"a receipt {name}, signed", operation="open-receipt", input=changed, error=FORM)


def _signed(seed: str, payload: str) -> Values:
    return {"payload": payload, "signature": _signature(seed, Label.RECEIPT, payload)}


def _signature(seed: str, label: Label, payload: str) -> str:
    return key({"seed": seed}).sign(label, "ks1", hashlib.sha256(payload.encode()).digest()).hex()


CONSTRUCTION = Construction(
    section="1, 3",
    operations={"sign": sign, "verify": verify, "sign-receipt": sign_receipt, "open-receipt": open_receipt},
    cases=cases,
)
