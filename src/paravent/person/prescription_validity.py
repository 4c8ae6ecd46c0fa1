"""Until when a prescription can be dispensed, by the age at which it was written (CSP D.4362-12); desk only.

The terms are data (``prescription_validity.toml``). It does not judge what the prescriber excluded.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.person.ages import age_months, years_later
from paravent.person.sourced import SourcedEntry, read_sourced
from paravent.wire.codec import Message

Years = Annotated[int, msgspec.Meta(ge=1, le=10)]


class ValidityTerm(SourcedEntry, frozen=True, kw_only=True):
    """A term in years, for ages below ``below_age``; without it, for every age."""

    years: Years
    below_age: Annotated[int, msgspec.Meta(ge=1, le=120)] | None = None


class ValidityTerms(Message, frozen=True, kw_only=True):
    """The dated file: terms by rising age, the last one without an age; and that of an orthoptist's prescription."""

    valid_from: date
    valid_to: date | None = None
    term: Annotated[tuple[ValidityTerm, ...], msgspec.Meta(min_length=1)]
    orthoptist: ValidityTerm

    def __post_init__(self) -> None:
        """Checks the order of the ages; raises ValueError."""
        ages = [term.below_age for term in self.term]
        if ages[-1] is not None or None in ages[:-1] or ages[:-1] != sorted(ages[:-1], key=lambda age: age or 0):
            raise ValueError("the terms do not go by rising age to one without an age")


def read_validity_terms(body: bytes) -> ValidityTerms:
    """Reads the file; raises InvalidConfiguration."""
    return read_sourced(body, ValidityTerms)


def last_day(written: date, born: date, terms: ValidityTerms, *, by_orthoptist: bool = False) -> tuple[date, str]:
    """Returns the last day on which a prescription can be dispensed, and the source of the term.

    Raises InvalidConfiguration for a prescription that is older than the birth or than the file.
    """
    if written < max(born, terms.valid_from):
        raise InvalidConfiguration("the prescription was written before the birth, or before the rules known here")
    years = age_months(born, written) // 12
    term = terms.orthoptist if by_orthoptist else next(
        term for term in terms.term if term.below_age is None or years < term.below_age
    )  # fmt: skip
    return years_later(written, term.years), term.source
