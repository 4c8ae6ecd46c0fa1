"""Identities: the name as the card prints it, dates that may be fictitious, ranks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.crypto.labels import Label, enc
from paravent.errors import InvalidIdentity
from paravent.person.bindings import lookup_input
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir

NIR = Nir("1850775991001")


@pytest.mark.parametrize(
    ("printed", "letters"),
    [
        ("LEFÈVRE Anne-Sophie", "LEFEVREANNESOPHIE"),
        ("D'ALMEIDA Noé", "DALMEIDANOE"),
        ("D\u2019ALMEIDA No\u00e9", "DALMEIDANOE"),
        ("D\u02bcALMEIDA Noe\u0301", "DALMEIDANOE"),
        ("de la Tour", "DELATOUR"),
        ("ŒUVRARD Lætitia", "OEUVRARDLAETITIA"),
        ("œuvrard", "OEUVRARD"),
        ("STRAUß", "STRAUSS"),
        ("Sørensen", "SORENSEN"),
        ("\ufb01lou", "FILOU"),
    ],
)
def test_names_are_reduced_to_letters(printed: str, letters: str) -> None:
    assert NormalisedName.of(printed) == letters


@given(st.text(alphabet=st.characters(categories=["L", "M", "P", "Zs"]), max_size=40))
def test_a_normalised_name_is_letters_and_stays_so(printed: str) -> None:
    try:
        name = NormalisedName.of(printed)
    except InvalidIdentity:
        return
    assert name.isascii()
    assert name.isalpha()
    assert NormalisedName.of(name) == name


@pytest.mark.parametrize("printed", ["", " -'", "\u0418\u0432\u0430\u043d", "DUP\u041eNT", "A" * 121])
def test_names_without_a_latin_reading_are_refused(printed: str) -> None:
    with pytest.raises(InvalidIdentity):
        NormalisedName.of(printed)


@pytest.mark.parametrize("text", ["19850714", "1985-07-14", "14/07/1985", " 14/07/1985 "])
def test_dates_are_read(text: str) -> None:
    assert BirthDate.parse(text) == "19850714"


@pytest.mark.parametrize("text", ["19850000", "1985-00-00", "19852000", "00/20/1985"])
def test_fictitious_dates_are_read(text: str) -> None:
    assert BirthDate.parse(text)[:4] == "1985"


@pytest.mark.parametrize(
    "text", ["", "1985071", "1985-0714", "14-07-1985", "18790101", "21010101", "1985071\u0664", "19850714\n1"]
)
def test_other_dates_are_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(InvalidIdentity) as caught:
        BirthDate.parse(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("rank", [0, 10, -1, True])
def test_ranks_are_one_to_nine(rank: int) -> None:
    with pytest.raises(InvalidIdentity):
        PersonIdentity.from_card(name="MARTIN Zoé", birth_date="19850714", nir=NIR, rank=rank)


def test_raw_text_is_not_an_identity() -> None:
    with pytest.raises(InvalidIdentity):
        PersonIdentity(name="MARTIN", birth_date="19850714", nir=NIR)  # type: ignore[arg-type]


def test_the_look_up_input_is_the_five_particulars() -> None:
    identity = PersonIdentity.from_card(name="MARTIN Zoé", birth_date="19850714", nir=NIR, rank=2)
    expected = enc(Label.INPUT, "99000001", 7, NIR.thirteen, "19850714", 2)
    assert lookup_input("99000001", 7, identity) == expected


def test_nothing_shows_the_person() -> None:
    identity = PersonIdentity.from_card(name="MARTIN Zoé", birth_date="19850714", nir=NIR)
    shown = repr([identity, identity.name, identity.birth_date, identity.nir]) + str(identity)
    assert "REDACTED" in shown
    assert not any(part in shown for part in ("MARTIN", "1985", NIR.thirteen))
