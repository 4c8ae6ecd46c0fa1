"""Negative controls: each property of the mechanisms holds, and fails when one check is taken out of the code."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from tests.unit.crypto import properties
from tests.unit.crypto.mutation import Defect, Property, properties_of, require_noticed

from paravent.crypto import (
    dleq,
    entitlement,
    group,
    hpke,
    labels,
    manifest,
    merkle,
    oprf,
    replicated,
    sealing,
    sharing,
    signing,
    sodium,
    status,
)
from paravent.crypto.group import Scalar
from paravent.crypto.secret import Secret

PROPERTIES = [
    found for found in properties_of(properties) if found.__name__ not in {"Tree", "sealed", "altered_leaves"}
]


class Unauthenticated:
    """ChaCha20 whose tag nobody compares."""

    def __init__(self, key: bytes) -> None:
        """Holds a key."""
        self._key = key

    def encrypt(self, nonce: bytes, plaintext: bytes, _: bytes) -> bytes:
        """Encrypts, with a tag of zeros."""
        return self._stream(nonce, plaintext) + bytes(16)

    def decrypt(self, nonce: bytes, ciphertext: bytes, _: bytes) -> bytes:
        """Decrypts whatever it is given."""
        return self._stream(nonce, ciphertext[:-16])

    def _stream(self, nonce: bytes, data: bytes) -> bytes:
        counter = (1).to_bytes(4, "little")
        return Cipher(ChaCha20(self._key, counter + nonce), mode=None).encryptor().update(data)


_hash_to_scalar = group.hash_to_scalar


def weightless(message: bytes, dst: bytes) -> Scalar:
    """Every weight of a batched proof is one."""
    return group.small_scalar(1) if message.endswith(b"Composite") else _hash_to_scalar(message, dst)


def unlabelled(_: labels.Label, *fields: bytes | int | str) -> bytes:
    """An encoding that leaves the label out."""
    return labels.enc(labels.Label.INPUT, *fields)


def accepts(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


DEFECTS = [
    Defect(
        name="fields without their length", owner=labels, attribute="enc",
        old='encoded += size.to_bytes(2, "big") + body', new="encoded += body",
        broken=properties.encodings_of_other_fields_differ,
    ),
    Defect(
        name="a secret shows itself", owner=Secret, attribute="__repr__", replacement=lambda self: str(self._value),
        broken=properties.a_secret_is_never_shown,
    ),
    Defect(
        name="a secret is pickled", owner=Secret, attribute="__reduce__",
        replacement=lambda self: (type(self), (self._value,)), broken=properties.a_secret_is_never_pickled,
    ),
    Defect(
        name="canonical form not checked", owner=group, attribute="decode_element",
        old="or not sodium.point_is_valid(encoded)", new="", broken=properties.only_canonical_elements_are_decoded,
    ),
    Defect(
        name="identity decoded", owner=group, attribute="decode_element", old="or encoded == IDENTITY", new="",
        broken=properties.only_canonical_elements_are_decoded,
    ),
    Defect(
        name="scalars not below the order", owner=group, attribute="decode_scalar",
        old="sodium.scalar_reduce(encoded + bytes(32)) != encoded", new="False",
        broken=properties.only_canonical_scalars_are_decoded,
    ),
    Defect(
        name="zero decoded", owner=group, attribute="decode_scalar", old="or encoded == bytes(32)", new="",
        broken=properties.only_canonical_scalars_are_decoded,
    ),
    Defect(
        name="identity computed", owner=group, attribute="_not_identity", old="or _is_zero(encoded)", new="",
        broken=properties.no_operation_gives_the_identity,
    ),
    Defect(
        name="challenge not compared", owner=dleq, attribute="verify_proof", old="expected != challenge", new="False",
        broken=properties.a_wrong_evaluation_is_not_proved,
    ),
    Defect(
        name="batch not weighted", owner=group, attribute="hash_to_scalar", replacement=weightless,
        broken=properties.errors_that_cancel_are_not_proved,
    ),
    Defect(
        name="response not canonical", owner=dleq, attribute="verify_proof", old="group.decode_scalar(proof[32:])",
        new="Scalar(proof[32:])", broken=properties.an_altered_proof_is_refused,
    ),
    Defect(
        name="blind always the same", owner=oprf, attribute="blind", old="group.random_scalar(rng)",
        new="group.small_scalar(2)", broken=properties.a_blinded_element_does_not_depend_on_its_input,
    ),
    Defect(
        name="output not bound to its input", owner=oprf, attribute="_output", old="+ input_ +", new="+",
        broken=properties.a_blinded_element_does_not_depend_on_its_input,
    ),
    Defect(
        name="interpolation over too few points", owner=sharing, attribute="lagrange", old="for other in indices:",
        new="for other in indices[1:]:", broken=properties.every_t_servers_give_the_one_output,
    ),
    Defect(
        name="every share is the key", owner=sharing, attribute="_at", replacement=lambda terms, _: terms[0],
        broken=properties.fewer_than_t_servers_do_not,
    ),
    Defect(
        name="indices not checked", owner=sharing, attribute="combine",
        old="any(not 1 <= index <= servers for index in evaluations)", new="False",
        broken=properties.an_interpolation_takes_t_indices_of_the_deal,
    ),
    Defect(
        name="number of answers not checked", owner=sharing, attribute="combine",
        old="len(evaluations) != threshold or", new="", broken=properties.an_interpolation_takes_t_indices_of_the_deal,
    ),
    Defect(
        name="share not compared", owner=sharing, attribute="public_share", replacement=lambda *_: ANY,
        broken=properties.a_wrong_share_names_the_dealer,
    ),
    Defect(
        name="every server holds every key", owner=replicated, attribute="keys_of_server",
        old="if index not in members", new="", broken=properties.only_t_servers_hold_every_opening_key,
    ),
    Defect(
        name="missing opening value left out", owner=replicated, attribute="assemble",
        old="values[members] for members in sets", new='values.get(members, b"") for members in sets',
        broken=properties.only_t_servers_hold_every_opening_key,
    ),
    Defect(
        name="threshold not checked", owner=sharing, attribute="check_threshold", replacement=accepts,
        broken=properties.a_deal_has_two_to_seven_servers,
    ),
    Defect(
        name="signature not verified", owner=sodium, attribute="ed25519_verifies", replacement=lambda *_: True,
        broken=properties.an_altered_signature_is_refused,
    ),
    Defect(
        name="label not signed", owner=signing, attribute="enc", replacement=unlabelled,
        broken=properties.a_signature_is_of_one_label,
    ),
    Defect(
        name="box without its context", owner=hpke, attribute="_info", replacement=lambda *_: b"",
        broken=properties.a_box_opens_in_its_own_context_only,
    ),
    Defect(
        name="row not padded", owner=sealing, attribute="_pad", old='body.ljust(PLAINTEXT_BYTES, b"\\0")', new="body",
        broken=properties.every_row_has_one_size,
    ),
    Defect(
        name="row not authenticated", owner=sealing, attribute="ChaCha20Poly1305", replacement=Unauthenticated,
        broken=properties.an_altered_row_never_opens,
    ),
    Defect(
        name="row not bound to its place", owner=sealing, attribute="open_label", replacement=lambda *_: b"everywhere",
        broken=properties.a_row_opens_in_its_own_place_only,
    ),
    Defect(
        name="key commitment not compared", owner=sealing, attribute="open_row",
        old="not hmac.compare_digest(commitment, expected)", new="False",
        broken=properties.a_row_never_opens_under_two_keys,
    ),
    Defect(
        name="entitlement not verified", owner=entitlement, attribute="verify_bytes", replacement=accepts,
        broken=properties.an_altered_entitlement_is_refused,
    ),
    Defect(
        name="any encoding read", owner=entitlement, attribute="_decode",
        replacement=lambda encoded, _: cbor2.loads(encoded), broken=properties.an_envelope_has_one_encoding,
    ),
    Defect(
        name="protected header not compared", owner=entitlement, attribute="_envelope",
        old="protected == _PROTECTED and not unprotected", new="True",
        broken=properties.an_envelope_has_one_encoding,
    ),
    Defect(
        name="desk part not compared", owner=entitlement, attribute="verify_desk_part",
        old="hashlib.sha256(desk_part).digest() != part.desk_digest", new="False",
        broken=properties.a_desk_part_is_the_one_signed,
    ),
    Defect(
        name="root not compared", owner=manifest, attribute="verify_inclusion", old="computed != root", new="False",
        broken=properties.an_altered_inclusion_is_refused,
    ),
    Defect(
        name="length of a path not checked", owner=manifest, attribute="root_from_path",
        old="if len(siblings) != len(expected) or any(len(sibling) != HASH_BYTES for sibling in siblings):",
        new="siblings = siblings[: len(expected)]\n    if len(siblings) < len(expected):",
        broken=properties.an_altered_inclusion_is_refused,
    ),
    Defect(
        name="index outside the tree", owner=manifest, attribute="root_from_path",
        replacement=lambda index, size, leaf, path: merkle.root_from_path(index % size, size, leaf, path),
        broken=properties.an_altered_inclusion_is_refused,
    ),
    Defect(
        name="neighbours not adjacent", owner=manifest, attribute="verify_absence",
        old="expected_above != actual_above", new="False", broken=properties.an_altered_absence_is_refused,
    ),
    Defect(
        name="neighbours not on both sides", owner=manifest, attribute="verify_absence",
        old="[*below, *above] != list(neighbours) or len(below) > 1 or len(above) > 1", new="False",
        broken=properties.an_altered_absence_is_refused,
    ),
    Defect(
        name="neighbours not proved", owner=manifest, attribute="verify_inclusion", replacement=accepts,
        broken=properties.an_altered_absence_is_refused,
    ),
    Defect(
        name="absence not verified", owner=manifest, attribute="verify_absence", replacement=accepts,
        broken=properties.a_present_handle_is_never_absent,
    ),
    Defect(
        name="leaves hashed as nodes", owner=merkle, attribute="LEAF_PREFIX", replacement=merkle.NODE_PREFIX,
        broken=properties.a_node_is_never_a_leaf,
    ),
    Defect(
        name="most significant bit first", owner=status, attribute="is_revoked", old=">> (index & 7)",
        new=">> (7 - (index & 7))", broken=properties.exactly_the_revoked_are_revoked,
    ),
    Defect(
        name="index outside the list", owner=status, attribute="is_revoked",
        old="not 0 <= index < len(array) * 8", new="index >= len(array) * 8",
        broken=properties.exactly_the_revoked_are_revoked,
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
