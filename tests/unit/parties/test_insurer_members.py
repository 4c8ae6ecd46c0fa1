"""The insurer's member file and what it keeps of its members."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.unit.parties.world import AMC, World

from paravent.crypto.status import BITS_MIN
from paravent.errors import InvalidMemberFile
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import (
    COLUMNS,
    Line,
    Member,
    Reject,
    entries,
    require_shared_guarantees,
    right_of,
)
from paravent.insurer.sealing import decoys_needed, seal
from paravent.insurer.store import Store
from paravent.person.nir import Nir

HEADER = ",".join(COLUMNS)


def nir(thirteen: str) -> str:
    """Prints a number with its key."""
    return thirteen + Nir.from_thirteen(thirteen).key


MOTHER, FATHER = nir("2800175999001"), nir("1790175999002")
REAL = nir("2800175056001")  # a commune that exists: the number could be somebody's
LINE = {
    "member_id": "M1", "name": "MARTIN Zoé", "birth_date": "20150203", "nir": MOTHER, "rank": "1",
    "guarantee": "OPT-CONFORT", "valid_from": "2026-01-01", "valid_to": "2027-12-31", "free_from": "202601",
    "renewal_months": "12",
}  # fmt: skip


def line(**changes: str) -> str:
    """One line of the file."""
    return ",".join((LINE | changes).values())


def read(
    *lines: str, synthetic: bool = True, header: str = HEADER, shared: dict[str, int] | None = None
) -> tuple[list[Member], list[Reject]]:
    """Stages a file as a publication does; returns the lines taken and those rejected."""
    with TemporaryDirectory() as folder, Store(Path(folder)) as store, store.portfolio.staging(os.urandom):
        path = Path(folder) / "members.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        file = MemberFile(path=path, amc=AMC, synthetic=synthetic)
        rejects = list(store.portfolio.stage(file.lines(), delta=False))
        store.portfolio.mark(1, everybody=True)
        if shared is not None:
            shared |= store.portfolio.shared_guarantees(delta=False)
        taken = {line.number: line.member for line in file.lines() if isinstance(line, Line)}
        rejected = {reject.line for reject in rejects}
        members = [member for number, member in taken.items() if number not in rejected]
        assert len(store.portfolio.marked(members)) == len(members)
        return members, rejects


def test_a_line_is_a_member() -> None:
    (member,), rejects = read(line())
    assert rejects == []
    assert (member.member_id, member.guarantee, member.free_from) == ("M1", "OPT-CONFORT", 202601)
    assert (member.valid_from, member.valid_until) == (1_767_225_600, 1_830_297_599)
    assert member.identities[0].nir.thirteen == MOTHER[:13]


@pytest.mark.parametrize(
    "header",
    [
        "", "member_id", HEADER.upper(), HEADER + ",note", ",".join(reversed(COLUMNS)),
        HEADER.replace(",", ";"),
    ],
)  # fmt: skip
def test_a_file_with_another_header_is_none(header: str) -> None:
    with pytest.raises(InvalidMemberFile):
        read(line(), header=header)


@pytest.mark.parametrize("name", ["members.csv", "members.parquet", "members.xlsx", "members"])
def test_an_empty_file_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidMemberFile):
        list(MemberFile(path=tmp_path / name, amc=AMC, synthetic=True).lines())


REJECTED: dict[str, tuple[str, dict[str, str]]] = {
    "no key": ("invalid-nir", {"nir": MOTHER[:13]}),
    "wrong key": ("invalid-nir", {"nir": MOTHER[:13] + ("01" if MOTHER[13:] != "01" else "02")}),
    "not a number": ("invalid-nir", {"nir": "x"}),
    "a number of somebody": ("invalid-nir", {"nir": REAL}),
    "no name": ("invalid-identity", {"name": ""}),
    "a name without letters": ("invalid-identity", {"name": "123"}),
    "a birth date that is none": ("invalid-identity", {"birth_date": "2015"}),
    "rank 0": ("invalid-identity", {"rank": "0"}),
    "rank 10": ("invalid-identity", {"rank": "10"}),
    "a rank that is none": ("invalid-member-file", {"rank": "one"}),
    "no member identifier": ("invalid-member-file", {"member_id": ""}),
    "a long member identifier": ("invalid-member-file", {"member_id": "M" * 41}),
    "a day that is none": ("invalid-member-file", {"valid_from": "2026-02-30"}),
    "no day": ("invalid-member-file", {"valid_to": ""}),
    "a month that is no number": ("invalid-member-file", {"free_from": "January"}),
    "a renewal that is no number": ("invalid-member-file", {"renewal_months": ""}),
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_wrong_line_is_rejected_with_its_number_and_reason(kind: str) -> None:
    reason, changes = REJECTED[kind]
    members, rejects = read(line(), line(**{"member_id": "M2", "nir": FATHER} | changes))
    assert [member.member_id for member in members] == ["M1"]
    (reject,) = rejects
    assert reject.line == 3
    assert reject.reason.startswith(f"{reason}: ")


@pytest.mark.parametrize("kind", REJECTED)
def test_a_reject_does_not_quote_the_line(kind: str) -> None:
    _, changes = REJECTED[kind]
    _, (reject,) = read(line(**changes))
    given = [value for name, value in (LINE | changes).items() if len(value) > 3 and name != "guarantee"]
    assert not any(value in reject.reason for value in given)


def test_a_short_line_is_rejected() -> None:
    members, rejects = read(line().rsplit(",", 3)[0], line(member_id="M2", nir=FATHER))
    assert [member.member_id for member in members] == ["M2"]
    assert [reject.line for reject in rejects] == [2]


IMPOSSIBLE = [
    {"renewal_months": "7"}, {"renewal_months": "-24"}, {"free_from": "202613"}, {"free_from": "202600"},
    {"free_from": "26"}, {"valid_to": "2025-12-31"}, {"valid_to": "2999-12-31"},
]  # fmt: skip


@pytest.mark.parametrize("changes", IMPOSSIBLE, ids=str)
def test_terms_that_no_entitlement_can_hold_are_rejected_line_by_line(changes: dict[str, str]) -> None:
    _, rejects = read(line(**changes))
    assert len(rejects) == 1


def test_a_line_with_a_column_too_many_is_rejected() -> None:
    _, rejects = read(line() + ",OPT-ESSENTIEL")
    assert len(rejects) == 1


def test_a_file_with_broken_quotes_is_an_invalid_member_file() -> None:
    with pytest.raises(InvalidMemberFile):
        read('"M1"x' + line()[2:])


# --- one person, several identities ----------------------------------------------------------


def test_a_child_under_two_parents_is_one_person_with_two_identities() -> None:
    shared: dict[str, int] = {}
    members, rejects = read(line(), line(nir=FATHER), shared=shared)
    assert rejects == []
    assert [identity.nir.thirteen for member in members for identity in entries(member)] == [MOTHER[:13], FATHER[:13]]
    assert shared == {"OPT-CONFORT": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"nir": MOTHER}, {"name": "MARTIN Noé", "nir": FATHER}, {"birth_date": "20150204", "nir": FATHER},
        {"guarantee": "OPT-ESSENTIEL", "nir": FATHER}, {"free_from": "202701", "nir": FATHER},
        {"renewal_months": "24", "nir": FATHER}, {"valid_to": "2026-12-31", "nir": FATHER},
    ],
    ids=str,
)  # fmt: skip
def test_a_member_twice_with_something_else_is_rejected(changes: dict[str, str]) -> None:
    (member,), rejects = read(line(), line(**changes))
    assert len(member.identities) == 1
    assert [reject.line for reject in rejects] == [3]


def test_two_members_under_one_identity_are_rejected() -> None:
    """Twins entered with one rank: number, birth date and rank are what a handle is made of."""
    _, rejects = read(line(), line(member_id="M2", name="MARTIN Noé"))
    assert [reject.line for reject in rejects] == [3]


def test_twins_are_two_members() -> None:
    members, rejects = read(line(), line(member_id="M2", name="MARTIN Noé", rank="2"))
    assert (len(members), rejects) == (2, [])


# --- synthetic or real -----------------------------------------------------------------------


@pytest.mark.parametrize("synthetic", [True, False])
def test_an_insurer_takes_real_or_synthetic_numbers_never_both(*, synthetic: bool) -> None:
    members, rejects = read(line(), line(member_id="M2", nir=REAL), synthetic=synthetic)
    assert [member.member_id for member in members] == (["M1"] if synthetic else ["M2"])
    assert [reject.line for reject in rejects] == ([3] if synthetic else [2])
    assert rejects[0].reason.startswith("invalid-nir")


# --- guarantees shared by too few ------------------------------------------------------------


def shared_by(*codes: str) -> dict[str, int]:
    numbers = (nir(f"2800175999{place:03d}") for place in range(1, 100))
    lines = [line(member_id=f"M{place}", guarantee=code, nir=next(numbers)) for place, code in enumerate(codes)]
    shared: dict[str, int] = {}
    read(*lines, shared=shared)
    return shared


@pytest.mark.parametrize(("rare", "refused"), [(0, False), (1, True), (2, True), (3, False), (4, False)])
def test_a_guarantee_that_too_few_share_is_refused(rare: int, *, refused: bool) -> None:
    shared = shared_by(*["A"] * 5, *["B"] * rare)
    if refused:
        with pytest.raises(InvalidMemberFile, match="B"):
            require_shared_guarantees(shared, ("A", "B"), 3)
    else:
        require_shared_guarantees(shared, ("A", "B"), 3)


def test_a_guarantee_of_no_table_is_refused() -> None:
    with pytest.raises(InvalidMemberFile, match="B"):
        require_shared_guarantees(shared_by("A", "B"), ("A",), 1)


# --- what the insurer keeps ------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def test_a_persons_numbers_never_change(store: Store, still: World) -> None:
    first = store.register.rights(["M1", "M2"], still.rng)
    again = store.register.rights(["M3", "M2", "M1"], still.rng)
    assert {name: again[name] for name in first} == first
    assert len({numbers.nullifier for numbers in again.values()}) == 3
    assert len({numbers.status_index for numbers in again.values()}) == 3
    assert store.register.member_of(first["M2"].nullifier) == "M2"
    assert store.register.member_of(bytes(16)) is None


def test_a_revoked_member_is_in_the_list(store: Store, still: World) -> None:
    numbers = store.register.rights(["M1", "M2"], still.rng)
    assert store.register.revoked() == ([], BITS_MIN)
    store.register.revoke("M2", 0)
    assert store.register.revoked() == ([numbers["M2"].status_index], BITS_MIN)
    with pytest.raises(InvalidMemberFile):
        store.register.revoke("M9", 0)


def test_counters_go_up_and_events_are_remembered(store: Store) -> None:
    assert [store.next_counter("a") for _ in range(3)] == [1, 2, 3]
    assert store.next_counter("b") == 1
    assert store.exchange.last_pulled() == 0
    store.exchange.keep_pulled(7)
    assert store.exchange.last_pulled() == 7


def test_the_look_up_key_stands_in_a_file_of_its_own(store: Store, still: World, tmp_path: Path) -> None:
    drawn = still.insurers[AMC].epoch
    store.epochs.keep_drawn(drawn)
    assert store.epochs.drawn(1) == drawn
    key = drawn.lookup_key
    assert key.reveal() not in (tmp_path / "insurer.db").read_bytes()
    (file,) = (tmp_path / "secrets").iterdir()
    assert file.stat().st_mode & 0o077 == 0


# --- sealing ---------------------------------------------------------------------------------


def test_a_right_has_the_terms_of_its_member_and_its_own_numbers(still: World) -> None:
    insurer = still.insurers[AMC]
    member = insurer.members[0]
    numbers = insurer.store.register.rights([member.member_id], still.rng)[member.member_id]
    right = right_of(member, numbers)
    assert (right.guarantee, right.free_from, right.nullifier) == (
        member.guarantee, member.free_from, numbers.nullifier,
    )  # fmt: skip


def test_two_sealings_of_one_person_share_only_the_handle(still: World) -> None:
    insurer = still.insurers[AMC]
    member = insurer.members[0]
    numbers = insurer.store.register.rights([member.member_id], still.rng)[member.member_id]
    keys = still.sealing_keys(insurer)
    first, second = (seal(keys, member.identities[0], right_of(member, numbers), still.rng) for _ in range(2))
    assert first.handle == second.handle
    shared = sum(a == b for a, b in zip(first.stored, second.stored, strict=True))
    assert shared < 20  # bytes that fall together by chance


@pytest.mark.parametrize(("rows", "needed"), [(0, 64), (1, 127), (63, 65), (64, 64), (65, 127)])
def test_decoys_fill_up_to_the_published_multiple_and_are_never_few(rows: int, needed: int) -> None:
    assert decoys_needed(rows, 64) == needed
