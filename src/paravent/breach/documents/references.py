"""The dated files that documents quote: contacts, offences, the CNIL's form; how sure each is, in French: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from paravent.breach.duties_rules import Contact
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message

Offence = dict[str, str]
_STATUSES = {
    "verified": "vérifié", "general knowledge": "connaissance générale, à vérifier",
    "secondary source": "source secondaire, à vérifier", "to complete": "à compléter",
}  # fmt: skip


class Form(Message, frozen=True, kw_only=True):
    """The CNIL's notification form: the order of its parts and its closed lists, as of a day."""

    recalled_on: date
    status: str
    source: str
    headings: tuple[str, ...]
    types: tuple[str, ...]
    losses: tuple[str, ...]
    origins: tuple[str, ...]
    causes: tuple[str, ...]
    persons: tuple[str, ...]
    consequences: tuple[str, ...]
    gravities: tuple[str, ...]
    informed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What the documents of every case quote."""

    contacts: Sequence[Contact]
    offences: Sequence[Offence]
    form: Form


def read_form(content: bytes) -> Form:
    """Reads a file of the form; raises InvalidConfiguration."""
    try:
        return msgspec.toml.decode(content, type=Form)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"the file of the form is not one: {error}") from None


def chosen(values: Sequence[str], *wanted: str) -> str:
    """Writes answers of a closed list; raises InvalidConfiguration when the form of the day has no such one."""
    if set(wanted) - set(values):
        raise InvalidConfiguration("a value is not in the closed list of the form: the file of the form was changed")
    return " ; ".join(wanted)


def sure(status: str) -> str:
    """Says how sure a row is, in French; a status that has no French is shown as it is."""
    return _STATUSES.get(status, status)
