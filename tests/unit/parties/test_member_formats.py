"""Member files in three formats say the same; what they hold together is compared on disk, sorted in files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.crypto.mutation import edited
from tests.unit.parties.test_insurer_members import FATHER, HEADER, LINE, MOTHER
from tests.unit.parties.world import AMC

from paravent.crypto.merkle import build_levels, root_of, root_of_leaves
from paravent.crypto.sealing import Handle
from paravent.errors import InvalidMemberFile
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Change, Line, Reject
from paravent.insurer.portfolio_store import Portfolio
from paravent.insurer.register_store import Register
from paravent.insurer.runs_store import LINE_BYTES, Runs, SortedRow, merged, write_part
from paravent.insurer.sealing import decoy, padding, removal
from paravent.insurer.store import Store
from paravent.person.fhir.document import RESOURCE_BYTES_MAX
from paravent.wire.publication import REMOVED

LINES = [LINE, LINE | {"nir": FATHER}, LINE | {"member_id": "M2", "name": "MARTIN Noé", "rank": "2"}]


def coverage(line: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Writes a line as FHIR."""
    birth = line["birth_date"]

    def term(system: str, code: str, value: str) -> dict[str, Any]:
        return {"type": {"coding": [{"system": system, "code": code}]}, "value": value}

    return {
        "resourceType": "Coverage", "status": "active",
        "identifier": [{"system": "urn:paravent:member", "value": line["member_id"]}],
        "contained": [{
            "resourceType": "Patient", "id": "p", "name": [{"text": line["name"]}],
            "birthDate": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}", "multipleBirthInteger": int(line["rank"]),
        }],
        "subscriber": {"identifier": {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": line["nir"]}},
        "beneficiary": {"reference": "#p"}, "payor": [{"identifier": {"system": "urn:paravent:amc", "value": AMC}}],
        "period": {"start": line["valid_from"], "end": line["valid_to"]},
        "class": [
            term("http://terminology.hl7.org/CodeSystem/coverage-class", "plan", line["guarantee"]),
            term("urn:paravent:coverage-class", "free-from", line["free_from"]),
            term("urn:paravent:coverage-class", "renewal-months", line["renewal_months"]),
        ],
    } | changes  # fmt: skip


def written(folder: Path, kind: str, lines: list[dict[str, str]], **columns: str) -> Path:
    """Writes lines in a format."""
    path = folder / f"members.{kind}"
    if kind == "csv":
        header = ",".join([*columns, HEADER])
        path.write_text("\n".join([header, *(",".join([*columns.values(), *line.values()]) for line in lines)]))
    elif kind == "parquet":
        typed = [columns | line | {
            "rank": int(line["rank"]), "valid_to": date.fromisoformat(line["valid_to"]),
            "free_from": int(line["free_from"]),
        } for line in lines]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(typed), path)
    else:
        path.write_text("\n".join(json.dumps(coverage(line)) for line in lines))
    return path


def lines_of(path: Path, *, delta: bool = False) -> list[Line | Reject]:
    return list(MemberFile(path=path, amc=AMC, synthetic=True, delta=delta).lines())


def test_three_formats_say_the_same(tmp_path: Path) -> None:
    for line in LINES:
        get_fhir_model_class("Coverage").model_validate_json(json.dumps(coverage(line)))
    found = {kind: lines_of(written(tmp_path, kind, LINES)) for kind in ("csv", "parquet", "ndjson")}
    members = {kind: [line.member for line in lines if isinstance(line, Line)] for kind, lines in found.items()}
    assert members["csv"] == members["parquet"] == members["ndjson"]
    assert len(members["csv"]) == len(LINES)


