"""Operations of ``enc``, ``signing``, ``number-lane`` and ``boxes``: what is encoded, signed and sealed."""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

from tests.vectors.reference import hashing
from tests.vectors.reference.curve import ed25519_public, ed25519_sign, ed25519_verifies
from tests.vectors.reference.hashing import MALFORMED, PROOF, Refused, Values, enc, read_field, require, sha256, unhex

_RECEIPT = ("server", "insurer", "epoch", "batch", "statement")
_PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"
_LABELS = frozenset(
    re.findall(r"^\| `(paravent/1/[a-z0-9-]+)` \|", _PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)
)
"""The table of labels as the protocol writes it (section 1.6)."""


def _labelled(label: str, *fields: bytes | int | str) -> bytes:
    require(label in _LABELS, hashing.VALUE_ERROR)
    return enc(label.removeprefix("paravent/1/"), *fields)


def encode(values: Values) -> Values:
    """Encodes a label and fields."""
    return {"encoded": _labelled(values["label"], *map(read_field, values["fields"])).hex()}


# --- signing ---------------------------------------------------------------------------------------


def _signed(values: Values, message: bytes) -> Values:
    seed = unhex(values["seed"])
    return {
        "verify_key": ed25519_public(seed).hex(), "message": message.hex(),
        "signature": ed25519_sign(seed, message).hex(),
    }  # fmt: skip


def _verified(values: Values, message: bytes) -> Values:
    require(ed25519_verifies(unhex(values["verify_key"]), unhex(values["signature"]), message), PROOF)
    return {}


def sign(values: Values) -> Values:
    """Signs a label and fields."""
    signed = _signed(values, _labelled(values["label"], *map(read_field, values["fields"])))
    return signed | {"key_id": sha256(unhex(signed["verify_key"])).hex()[:32]}


def verify(values: Values) -> Values:
    """Verifies a labelled signature."""
    return _verified(values, _labelled(values["label"], *map(read_field, values["fields"])))


def sign_receipt(values: Values) -> Values:
    """Writes a receipt and signs the digest of its bytes."""
    statement = base64.b64encode(unhex(values["receipt"]["statement"])).decode()
    members = {name: values["receipt"][name] for name in _RECEIPT} | {"statement": statement}
    payload = json.dumps(members, separators=(",", ":"))
    signed = _signed(values, enc("receipt", values["signer"], sha256(payload.encode())))
    return {"payload": payload, "signature": signed["signature"]}


def open_receipt(values: Values) -> Values:
    """Verifies a receipt, then reads it strictly."""
    _verified(values, enc("receipt", values["signer"], sha256(values["payload"].encode())))
    try:
        members = json.loads(values["payload"], object_pairs_hook=_once)
        statement = base64.b64decode(members["statement"], validate=True)
    except (ValueError, TypeError, KeyError, binascii.Error):
        raise Refused(MALFORMED) from None
    require(type(members) is dict and set(members) == set(_RECEIPT))
    require(isinstance(members["server"], str) and 1 <= len(members["server"]) <= 120)
    require(isinstance(members["insurer"], str) and re.fullmatch("[0-9]{8,10}", members["insurer"]))
    require(_natural(members["epoch"]) and (members["batch"] is None or _natural(members["batch"])))
    require(len(statement) == 32)
    return {"receipt": members | {"statement": statement.hex()}}


def _once(pairs: list[tuple[str, Any]]) -> Values:
    require(len({name for name, _ in pairs}) == len(pairs))
    return dict(pairs)


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


# --- number-lane -----------------------------------------------------------------------------------


def _fetch(values: Values) -> bytes:
    return enc("fetch", values["hub"], values["nonce"], values["device"])


def _auth(values: Values, public: bytes) -> bytes:
    where = values["insurer"], values["epoch"]
    label = enc("open", *where, values["batch"], sha256(enc("handle", *where, public)))
    answer_key = sha256(unhex(values["answer_key"]))
    return enc("auth", values["server"], values["nonce"], label, values["device"], answer_key)


def _evaluation(values: Values) -> bytes:
    shares = [unhex(values[name]) for name in ("request_digest", "blinded", "evaluated", "proof")]
    return enc("evaluation", *(values[name] for name in ("server", "insurer", "epoch", "index")), *shares)


def sign_fetch(values: Values) -> Values:
    """Signs the request of a row."""
    return _signed(values, _fetch(values))


def verify_fetch(values: Values) -> Values:
    """Verifies the request of a row."""
    return _verified(values, _fetch(values))


def sign_auth(values: Values) -> Values:
    """Signs the request of an opening."""
    return _signed(values, _auth(values, ed25519_public(unhex(values["seed"]))))


def verify_auth(values: Values) -> Values:
    """Verifies the request of an opening."""
    return _verified(values, _auth(values, unhex(values["verify_key"])))


def sign_evaluation(values: Values) -> Values:
    """Signs a share of an evaluation."""
    return _signed(values, _evaluation(values))


def verify_evaluation(values: Values) -> Values:
    """Verifies the signature of a share."""
    return _verified(values, _evaluation(values))


# --- boxes -----------------------------------------------------------------------------------------


def public_key(values: Values) -> Values:
    """Computes the public half of a box key."""
    return {"public_key": hashing.box_public_key(unhex(values["private_key"])).hex()}


def open_box(values: Values) -> Values:
    """Opens a box."""
    info = sha256(_labelled(values["label"], *map(read_field, values["context"])))
    return {"plaintext": hashing.box_open(unhex(values["private_key"]), unhex(values["box"]), info).hex()}
