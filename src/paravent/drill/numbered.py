"""Synthetic persons that are told by their number alone: for portfolios larger than any machine should hold.

Every worker makes its own part, in any order, and two numbers never give one identity. One person in forty has two
lines, as a child under two parents has.
"""

from __future__ import annotations

from paravent.drill.members import identity_of
from paravent.drill.population import GUARANTEES, Coverage, SyntheticPerson
from paravent.insurer.members import Member

PERSONS_MAX = 2 * 12 * 80 * 9 * 8 * 499
"""So many numbers there are of one insurer; as many again stand for second lines."""

_DEPARTEMENTS = ("13", "31", "33", "35", "44", "59", "69", "75")
_NAMES = ("MARTIN", "BERNARD", "THOMAS", "PETIT", "ROBERT", "RICHARD", "DURAND", "LEFÈVRE", "LE GOFF", "NGUYEN")
_GIVEN = ("Jean", "Marie", "Pierre", "Zoé", "Louis", "Léa", "Gaël", "Inès", "Karim", "Anne", "Hugo", "Manon")
_PERSONS_PER_SECOND_LINE = 40


def person_at(number: int, insurer: str, year: int) -> SyntheticPerson:
    """Makes the person of a number, 0 to PERSONS_MAX, as of a year."""
    nirs = [_nir(number, year, first_order=1)]
    if number % _PERSONS_PER_SECOND_LINE == 1:
        nirs.append(_nir(number, year, first_order=500))
    age = number // 24 % 80
    return SyntheticPerson(
        member_id=f"M{number:09d}", name=f"{_NAMES[number % 10]} {_GIVEN[number // 10 % 12]}",
        birth_date=f"{year - 1 - age}{number // 2 % 12 + 1:02d}{number % 28 + 1:02d}",
        guarantee=GUARANTEES[number // 7 % 2], free_from=year * 100 + 1, renewal_months=24 if age >= 16 else 12,
        coverages=tuple(Coverage(insurer=insurer, nir=nir, rank=1) for nir in nirs),
    )  # fmt: skip


def members_at(number: int, insurer: str, year: int, valid: tuple[int, int]) -> list[Member]:
    """Makes what the lines of a person say, one member each, valid from one instant to another (Unix seconds)."""
    person = person_at(number, insurer, year)
    return [
        Member(
            member_id=person.member_id, printed_name=person.name, identities=(identity_of(person, coverage),),
            guarantee=person.guarantee, valid_from=valid[0], valid_until=valid[1], free_from=person.free_from,
            renewal_months=person.renewal_months,
        )
        for coverage in person.coverages
    ]  # fmt: skip


def _nir(number: int, year: int, *, first_order: int) -> str:
    rest, sex = divmod(number, 2)
    rest, month = divmod(rest, 12)
    rest, age = divmod(rest, 80)
    rest, commune = divmod(rest, 9)
    order, departement = divmod(rest, 8)
    born = (year - 1 - age) % 100
    return f"{sex + 1}{born:02d}{month + 1:02d}{_DEPARTEMENTS[departement]}{991 + commune}{first_order + order:03d}"
