"""What somebody typed, given back unharmed, with what is wrong field by field: pure.

An error never empties a form: the page is shown again with the same values. Values may be of a person, so that
their ``repr`` says nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from paravent.errors import SessionRequired

CSRF_FIELD = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one form, by name, and the sentence that is wrong with some: French, of the catalogue."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """Returns what was typed in a field, without the spaces around it; empty when nothing was."""
        return self.values.get(name, "").strip()

    def wrong(self, **errors: str) -> Form:
        """Returns the same form with more errors."""
        return Form(values=self.values, errors={**self.errors, **errors})

    def filled(self, **values: str) -> Form:
        """Returns the same form with other values."""
        return Form(values={**self.values, **values}, errors=self.errors)

    def __repr__(self) -> str:
        return "Form(REDACTED)"


def require_csrf(form: Form, expected: str) -> None:
    """Checks that a form came from a page of this session; raises SessionRequired."""
    if not expected or not hmac.compare_digest(form[CSRF_FIELD].encode(), expected.encode()):
        raise SessionRequired("a form shows the token of its session")
