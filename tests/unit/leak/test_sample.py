"""A leaked sample is read in whatever shape it was spread."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.errors import InvalidLeakSample
from paravent.insurer.leak import sample
from paravent.insurer.leak.clues import clues_of, day_of
from paravent.insurer.leak.sample import read_sample

ROWS = (("LEFÈVRE", "Zoé", "1980-01-02"), ("O'NEIL, Jr", "Léa; Marie", "OPT-CONFORT"))


def as_csv(delimiter: str) -> str:
    return "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)


SQL = (
    "-- dump\nDROP TABLE x;\nINSERT INTO `assures` (`a`,`b`,`c`) VALUES\n('LEFÈVRE', 'Zoé', '1980-01-02'),\n"
    "('O''NEIL, Jr', 'Léa; Marie', 'OPT-CONFORT');\nCREATE TABLE y (z int);\n"
)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        *((as_csv(delimiter), "csv") for delimiter in ";,\t|"),
        (json.dumps(ROWS), "json"),
        (json.dumps([{"nom": a, "sub": {"prenom": b}, "c": [c], "n": None, "v": True} for a, b, c in ROWS]), "json"),
        ("\n".join(json.dumps({"a": a, "b": b, "c": c}, ensure_ascii=False) for a, b, c in ROWS), "json-lines"),
        (SQL, "sql"),
        (SQL.replace("O''NEIL", r"O\'NEIL").replace("INSERT INTO", "insert  into"), "sql"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_form_in_every_encoding_gives_the_same_rows(text: str, form: str, encoding: str) -> None:
    found = read_sample(text.encode(encoding))
    assert (found.rows, found.form, found.unreadable) == (ROWS, form, 0)
    assert "LEF" not in repr(found)


def test_rows_that_cannot_be_read_are_counted_and_the_others_are_kept() -> None:
    found = read_sample(b'{"a": "one"}\n{"a": \n{"a": "two"}\n')
    assert (found.rows, found.unreadable) == ((("one",), ("two",)), 1)


@pytest.mark.parametrize("body", [b"", b"\n\n", b"[1, 2", b"{\n", b"[]"])
def test_what_has_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidLeakSample):
        read_sample(body)


def test_too_many_rows_or_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "ROWS_MAX", 2)
    with pytest.raises(InvalidLeakSample, match="at most 2 rows"):
        read_sample(b"a\nb\nc\n")
    monkeypatch.setattr(sample, "SAMPLE_BYTES_MAX", 3)
    with pytest.raises(InvalidLeakSample, match="at most 3 bytes"):
        read_sample(b"abcd")


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_one_declared_error(body: bytes) -> None:
    try:
        found = read_sample(body)
    except InvalidLeakSample:
        return
    assert found.rows
    assert all(cells and all(cells) for cells in found.rows)
    for cells in found.rows:
        clues_of(cells)


def test_the_clues_of_a_row() -> None:
    found = clues_of(("M1", "LE GOFF", "Zoé", "2 80 01 75 999 001 05", "02/01/1980", "2026-05-01T10:00:00Z", "202605"))
    assert found.dates == {"19800102", "20260501"}
    assert found.months == {202605}
    assert {"LEGOFFZOE", "ZOELEGOFF", "LEGOFF", "ZOE"} <= set(found.names)
    assert "LE GOFF" in found.words
    assert "GOFF" not in repr(found)


def test_a_number_counts_with_its_key_or_without_and_not_with_a_wrong_one() -> None:
    assert clues_of(("2800175999001",)).nirs == {"2800175999001"}
    right = "280017599900105"
    found = {f"2800175999001{key:02d}" for key in range(1, 98) if clues_of((f"2800175999001{key:02d}",)).nirs}
    assert len(found) == 1
    assert clues_of((right,)).nirs == ({"2800175999001"} if right in found else frozenset())
    assert clues_of(("9800175999001", "x" * 60)).nirs == frozenset()


def test_the_day_of_an_instant() -> None:
    assert day_of(0) == "19700101"
    assert day_of(1_767_225_599) == "20251231"
