"""The NIR: form, key, provisional and synthetic numbers (CSS R.115-1; structure from service-public F33078).

This package holds the only code of the project that handles a NIR. It does not say whether a number
was ever given to somebody, and no exception text holds a number or a part of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from paravent.errors import InvalidNir

INPUT_CHARACTERS_MAX: Final = 40

# Sexes 3, 4, 7 and 8 are those of provisional numbers; months 20-42 and 50-99 mark an incomplete
# civil record; order 000 is never given. Whether 97 and 98 are followed by a third character of
# département does not change the form: five characters of place either way.
_FORM = re.compile(
    r"[123478]"
    r"[0-9]{2}"
    r"(?:0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])"
    r"(?:0[1-9]|[1-9][0-9]|2[AB])"
    r"[0-9]{3}"
    r"(?!000)[0-9]{3}"
)
_SEPARATORS = re.compile("[ .\u00a0\u2009\u202f\u2010-\u2013-]")
# In a text, besides: tabs, line ends, slashes.
_BETWEEN = re.compile("[\\s./\u2010-\u2013-]")
_DIGITS = re.compile("[0-9AB\\s./\u2010-\u2013-]{13,}")
_CORSICA = (("2A", "19"), ("2B", "18"))
_OVERSEAS = ("97", "98")


@dataclass(frozen=True, slots=True, repr=False)
class Nir:
    """A number of 13 characters whose form was checked; its text comes out by ``thirteen`` alone."""

    thirteen: str

    def __post_init__(self) -> None:
        """Checks the form; raises InvalidNir."""
        if not _FORM.fullmatch(self.thirteen):
            raise InvalidNir("the 13 characters are not those of a social-security number")

    def __repr__(self) -> str:
        return "Nir(REDACTED)"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the 13 characters and the two-digit key as printed; raises InvalidNir, which quotes nothing.

        Spaces, dots and dashes are tolerated. The key is required: it is what catches a slip of the hand.
        """
        compact = _compact(text)
        if len(compact) == 13:
            raise InvalidNir("the two-digit key is missing after the 13 characters")
        if len(compact) != 15:
            raise InvalidNir("a social-security number is 13 characters and a key of 2 digits")
        nir = cls(compact[:13])
        if compact[13:] != nir.key:
            raise InvalidNir("the key does not match the 13 characters: one of them was mistyped")
        return nir

    @classmethod
    def from_thirteen(cls, text: str) -> Self:
        """Reads 13 characters without a key, for files that carry none; raises InvalidNir."""
        return cls(_compact(text))

    @property
    def key(self) -> str:
        """The key, two digits: 97 - (number mod 97), where 2A counts as 19 and 2B as 18."""
        place = self.thirteen[5:7]
        for letters, digits in _CORSICA:
            place = place.replace(letters, digits)
        return f"{97 - int(self.thirteen[:5] + place + self.thirteen[7:]) % 97:02d}"

    @property
    def is_synthetic(self) -> bool:
        """Whether the number can belong to nobody, its commune being one that no register has.

        Real communes, and countries after 99, are 001 to 990. Overseas (97, 98) the third character
        belongs to the département, and the commune is the next two: real ones are 01 to 90. So
        synthetic means commune 000 or 991 to 999, and overseas 00 or 91 to 99.
        """
        if self.thirteen[5:7] in _OVERSEAS:
            return not 1 <= int(self.thirteen[8:10]) <= 90
        return not 1 <= int(self.thirteen[7:10]) <= 990

    def require_usable(self, *, synthetic: bool) -> None:
        """Checks that the number suits an insurer, flagged ``synthetic`` or not; raises InvalidNir.

        An insurer flagged synthetic takes synthetic numbers and nothing else, so that no real person
        ever enters a demonstration; every other insurer takes none of them.
        """
        if self.is_synthetic and not synthetic:
            raise InvalidNir("this number can belong to nobody: only a synthetic insurer takes it")
        if synthetic and not self.is_synthetic:
            raise InvalidNir("a synthetic insurer takes only numbers that can belong to nobody")


def _compact(text: str) -> str:
    """Removes separators and puts 2a, 2b in capitals; raises InvalidNir on an endless text."""
    if len(text) > INPUT_CHARACTERS_MAX:
        raise InvalidNir("a social-security number is 13 characters and a key of 2 digits")
    return _SEPARATORS.sub("", text).upper()


def holds_nir(text: str) -> bool:
    """Says whether a text holds 13 characters in the form of a number, however they are set apart or preceded."""
    for found in _DIGITS.findall(text.upper()):
        compact = _BETWEEN.sub("", found)
        if any(_FORM.fullmatch(compact, at, at + 13) for at in range(len(compact) - 12)):
            return True
    return False
