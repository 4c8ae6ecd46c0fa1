"""What is looked for in logs is found however it is written there (``drill.sought``)."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

import pytest
from tests.unit.crypto.mutation import edited

from paravent.drill import sought
from paravent.drill.sought import numbers_in, with_decoded

NUMBER = b"1850675991123"  # a commune of synthetic persons alone
WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "url-safe": lambda content: base64.urlsafe_b64encode(content).rstrip(b"="),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("before", [b"", b'"', b"E", b"id", b"for"], ids=["alone", "quoted", "one", "two", "three"])
def test_what_is_written_in_base64_is_found(written: Callable[[bytes], bytes], before: bytes) -> None:
    for size in range(150, 207):
        content = os.urandom(size)
        assert content in with_decoded(b"a line\n" + before + written(content) + b"\nanother"), size


def test_what_is_written_in_hexadecimal_is_found() -> None:
    content = os.urandom(150)
    assert content in with_decoded(f'"{content.hex()}" "{content.hex().upper()}"'.encode())


def test_a_number_alone_is_found_in_base64() -> None:
    assert numbers_in(with_decoded(base64.b64encode(NUMBER))) == {NUMBER.decode()}


def test_a_reader_that_drops_an_end_without_padding_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    former = "whole = whole[: len(whole) // 4 * 4]"
    line = "whole = whole[: len(whole) - (len(whole) % 4 == 1)]"
    monkeypatch.setattr(sought, "_decoded", edited(sought, "_decoded", line, former))
    found = [content in with_decoded(base64.b64encode(content)) for content in map(os.urandom, range(150, 153))]
    assert found == [True, False, False]
