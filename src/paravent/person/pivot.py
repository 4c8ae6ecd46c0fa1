"""The pivot identity: what a sign-in says of a person, and what a member's own number says (protocol.md section 17).

A number is somebody's own when its year and month are those of the birth date; it then holds their sex and their place
of birth as well (CSS R.115-1), which tells two persons of one name and birth date apart. A child under a parent's
number has none, and neither has somebody whose civil record is incomplete.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from paravent.crypto.labels import Label, enc
from paravent.errors import InvalidIdentity
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity

PIVOT_BYTES: Final = 16
_GIVEN_NAMES_MAX = 8
_MALE, _FEMALE = frozenset("137"), frozenset("248")


class Sex(StrEnum):
    """The sex that a number and a sign-in give."""

    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pivot:
    """A name, a birth date, a sex and a place of birth (five characters: a commune of France, or a country)."""

    name: NormalisedName
    birth_date: BirthDate
    sex: Sex
    place: str

    def __repr__(self) -> str:
        return "Pivot(REDACTED)"

    def under(self, key: bytes) -> bytes:
        """Names this pivot under a key of the insurer, 16 bytes."""
        return hmac.digest(key, enc(Label.PIVOT, self.name, self.birth_date, self.sex, self.place), "sha256")[
            :PIVOT_BYTES
        ]


def own_pivot(identity: PersonIdentity) -> Pivot | None:
    """Reads the pivot of a person out of their own number; None when the number is somebody else's."""
    number, birth = identity.nir.thirteen, identity.birth_date
    if number[1:5] != birth[2:6]:
        return None
    sex = Sex.MALE if number[0] in _MALE else Sex.FEMALE
    return Pivot(name=identity.name, birth_date=birth, sex=sex, place=number[5:10])


def spelt(family_names: Iterable[str], given_names: Sequence[str]) -> list[NormalisedName]:
    """Lists the names under which a member file may print a person: a family name, then the first given names.

    One, two or more of them, never a later one without those before it: a twin's second name may be the other's first.
    What cannot be a printed name is left out.
    """
    shown = min(len(given_names), _GIVEN_NAMES_MAX)
    givens = [" ".join(given_names[:count]) for count in range(1, shown + 1)]
    found: dict[NormalisedName, None] = {}
    for family in family_names:
        for given in givens:
            try:
                found[NormalisedName.of(f"{family} {given}")] = None
            except InvalidIdentity:
                continue
    return list(found)
