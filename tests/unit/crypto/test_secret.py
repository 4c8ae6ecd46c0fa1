"""Secrets: what they hold comes out by one method, and by no print, exception, pickle or copy (section 14)."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import os
import pickle
import string
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.unit.crypto.modules import subclasses

from paravent.crypto import dleq, group, oprf, sealing, sharing
from paravent.crypto.group import Scalar
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.replicated import OpeningKey
from paravent.crypto.secret import Secret
from paravent.crypto.signing import Seed, SigningKey
from paravent.errors import ParaventError

# Bytes that are letters, so that a leak is one however it is spelt: text, repr, hexadecimal.
BYTES_32 = b"SECRETsecretSECRETsecretSECRET\x01\x02"
# A signing key is made of its seed, not of bytes.
KINDS = [kind for kind in subclasses(Secret) if kind is not SigningKey]
SECRETS = [*(kind((BYTES_32 * 3)[: kind.size]) for kind in KINDS), SigningKey(Seed(BYTES_32))]
NAMES = [type(secret).__name__ for secret in SECRETS]


def leaks(text: str | bytes) -> bool:
    """Says whether a text shows any part of the secret, in whatever spelling."""
    shown = text.encode() if isinstance(text, str) else text
    return b"SECRET" in shown or b"SECRET".hex().encode() in shown.lower() or b"83, 69, 67" in shown


def shown_forms(secret: Secret) -> list[str]:
    """Every way in which a value is usually made text."""
    held = dataclasses.make_dataclass("Holder", [("key", Secret)])(secret)
    record = logging.LogRecord("name", logging.INFO, "path", 1, "key %s %r", (secret, secret), None)
    return [
        repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s}", f"{secret!a}", format(secret),
        "{}".format(secret), "%s %r" % (secret, secret), string.Template("$key").substitute(key=secret),  # noqa: UP031, UP032
        repr([secret]), repr({"key": secret}), repr(held), record.getMessage(),
    ]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS, ids=NAMES)
def test_every_form_says_redacted(secret: Secret) -> None:
    for shown in shown_forms(secret):
        assert f"{type(secret).__name__}(REDACTED)" in shown
        assert not leaks(shown)


@pytest.mark.parametrize("secret", SECRETS, ids=NAMES)
def test_no_encoder_takes_it(secret: Secret) -> None:
    encoders: list[Callable[[Any], object]] = [
        json.dumps, msgspec.json.encode, msgspec.to_builtins, bytes, pickle.dumps, copy.copy, copy.deepcopy,
    ]  # fmt: skip
    for encode in encoders:
        with pytest.raises(TypeError) as caught:
            encode(secret)
        assert not leaks(str(caught.value))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("secret", SECRETS, ids=NAMES)
def test_no_pickle_takes_it(secret: Secret, protocol: int) -> None:
    for held in (secret, [secret], {"key": secret}):
        with pytest.raises(TypeError):
            pickle.dumps(held, protocol)


@pytest.mark.parametrize("secret", SECRETS, ids=NAMES)
def test_it_has_no_hash_and_no_attribute_by_name(secret: Secret) -> None:
    with pytest.raises(TypeError):
        hash(secret)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 65, 95, 97])
def test_a_wrong_length_is_refused_without_showing_it(kind: type[Secret], size: int) -> None:
    if size == kind.size:
        return
    with pytest.raises(ValueError, match=f"{kind.__name__} is {kind.size} bytes") as caught:
        kind((BYTES_32 * 4)[:size])
    assert not leaks(str(caught.value))


@pytest.mark.parametrize("value", [bytearray(BYTES_32), memoryview(BYTES_32), BYTES_32.decode(), None, 7])
def test_another_type_is_refused_without_showing_it(value: object) -> None:
    with pytest.raises(ValueError, match="Seed is 32 bytes") as caught:
        Seed(value)  # type: ignore[arg-type]
    assert not leaks(str(caught.value))


def test_equality_is_of_one_kind() -> None:
    assert Seed(BYTES_32) == Seed(BYTES_32)
    assert Seed(BYTES_32) != OpeningKey(BYTES_32)
    assert Seed(BYTES_32) != Seed(bytes(32))
    assert Seed(BYTES_32) != BYTES_32


def _failing() -> list[Callable[[], object]]:
    """Every failure of the mechanisms that has a secret among its arguments."""
    scalar, output, box = Scalar(BYTES_32[:31] + b"\x01"), OprfOutput(BYTES_32 * 2), BoxKey(BYTES_32 * 3)
    element = group.multiply_base(scalar)
    stored = bytes(sealing.STORED_BYTES)
    row = sealing.Row(insurer="99000001", epoch=1, batch=1, handle=sealing.Handle(bytes(32)), stored=stored)
    return [
        lambda: group.decode_scalar(BYTES_32 + b"\0"),
        lambda: group.decode_scalar(BYTES_32[:30] + b"\xff\xff"),
        lambda: group.multiply(scalar, group.Element(bytes(32))),
        lambda: sharing.verify_share(1, scalar, [element, element], culprit="dealer"),
        lambda: sharing.deal(scalar, 9, 3, os.urandom),
        lambda: dleq.generate_proof(scalar, element, [], [], os.urandom),
        lambda: oprf.evaluate(b"x" * 70_000, scalar),
        lambda: sealing.open_row(row, output, b""),
        lambda: box.open(b"short", Label.DEAL_BOX, culprit="server"),
        lambda: box.open(bytes(2000), Label.DEAL_BOX, culprit="server"),
    ]


@pytest.mark.parametrize("call", _failing(), ids=range(10))
def test_no_error_shows_a_secret(call: Callable[[], object]) -> None:
    with pytest.raises(ParaventError) as caught:
        call()
    assert not leaks("".join(traceback.format_exception(caught.value)))
    assert not leaks(repr(caught.value.args))


def test_nothing_but_its_method_gives_the_bytes() -> None:
    assert Seed(BYTES_32).reveal() == BYTES_32
    assert [name for name in vars(Secret) if not name.startswith("_")] == ["size", "reveal"]