def test_a_delta_says_what_happens(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        (line,) = lines_of(written(tmp_path, kind, LINES[:1], change="ended"), delta=True)
        assert isinstance(line, Line)
        assert line.change is Change.ENDED
        with pytest.raises(InvalidMemberFile, match="columns"):
            lines_of(tmp_path / f"members.{kind}")
        (reject,) = lines_of(written(tmp_path, kind, LINES[:1], change="gone"), delta=True)
        assert isinstance(reject, Reject)
    path = tmp_path / "delta.ndjson"
    path.write_text(json.dumps(coverage(LINE, status="cancelled")))
    (line,) = lines_of(path, delta=True)
    assert isinstance(line, Line)
    assert line.change is Change.ENDED
    (reject,) = lines_of(path)
    assert isinstance(reject, Reject)


@pytest.mark.parametrize(
    "change",
    [
        {"payor": [{"identifier": {"system": "urn:paravent:amc", "value": "99000002"}}]}, {"class": []},
        {"identifier": []}, {"period": None}, {"status": "draft"}, {"modifierExtension": [{"url": "urn:x"}]},
        {"costToBeneficiary": []}, {"resourceType": "Patient"},
    ],
    ids=str,
)  # fmt: skip
def test_a_coverage_that_is_no_line_is_rejected_without_a_value(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "members.ndjson"
    path.write_text("\n".join([json.dumps(coverage(LINE, **change)), json.dumps(coverage(LINES[2]))]))
    reject, line = lines_of(path)
    assert isinstance(reject, Reject)
    assert isinstance(line, Line)
    assert (reject.line, line.number) == (1, 2)
    assert not any(value in reject.reason for value in (MOTHER, "MARTIN", "2015"))


def test_an_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "members.ndjson"
    path.write_bytes(b"[" * (3 * RESOURCE_BYTES_MAX) + b"\n" + json.dumps(coverage(LINE)).encode())
    *rejects, line = lines_of(path)
    assert all(isinstance(reject, Reject) for reject in rejects)
    assert isinstance(line, Line)


@pytest.mark.parametrize("value", [None, 1.0, b"1", [1]])
def test_parquet_holds_texts_numbers_and_days_only(value: object, tmp_path: Path) -> None:
    path = tmp_path / "members.parquet"
    pq.write_table(pa.Table.from_pylist([LINE | {"rank": value}]), path)
    (reject,) = lines_of(path)
    assert isinstance(reject, Reject)


def test_a_damaged_parquet_file_is_an_invalid_member_file(tmp_path: Path) -> None:
    path = written(tmp_path, "parquet", LINES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InvalidMemberFile):
        lines_of(path)


# --- staging ---------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def publish(store: Store, path: Path, *, delta: bool = False, epoch: int = 1) -> tuple[list[int], tuple[int, ...]]:
    """Stages a file and takes it as published, without rows; returns rejected lines, and counts."""
    with store.portfolio.staging(os.urandom):
        file = MemberFile(path=path, amc=AMC, synthetic=True, delta=delta)
        rejects = [reject.line for reject in store.portfolio.stage(file.lines(), delta=delta)]
        found = store.portfolio.changes(delta=delta)
        if not rejects:
            members = [line.member.member_id for line in file.lines() if isinstance(line, Line)]
            store.register.readmit(members, os.urandom)
            store.register.rights(members, os.urandom, coming=store.portfolio.coming())
            store.portfolio.went_live(epoch, 1, (), everybody=True, now=7)
        return rejects, (found.added, found.changed, found.ended, found.persons)


def test_a_complete_file_is_compared_line_by_line(store: Store, tmp_path: Path) -> None:
    assert publish(store, written(tmp_path, "csv", LINES)) == ([], (3, 0, 0, 2))
    assert publish(store, written(tmp_path, "ndjson", LINES)) == ([], (0, 0, 0, 2))
    other = [LINE | {"free_from": "202701"}, LINES[2]]
    assert publish(store, written(tmp_path, "parquet", other)) == ([], (0, 1, 1, 2))
    assert store.register.revoked()[0] == []
    assert publish(store, written(tmp_path, "csv", other[:1])) == ([], (0, 0, 1, 1))
    assert list(store.register.revocations("M2").values()) == [7]


def test_a_member_who_comes_back_has_another_index(store: Store, tmp_path: Path) -> None:
    publish(store, written(tmp_path, "csv", LINES))
    before = store.register.rights(["M2"], os.urandom)["M2"]
    publish(store, written(tmp_path, "csv", LINES[:1]))
    publish(store, written(tmp_path, "csv", LINES))
    after = store.register.rights(["M2"], os.urandom)["M2"]
    assert after.nullifier == before.nullifier
    assert after.status_index != before.status_index
    assert store.register.revoked()[0] == [before.status_index]
    assert store.register.revocations("M2") == {before.status_index: 7, after.status_index: None}


def test_a_member_revoked_by_hand_does_not_come_back(store: Store, tmp_path: Path) -> None:
    publish(store, written(tmp_path, "csv", LINES))
    store.register.revoke("M2", 3)
    publish(store, written(tmp_path, "csv", LINES[:1]))
    publish(store, written(tmp_path, "csv", LINES))
    assert list(store.register.revocations("M2").values()) == [3]


def test_a_delta_is_refused_when_it_cannot_be_applied(store: Store, tmp_path: Path) -> None:
    assert publish(store, written(tmp_path, "csv", LINES[:1], change="ended"), delta=True)[0] == [2]
    publish(store, written(tmp_path, "csv", LINES))
    # The child keeps its line under the other parent, with the terms of before.
    partial = [LINE | {"free_from": "202701"}]
    assert publish(store, written(tmp_path, "csv", partial, change="changed"), delta=True)[0] == [2]
    stolen = [LINE | {"member_id": "M3"}]
    assert publish(store, written(tmp_path, "csv", stolen, change="changed"), delta=True)[0] == [2]
    both = [LINE | {"free_from": "202701"}, LINES[1] | {"free_from": "202701"}]
    assert publish(store, written(tmp_path, "csv", both, change="changed"), delta=True) == ([], (0, 2, 0, 2))
    assert publish(store, written(tmp_path, "csv", both, change="changed"), delta=True) == ([], (0, 0, 0, 2))


def test_a_file_that_changes_while_it_is_read_is_refused(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "csv", LINES)
    with store.portfolio.staging(os.urandom):
        assert not list(store.portfolio.stage(MemberFile(path=path, amc=AMC, synthetic=True).lines(), delta=False))
        store.portfolio.mark(1, everybody=True)
        written(tmp_path, "csv", [LINE | {"free_from": "202701"}])
        members = [line.member for line in lines_of(path) if isinstance(line, Line)]
        with pytest.raises(InvalidMemberFile, match="changed while"):
            store.portfolio.marked(members)


def test_no_table_repeats_a_number_or_a_name(store: Store, tmp_path: Path) -> None:
    publish(store, written(tmp_path, "csv", LINES))
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (tmp_path / "insurer.db").read_bytes()
    assert b"M2" in content
    assert not any(word.encode() in content for word in (MOTHER[:13], FATHER[:13], "MARTIN", "20150203"))
    assert not (tmp_path / "staging.db").exists()


# --- sorting and merging ---------------------------------------------------------------------

handles = st.binary(min_size=32, max_size=32)


@settings(max_examples=40, deadline=None)
@given(st.lists(handles, unique=True, max_size=40))
def test_runs_come_out_in_the_order_of_the_tree(tmp_path_factory: pytest.TempPathFactory, drawn: list[bytes]) -> None:
    with Runs(tmp_path_factory.mktemp("runs") / "runs", b"") as runs:
        rows = {handle: decoy(AMC, 1, 3, os.urandom, Handle(handle)) for handle in drawn}
        placed = list(enumerate(rows.values()))
        for number in (1, 3):
            lines = [(row, bytes([place + 1] * LINE_BYTES)) for place, row in placed if place % 4 == number]
            write_part(runs.part(number), lines)
        runs.pad(row for place, row in placed if place % 2 == 0)
        assert sorted(runs.lines()) == sorted(bytes([place + 1] * LINE_BYTES) for place, _ in placed if place % 2)
        found = list(runs.rows())
        assert [row.handle for row in found] == sorted(drawn) == [row.handle for row in runs.rows()]
        for entry in found:
            place = drawn.index(entry.handle)
            assert (entry.digest, entry.batch) == (rows[Handle(entry.handle)].digest(), 3)
            assert entry.line == (bytes([place + 1] * LINE_BYTES) if place % 2 else None)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(handles, st.binary(min_size=32, max_size=32)), st.dictionaries(handles, st.booleans()))
def test_changes_take_the_place_of_live_rows(live: dict[bytes, bytes], drawn: dict[bytes, bool]) -> None:
    # Half of the changes are of live handles, if there are any.
    known = dict(zip(sorted(live)[::2], [True, False] * len(live), strict=False))
    changes = []
    for handle, stays in sorted((drawn | known).items()):
        row = decoy(AMC, 1, 2, os.urandom, Handle(handle)) if stays else removal(AMC, 1, Handle(handle))
        record = row.batch.to_bytes(8, "big") + row.handle + row.stored
        changes.append(SortedRow(handle=handle, digest=row.digest(), line=None, record=record))
    expected = {handle: (digest, 1) for handle, digest in live.items()}
    for change in changes:
        expected.pop(change.handle, None)
        if change.batch != REMOVED:
            expected[change.handle] = (change.digest, 2)
    found = list(merged(iter([(handle, live[handle], 1) for handle in sorted(live)]), iter(changes)))
    assert found == [(handle, *expected[handle]) for handle in sorted(expected)]
    assert all(before[0] < after[0] for before, after in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(st.lists(handles, max_size=40))
def test_a_root_needs_no_more_than_a_hash_a_level(leaves: list[bytes]) -> None:
    assert root_of_leaves(iter(leaves)) == (root_of(build_levels(leaves)), len(leaves))


@pytest.mark.parametrize("count", [1_023, 1_024, 1_025, 2_048, 2_049, 3_071, 5_000])
def test_a_root_is_the_same_where_whole_groups_of_leaves_are_computed_at_once(count: int) -> None:
    leaves = [number.to_bytes(32, "big") for number in range(count)]
    assert root_of_leaves(iter(leaves)) == (root_of(build_levels(leaves)), count)


@pytest.mark.parametrize(("rows", "needed"), [(0, 64), (1, 63), (63, 1), (64, 0), (65, 63)])
def test_a_count_is_padded_and_never_zero(rows: int, needed: int) -> None:
    assert padding(rows, 64) == needed


# --- negative controls -----------------------------------------------------------------------

Held = Callable[[Store, Path], None]


def two_lines_of_a_member_agree(store: Store, tmp_path: Path) -> None:
    assert publish(store, written(tmp_path, "csv", [LINE, LINES[1] | {"free_from": "202701"}]))[0] == [3]


def one_identity_is_one_member(store: Store, tmp_path: Path) -> None:
    assert publish(store, written(tmp_path, "csv", [LINE, LINE | {"member_id": "M2"}]))[0] == [3]


DEFECTS: list[tuple[str, type, str, str, str, Held]] = [
    ("another member's line is taken over", Portfolio, "_fault_of_delta", "found[0] == member", "True",
     test_a_delta_is_refused_when_it_cannot_be_applied),
    ("an unknown line ends", Portfolio, "_fault_of_delta", "if ended else None", "if False else None",
     test_a_delta_is_refused_when_it_cannot_be_applied),
    ("a delta leaves two sets of terms", Portfolio, "_disagreeing", "published.terms <> staged.terms", "0 = 1",
     test_a_delta_is_refused_when_it_cannot_be_applied),
    ("terms are not compared", Portfolio, "_member_fault", "first == terms", "True", two_lines_of_a_member_agree),
    ("a second owner is not seen", Portfolio, "_stage", "None if taken.rowcount else", "None if True else",
     one_identity_is_one_member),
    ("who left is not revoked", Portfolio, "went_live", "self._revoke_who_left(now)", "0",
     test_a_complete_file_is_compared_line_by_line),
    ("changes are not seen", Portfolio, "_terms", "member.free_from", "0",
     test_a_complete_file_is_compared_line_by_line),
    ("the file may change", Portfolio, "marked", "self._terms(keyed[line]) != terms", "False",
     test_a_file_that_changes_while_it_is_read_is_refused),
    ("the former index comes back", Register, "_readmit", "INSERT INTO former_index SELECT",
     "INSERT INTO former_index SELECT -1 -", test_a_member_who_comes_back_has_another_index),
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect[0])
def test_each_check_is_needed(
    defect: tuple[str, type, str, str, str, Held], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, owner, name, old, new, held = defect
    monkeypatch.setattr(owner, name, edited(owner, name, old, new))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        held(store, tmp_path)


@pytest.mark.parametrize("held", [two_lines_of_a_member_agree, one_identity_is_one_member])
def test_the_property_holds(held: Held, store: Store, tmp_path: Path) -> None:
    held(store, tmp_path)
