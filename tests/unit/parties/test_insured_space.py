"""The parts of the insured person's space, each check with the defect that it holds off (protocol.md section 17)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import AMC, World

from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import Seed, SigningKey
from paravent.errors import InvalidConfiguration, ProofFailure, SignInRefused
from paravent.insurer import incident, sign_in
from paravent.insurer.incident import filled, read_incident
from paravent.insurer.incident_store import Incidents
from paravent.insurer.insured_store import Insured
from paravent.insurer.journal_store import JournalLine
from paravent.insurer.members import Change, Line
from paravent.insurer.portfolio_store import Portfolio
from paravent.insurer.screens import letter, view
from paravent.insurer.screens.view import OwnClaim, same_size
from paravent.insurer.sign_in import one_member, read_claims
from paravent.insurer.space_config import person_profile
from paravent.insurer.store import Store
from paravent.pages.screens.forms import Form
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir
from paravent.person.pivot import Sex, own_pivot
from paravent.wire.case import ComplaintTemplate, IncidentTold, LetterField, Passage
from paravent.wire.statements import BreachDeskEntry, Directory, sign_statement

PROFILE = person_profile("franceconnect")
KEY = bytes(range(32))
CLAIMS: dict[str, Any] = {
    "family_name": "LEFÈVRE", "given_name": "Anne-Sophie Marie", "birthdate": "1985-04-12", "gender": "female",
    "birthplace": "69991", "birthcountry": "99100",
}  # fmt: skip
DESK = SigningKey(Seed(bytes(32)))


def identity(name: str = "LEFEVRE Anne-Sophie", nir: str = "2850469991001", birth: str = "19850412") -> PersonIdentity:
    return PersonIdentity.from_card(name=name, birth_date=birth, nir=Nir.from_thirteen(nir))


def recognised(claims: dict[str, Any], member: PersonIdentity) -> bool:
    """Says whether what a provider says finds a member's pivot."""
    own = own_pivot(member)
    return own is not None and own.under(KEY) in [one.under(KEY) for one in read_claims(claims, PROFILE).pivots]


# --- pivots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "member", "found"),
    [
        ({}, identity(), True),
        # A twin, whose first name is this one's second.
        ({}, identity("LEFEVRE Marie"), False),
        ({}, identity("LEFEVRE Anne-Sophie Marie"), True),
        ({"preferred_username": "DURAND"}, identity("DURAND Anne-Sophie"), True),
        ({"birthplace": "", "birthcountry": "99352"}, identity(nir="2850499352001"), True),
        ({"birthplace": "2a991"}, identity(nir="285042A991001"), True),
        ({"birthplace": "69992"}, identity(), False),
        ({"gender": "male"}, identity(), False),
        ({"birthdate": "1985-04-13"}, identity(), False),
        ({"given_name": "Sophie"}, identity(), False),
    ],
)
def test_a_member_is_found_by_the_whole_pivot_alone(
    claims: dict[str, Any], member: PersonIdentity, found: bool
) -> None:
    assert recognised(CLAIMS | claims, member) is found


def test_a_child_under_a_parent_s_number_has_no_pivot() -> None:
    assert own_pivot(identity(birth="20150412")) is None
    own = own_pivot(identity())
    assert own is not None
    assert (own.sex, own.place) == (Sex.FEMALE, "69991")
    assert "LEFEVRE" not in repr(own)


@pytest.mark.parametrize("missing", ["family_name", "given_name", "birthdate", "gender"])
def test_an_incomplete_identity_is_refused(missing: str) -> None:
    with pytest.raises(SignInRefused):
        read_claims(CLAIMS | {missing: ""}, PROFILE)
    with pytest.raises(SignInRefused):
        read_claims(CLAIMS | {"birthplace": "", "birthcountry": ""}, PROFILE)


def test_two_members_are_as_good_as_none() -> None:
    assert (one_member(["M1"]), one_member([]), one_member(["M1", "M2"])) == ("M1", None, None)
    loose: Any = edited(sign_in, "one_member", "len(found) == 1", "found")
    assert loose(["M1", "M2"]) == "M1"


# --- the number lane: what the statements of a publication leave out -----------------------------------


