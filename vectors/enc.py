"""Vectors of the one injective encoding (docs/protocol.md section 1)."""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto.labels import Label, enc
from vectors.cases import VALUE_ERROR, Case, Construction, Values, field


def encode(values: Values) -> Values:
    """Encodes a label and fields."""
    return {"encoded": enc(Label(values["label"].encode()), *map(field, values["fields"])).hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    for known in Label:
        name = f"the label {known.name}"
        yield Case(name=name, operation="encode", input={"label": known.value.decode(), "fields": []})
    label = Label.INPUT.value.decode()
    fields: dict[str, list[Values]] = {
        "an empty field": [{"bytes": ""}],
        "two empty fields": [{"bytes": ""}, {"bytes": ""}],
        "bytes": [{"bytes": "00ff10"}],
        "the same bytes, cut elsewhere": [{"bytes": "00"}, {"bytes": "ff10"}],
        "zero": [{"integer": "0"}],
        "the largest integer": [{"integer": "18446744073709551615"}],
        "ascii text": [{"text": "MARTIN"}],
        "text in NFC": [{"text": "\u00c9L\u00c9ONORE"}],
        "the same text, decomposed": [{"text": "E\u0301LE\u0301ONORE"}],
        "mixed fields": [{"text": "99000001"}, {"integer": "7"}, {"bytes": "aa", "times": 32}],
    }
    for name, given in fields.items():
        yield Case(name=name, operation="encode", input={"label": label, "fields": given})
    wrong: dict[str, list[Values]] = {
        "a field of 65,536 bytes": [{"bytes": "00", "times": 65536}],
        "a negative integer": [{"integer": "-1"}],
        "an integer of 65 bits": [{"integer": "18446744073709551616"}],
    }
    for name, given in wrong.items():
        yield Case(name=name, operation="encode", input={"label": label, "fields": given}, error=VALUE_ERROR)
    unknown = {"label": "paravent/1/unknown", "fields": []}
    yield Case(name="a label that is not of the table", operation="encode", input=unknown, error=VALUE_ERROR)


CONSTRUCTION = Construction(section="1", operations={"encode": encode}, cases=cases)
