"""Identities as printed on the tiers-payant card: name, birth date, NIR, rank (docs/protocol.md section 4).

Values check themselves and show nothing in a repr. How they enter the protocol is in ``bindings``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from paravent.errors import InvalidIdentity
from paravent.person.nir import Nir

PRINTED_NAME_CHARACTERS_MAX: Final = 120
BIRTH_YEAR_MIN: Final = 1880
BIRTH_YEAR_MAX: Final = 2100
RANK_MAX: Final = 9

# Latin letters that Unicode does not decompose into a base letter and an accent.
_SPELT_OUT = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "ẞ": "SS"}
)
_MODIFIER_LETTER = "Lm"  # the apostrophe U+02BC is one
_ISO_OR_COMPACT = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})")
_FRENCH = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class _RedactedText(str):
    """Text that only says REDACTED in a repr, hence in the repr of whatever holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(REDACTED)"


class NormalisedName(_RedactedText):
    """A printed name reduced to the letters A-Z, such as LEFEVREANNESOPHIE."""

    __slots__ = ()

    def __new__(cls, letters: str) -> Self:
        """Checks the letters; raises InvalidIdentity."""
        if not letters or not letters.isascii() or not letters.isalpha() or not letters.isupper():
            raise InvalidIdentity("a normalised name is made of the letters A to Z only")
        return super().__new__(cls, letters)

    @classmethod
    def of(cls, printed: str) -> Self:
        """Normalises a name as printed on the card, family name then given name; raises InvalidIdentity.

        Accents, case, spaces, hyphens, apostrophes and digits do not count; Œ is OE, Æ is AE, ß is SS.
        The order of the words counts: they are entered as printed. A letter with no Latin reading is
        refused rather than dropped, since dropping it would give the name of somebody else.
        """
        if len(printed) > PRINTED_NAME_CHARACTERS_MAX:
            raise InvalidIdentity(f"a name is at most {PRINTED_NAME_CHARACTERS_MAX} characters")
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", printed).upper())
        letters = "".join(filter(_is_letter, decomposed.translate(_SPELT_OUT)))
        if not letters:
            raise InvalidIdentity("a name has at least one letter")
        if not letters.isascii():
            raise InvalidIdentity("a name is written in Latin letters, as printed on the card")
        return cls(letters)


class BirthDate(_RedactedText):
    """A birth date YYYYMMDD as the insurer holds it, possibly fictitious (month 00, day 00, month 20)."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks eight digits and a sane year, no calendar; raises InvalidIdentity."""
        if len(text) != 8 or not text.isascii() or not text.isdigit():
            raise InvalidIdentity("a birth date is eight digits, YYYYMMDD")
        if not BIRTH_YEAR_MIN <= int(text[:4]) <= BIRTH_YEAR_MAX:
            raise InvalidIdentity(f"a birth year is {BIRTH_YEAR_MIN} to {BIRTH_YEAR_MAX}")
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads YYYYMMDD, YYYY-MM-DD or DD/MM/YYYY; raises InvalidIdentity."""
        if match := _ISO_OR_COMPACT.fullmatch(text.strip()):
            year, _, month, day = match.groups()
        elif match := _FRENCH.fullmatch(text.strip()):
            day, month, year = match.groups()
        else:
            raise InvalidIdentity("a birth date is written DD/MM/YYYY or YYYY-MM-DD")
        return cls(year + month + day)

    def day(self) -> date | None:
        """Gives the day of the calendar, None for a fictitious one."""
        try:
            return date.fromisoformat(f"{self[:4]}-{self[4:6]}-{self[6:]}")
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Holder:
    """Whom an entitlement is of: all that the card lane needs to know."""

    name: NormalisedName
    birth_date: BirthDate

    def __repr__(self) -> str:
        return "Holder(REDACTED)"

    @classmethod
    def from_card(cls, *, name: str, birth_date: str) -> Self:
        """Normalises what the card prints; raises InvalidIdentity."""
        return cls(name=NormalisedName.of(name), birth_date=BirthDate.parse(birth_date))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonIdentity:
    """One handle of one person: name and birth date, under the NIR of an *ouvrant droit*.

    ``rank`` orders persons born the same day under the same NIR (*rang gémellaire*), 1 to 9. A child
    listed under two parents has two identities.
    """

    name: NormalisedName
    birth_date: BirthDate
    nir: Nir
    rank: int = 1

    def __post_init__(self) -> None:
        """Checks the types and the rank; raises InvalidIdentity."""
        if type(self.name) is not NormalisedName or type(self.birth_date) is not BirthDate:
            raise InvalidIdentity("a name and a birth date are normalised before use")
        if type(self.rank) is not int or not 1 <= self.rank <= RANK_MAX:
            raise InvalidIdentity(f"a rank is 1 to {RANK_MAX}")

    def __repr__(self) -> str:
        return "PersonIdentity(REDACTED)"

    @classmethod
    def from_card(cls, *, name: str, birth_date: str, nir: Nir, rank: int = 1) -> Self:
        """Normalises what the card prints; raises InvalidIdentity."""
        return cls(name=NormalisedName.of(name), birth_date=BirthDate.parse(birth_date), nir=nir, rank=rank)

    @property
    def holder(self) -> Holder:
        """The name and birth date alone."""
        return Holder(name=self.name, birth_date=self.birth_date)


def _is_letter(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("L") and category != _MODIFIER_LETTER