def sealed_and_ended(world: World, home: Path) -> tuple[int, int]:
    """Stages two members, the first of whom switched the number lane off and has a live row; counts what follows."""
    first, second = (replace(one, identities=one.identities[:1]) for one in world.insurers[AMC].members[:2])
    with Store(home) as store:
        portfolio = store.portfolio
        with portfolio.staging(world.rng):
            rows = store._connection.execute
            rows("INSERT INTO published_line VALUES (?, ?, x'00', 'G')", (portfolio.key_of(first), first.member_id))
            rows("INSERT INTO live_row VALUES (1, x'aa', 1, x'00', ?)", (portfolio.key_of(first),))
            with store.commit():
                store.insured.choose_number_lane(first.member_id, 5, on=False)
            lines = [Line(number=at, change=Change.ADDED, member=one) for at, one in enumerate((first, second))]
            assert list(portfolio.stage(lines, delta=False)) == []
            return portfolio.mark(1, everybody=True), len(portfolio.ending_handles(1))


def test_who_switched_off_is_not_sealed_and_their_row_leaves(world: World, tmp_path: Path) -> None:
    assert sealed_and_ended(world, tmp_path) == (1, 1)


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("mark", " AND member NOT IN ({_OFF})", "", (2, 1)),
        ("ending_handles", " OR line IN (SELECT line FROM published_line WHERE member IN ({_OFF}))", "", (1, 0)),
    ],
)
def test_without_its_clause_the_switch_does_nothing(
    name: str, old: str, new: str, found: tuple[int, int], world: World, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(Portfolio, name, edited(Portfolio, name, old, new))
    assert sealed_and_ended(world, tmp_path) == found


def test_a_choice_keeps_its_date_until_it_changes(tmp_path: Path) -> None:
    with Store(tmp_path) as store, store.commit():
        insured: Insured = store.insured
        assert insured.number_lane("M1").wanted
        insured.choose_number_lane("M1", 5, on=False)
        insured.choose_number_lane("M1", 9, on=False)
        found = insured.number_lane("M1")
        assert (found.wanted, found.live, found.asked_at) == (False, False, 5)
        insured.choose_number_lane("M1", 11, on=True)
        assert (insured.number_lane("M1").wanted, insured.number_lane("M2").asked_at) == (True, None)


# --- incidents ---------------------------------------------------------------------------------------


def told(world: World, *labels: bytes, insurer: str = AMC) -> IncidentTold:
    return IncidentTold(
        case="2026-001", insurer=insurer, title="Essai", facts="Un essai.", copied=False,
        letter=(Passage(heading="Essai", paragraphs=("Un.",)),), labels=labels, told_at=world.now,
        complaint=ComplaintTemplate(recipient="R", reference="A", address="B", paragraphs=("Fait à {{place}}.",)),
    )  # fmt: skip


def label(number: int, insurer: str = AMC) -> bytes:
    return enc(Label.OPEN, insurer, 1, 1, number.to_bytes(32, "big"))


def listed(world: World) -> Directory:
    """The directory of a world, with a breach desk."""
    return changed(world.directory, breach_desk=BreachDeskEntry(name="breach-desk", verify_key=bytes(DESK.public)))


def signed(world: World, said: IncidentTold, key: SigningKey = DESK) -> Callable[[], IncidentTold]:
    statement = sign_statement(said, Label.CASE_INCIDENT, "breach-desk", key)
    return lambda: read_incident(statement, listed(world), AMC)


def test_an_incident_is_taken_from_the_breach_desk_for_this_insurer_alone(world: World) -> None:
    assert signed(world, told(world, label(1)))().case == "2026-001"
    with pytest.raises(ProofFailure):
        signed(world, told(world, label(1)), SigningKey(Seed(bytes([1] * 32))))()
    with pytest.raises(InvalidConfiguration):
        signed(world, told(world, insurer="99000009"))()
    with pytest.raises(InvalidConfiguration):
        signed(world, told(world, label(1, "99000009")))()


def test_without_its_check_another_insurer_s_incident_passes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    loose = edited(incident, "read_incident", "told.insurer != amc or", "False and")
    monkeypatch.setattr("tests.unit.parties.test_insured_space.read_incident", loose)
    assert signed(world, told(world, label(1, "99000009")))().case == "2026-001"


def test_yes_and_no_take_the_same_work(world: World, tmp_path: Path) -> None:
    """Steps of the database's own machine, for a member who is listed and one who is not, of one row each."""
    steps: list[int] = []
    with Store(tmp_path) as store:
        store.register.keep_handles(1, [(number.to_bytes(32, "big"), f"M{number}") for number in range(1, 400)])
        with store.commit():
            assert store.incidents.keep(told(world, *(label(number) for number in range(1, 200, 2))))
            older = changed(told(world), told_at=world.now - 1)
            assert not store.incidents.keep(older)
        for member, opened in (("M101", 1), ("M102", 0)):
            incidents: Incidents = store.incidents
            count = 0

            def step() -> int:
                nonlocal count
                count += 1
                return 0

            store._connection.set_progress_handler(step, 1)
            assert incidents.records_opened("2026-001", member) == opened
            store._connection.set_progress_handler(None, 1)
            steps.append(count)
    assert abs(steps[0] - steps[1]) <= 3, steps
    assert min(steps) > 10


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_pages_have_one_size(one: bytes, other: bytes) -> None:
    first, second = (same_size((one, other), first=which) for which in (True, False))
    assert len(first) == len(second) == max(len(one), len(other))
    assert first.startswith(one)
    assert second.startswith(other)


def test_pages_that_are_not_filled_differ() -> None:
    bare: Any = edited(view, "same_size", ".ljust(size)", "")
    assert len(bare((b"yes", b"no"), first=True)) != len(bare((b"yes", b"no"), first=False))


# --- journal, letter ---------------------------------------------------------------------------------


def test_what_followed_is_of_the_same_shop_within_seven_days() -> None:
    def act(at: int, shop: str = "S") -> OwnClaim:
        return OwnClaim(at=at, sentence="x", shop=shop, claimed_cents=0, paid_cents=0, reason="")

    hour = 500_000
    began = hour * 3_600
    acts = [act(began - 1), act(began), act(began + 7 * 86_400), act(began + 60, "T"), act(began + 6 * 86_400)]
    (found,) = view.openings([JournalLine(hour=hour, shop="S", servers=("a",))], acts, 2)
    assert [one.at for one in found.followed] == [began, began + 6 * 86_400]
    assert (found.confirmed, found.servers, found.ended_at) == (False, 1, began + 3_600)


@given(st.text(max_size=60))
def test_a_value_is_never_read_as_a_field(text: str) -> None:
    template = ComplaintTemplate(
        recipient="", reference="", address="", paragraphs=("{{noticed}} et {{place}}", "rien", "{{signed_on}}")
    )
    values = dict.fromkeys(LetterField, "x") | {LetterField.NOTICED: text + "{{place}}"}
    assert filled(template, values) == (text + "{{place}} et x", "rien", "x")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("mon numéro 2 85 04 69 991 001 39", False), ("285046999100139", False), ("2850469991001", False),
        ("2 85 04 2A 991 001", False), ("06 12 34 56 78 2850469991001", False),
        ("2\u202f85\u202f04\t69/991/001", False),
        ("3 85 04 69 991 001", False), ("le 12/04/1985, 250 euros, 01 23 45 67 89", True), ("2850469991", True),
    ],
)  # fmt: skip
def test_a_social_security_number_is_handed_back(text: str, taken: bool) -> None:
    full = Form(values=dict.fromkeys(letter.REQUIRED, "x") | {"noticed": text})
    assert ("noticed" not in letter.checked(full).errors) is taken


def test_what_the_sign_in_said_is_filled_in_and_the_rest_is_asked_for() -> None:
    form = letter.suggested(read_claims(CLAIMS, PROFILE), "Mutuelle", date(2026, 11, 27))
    assert (form["birth_name"], form["birth_date"], form["signed_on"]) == ("LEFÈVRE", "12/04/1985", "27/11/2026")
    assert set(letter.checked(form).errors) == {"civility", "birth_place", "address", "place"}
