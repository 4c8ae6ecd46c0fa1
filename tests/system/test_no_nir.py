"""No route of the hub takes a value shaped as a NIR: by the types of what it decodes, and by asking a running hub.

The types are those of every message of the table of routes (docs/protocol.md 1.7), which ``test_docs`` compares with
the application, and of what signed messages carry. What remains free text is listed here, with why.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from paravent.drill.platform import Platform
from paravent.wire import bulletins, claims, publication, statements
from paravent.wire.codec import Message, Name
from tests import openapi

# Digits, with the key, a Corsican department, with the spaces of the card: belongs to nobody (month 99).
SHAPES = ("1859975123456", "185997512345641", "185992A123456", "1 85 99 75 123 456 41")
# What a signed message of an insurer or of the breach desk carries to the hub.
CARRIED = (
    claims.InsurerAct, publication.Publication, statements.EpochFile, statements.BatchFile, statements.ManifestHead,
    statements.StatusList, statements.Closing, bulletins.Bulletin,
)  # fmt: skip
FREE = {
    "EnrolmentFinish.shop_code": "its hash alone is compared and kept",
    "Bulletin.sources": "a public text, signed by the breach desk and answered for by its author",
    "BulletinText.title": "the same", "BulletinText.what": "the same", "BulletinText.recognise": "the same",
    "BulletinText.act": "the same",
}  # fmt: skip


def taking(kind: type[Message]) -> set[str]:
    """Lists the fields of a message, however deep, that a value shaped as a NIR fits."""
    return set(_taking(inspect.type_info(kind), kind.__name__, frozenset()))


def _taking(info: inspect.Type, where: str, above: frozenset[type]) -> Iterator[str]:
    match info:
        case inspect.StructType(cls=cls, fields=fields) if cls not in above:
            for field in fields:
                yield from _taking(field.type, f"{cls.__name__}.{field.name}", above | {cls})
        case inspect.UnionType(types=types) | inspect.TupleType(item_types=types):
            for each in types:
                yield from _taking(each, where, above)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item) | inspect.SetType(item_type=item):
            yield from _taking(item, where, above)
        case inspect.DictType(key_type=key, value_type=value):
            yield from _taking(key, where, above)
            yield from _taking(value, where, above)
        case inspect.StrType(pattern=pattern, max_length=longest):
            fits = [each for each in SHAPES if longest is None or len(each) <= longest]
            if any(pattern is None or re.search(pattern, each) for each in fits):
                yield where
        case inspect.AnyType():
            yield where
        case _:
            pass


def test_no_message_that_the_hub_decodes_has_a_field_for_a_nir() -> None:
    kinds = openapi._kinds()
    taken: list[type[Message]] = [
        kinds[one.request] for one in openapi.operations() if one.party == "hub" and one.request in kinds
    ]
    assert len(taken) > 15
    taken += CARRIED
    assert {field for kind in taken for field in taking(kind)} == set(FREE)


def test_a_field_for_a_nir_is_seen() -> None:
    class Seeded(Message, frozen=True, kw_only=True):
        named: Name
        inside: tuple[dict[str, int], ...]
        typed: str | None
        anything: Any

    assert taking(Seeded) == {"Seeded.inside", "Seeded.typed", "Seeded.anything"}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_name_is_never_a_nir(shape: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(shape, Name)


@pytest.mark.parametrize(
    "name", ["12345678901", "123456789", "12345678901234", "2026-001", "Optique 13", "keyserver-1"]
)
def test_numbers_of_professionals_and_shops_are_names(name: str) -> None:
    """RPPS has 11 digits, FINESS 9, SIRET 14."""
    assert msgspec.convert(name, Name) == name


def test_a_running_hub_refuses_one_in_an_address_and_keeps_none_of_any(platform: Platform) -> None:
    base, nir = f"http://127.0.0.1:{platform.ports['hub']}", SHAPES[1]
    for one in openapi.operations():
        if one.party != "hub":
            continue
        asked = re.sub(r"\{[^}]+\}", nir, one.path)
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{base}{asked}?nir={nir}", method=one.method.upper(), headers={"x-nir": nir, "user-agent": nir},
            data=f'{{"nir":"{nir}"}}'.encode() if one.method == "post" else None,
        )  # fmt: skip
        status = _status(request)
        # What anybody may read is answered whatever stands behind its address, and keeps nothing of it.
        assert status >= 400 or (one.method == "get" and "{" not in one.path), (one, status)
        assert status < 500, (one, status)
    home = platform.home / "hub"
    assert not holding(nir, [*home.rglob("*"), platform.home / "hub.log"])


def _status(request: urllib.request.Request) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def holding(nir: str, files: list[Path]) -> list[Path]:
    """Lists the files that hold a number."""
    return [file for file in files if file.is_file() and nir.encode() in file.read_bytes()]


def test_a_number_that_is_kept_is_found(tmp_path: Path) -> None:
    (tmp_path / "hub.log").write_text(f"kept {SHAPES[1]}")
    assert holding(SHAPES[1], [*tmp_path.rglob("*")]) == [tmp_path / "hub.log"]
