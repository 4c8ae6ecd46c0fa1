"""The NIR: form, key, synthetic numbers, and what an error may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import nir as oracle  # LGPL: an oracle of the tests alone, never shipped

from paravent.errors import InvalidNir
from paravent.person.nir import Nir

PUBLISHED = ["295109912611193", "253072B07300470", "253072A07300443"]

WELL_FORMED = st.builds(
    "{}{:02d}{:02d}{}{:03d}{:03d}".format,
    st.sampled_from("123478"),
    st.integers(0, 99),
    st.sampled_from([*range(1, 13), *range(20, 43), *range(50, 100)]),
    st.sampled_from(["01", "20", "2A", "2B", "75", "96", "97", "98", "99"]),
    st.integers(0, 999),
    st.integers(1, 999),
)


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_numbers_are_read(number: str) -> None:
    assert Nir.parse(number).thirteen + Nir.parse(number).key == number


@given(WELL_FORMED)
def test_the_key_is_that_of_the_oracle(thirteen: str) -> None:
    nir = Nir.from_thirteen(thirteen)
    assert nir.key == oracle.calc_check_digits(thirteen)
    assert Nir.parse(thirteen + nir.key) == nir


@pytest.mark.parametrize(
    "text",
    [
        "2 95 10 99 126 111 93",
        "2.95.10.99.126.111.93",
        "2-95-10-99-126-111-93",
        "2\u00a095\u202f10 99 126 111 93",
    ],
)
def test_separators_are_tolerated(text: str) -> None:
    assert Nir.parse(text).thirteen == "2951099126111"


def test_corsica_is_read_in_small_letters() -> None:
    assert Nir.parse("253072b07300470") == Nir.parse("253072B07300470")


@pytest.mark.parametrize(
    "thirteen",
    [
        "5951099126111",  # sex 5
        "2950099126111",  # month 00
        "2951399126111",  # month 13
        "2954399126111",  # month 43
        "2951000126111",  # département 00
        "295102C126111",  # 2C
        "2951099126000",  # order 000
        "29510991261A1",  # a letter out of place
        "295109912611\u0663",  # a digit of another script
        "295109912611",
        "",
    ],
)
def test_wrong_forms_are_refused(thirteen: str) -> None:
    with pytest.raises(InvalidNir):
        Nir.from_thirteen(thirteen)


@given(WELL_FORMED, st.integers(1, 97))
def test_every_other_key_is_refused_and_never_quoted(thirteen: str, key: int) -> None:
    if f"{key:02d}" == Nir(thirteen).key:
        return
    with pytest.raises(InvalidNir) as caught:
        Nir.parse(f"{thirteen}{key:02d}")
    assert thirteen not in str(caught.value)


@pytest.mark.parametrize(("text", "reason"), [("2951099126111", "key is missing"), ("2" * 41, "13 characters")])
def test_the_key_is_mandatory_and_the_length_bounded(text: str, reason: str) -> None:
    with pytest.raises(InvalidNir, match=reason):
        Nir.parse(text)


def test_nothing_shows_the_number() -> None:
    nir = Nir.parse(PUBLISHED[0])
    assert repr(nir) == str(nir) == f"{nir}" == "Nir(REDACTED)"


@pytest.mark.parametrize(
    ("place", "synthetic"),
    [
        ("75000", True), ("75001", False), ("75990", False), ("75991", True), ("75999", True),
        ("2A991", True), ("99990", False), ("99991", True),
        ("97100", True), ("97101", False), ("97190", False), ("97191", True), ("98799", True),
        ("97991", True),
    ],
)  # fmt: skip
def test_a_commune_of_no_register_makes_a_number_synthetic(place: str, *, synthetic: bool) -> None:
    assert Nir(f"18507{place}001").is_synthetic is synthetic


def test_each_kind_of_insurer_refuses_the_numbers_of_the_other() -> None:
    real, nobody = Nir("1850775001001"), Nir("1850775991001")
    real.require_usable(synthetic=False)
    nobody.require_usable(synthetic=True)
    with pytest.raises(InvalidNir, match="can belong to nobody"):
        nobody.require_usable(synthetic=False)
    with pytest.raises(InvalidNir, match="synthetic insurer"):
        real.require_usable(synthetic=True)
