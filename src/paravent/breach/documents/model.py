"""A document as data, the facts that it is written from, and how a figure says where it comes from: pure.

A figure is written with the positions of its entries in the breach desk's log: ``180 [e12]``. A document for the
public shows no mark; its JSON keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from paravent.breach.duties import Duty
from paravent.breach.entries import Category, Computed, LootKind, Noted, Opened, Placed, Stolen
from paravent.breach.requests import Request
from paravent.breach.safeguards import Safeguard
from paravent.breach.severity import Severity
from paravent.optics.months import FRANCE

_MARK = re.compile(r"\u00a0?\[e(\d+(?:, e\d+)*)\]")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
UNKNOWN = "à compléter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, sentences, and a table when there are columns."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document: its file name, its title, for whom; ``public`` ones are read by laymen and show no mark."""

    name: str
    title: str
    recipient: str
    sections: tuple[Section, ...]
    public: bool = False

    def sources(self) -> tuple[int, ...]:
        """Lists the positions of the entries that its figures came from."""
        texts = [text for section in self.sections for text in _texts(section)]
        marks = [mark for text in texts for mark in _MARK.findall(text)]
        return tuple(sorted({int(each.strip(" e")) for mark in marks for each in mark.split(",")}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Affair:
    """What belongs to one inquiry and to no other: where complaints go, under which reference."""

    recipient: str = UNKNOWN
    reference: str = UNKNOWN
    address: str = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A case as documents are written from it."""

    case: str
    operator: str
    contact: str
    now: int
    start: Placed
    entries: Sequence[Placed]
    exposures: dict[str, Placed]
    names: dict[str, str]
    duties: Sequence[Duty]
    severity: tuple[Severity, Severity]
    affair: Affair
    requests: Sequence[Request] = ()
    safeguards: tuple[Placed, Sequence[Safeguard]] | None = None

    @property
    def opened(self) -> Opened:
        """What the case is."""
        said = self.start.entry.said
        assert isinstance(said, Opened)  # noqa: S101 - ``start`` is the entry that opened the case
        return said

    def exposure(self, insurer: str) -> Computed:
        """Returns an insurer's exposure."""
        said = self.exposures[insurer].entry.said
        assert isinstance(said, Computed)  # noqa: S101 - ``exposures`` holds computed entries
        return said

    def cited(self, value: int, insurer: str) -> str:
        """Writes a figure of an insurer's exposure with its entry."""
        return f"{number(value)}{mark(self.exposures[insurer].position)}"

    def noted(self, category: Category) -> list[str]:
        """Lists the notes of a category, each with its entry."""
        return [
            f"{each.entry.said.text}{mark(each.position)}"
            for each in self.entries if isinstance(each.entry.said, Noted) and each.entry.said.category is category
        ]  # fmt: skip

    def kinds(self, insurer: str | None = None) -> set[LootKind]:
        """Lists what was stolen or seized; of one insurer, what is of all or of that one."""
        loots = [each.entry.said for each in self.entries if isinstance(each.entry.said, Stolen)]
        return {loot.kind for loot in loots if insurer is None or loot.insurer in {None, insurer}}

    def facts(self) -> str:
        """Writes what is known, with its entry."""
        return f"{self.opened.facts}{mark(self.start.position)}"

    def when(self, at: int | None) -> str:
        """Writes an instant of the opening entry, with it."""
        return "inconnu à ce jour" if at is None else f"{instant(at)}{mark(self.start.position)}"


def mark(position: int) -> str:
    """Writes from which entry of the log a figure or a sentence comes."""
    return f"\u00a0[e{position}]"


def of(name: str) -> str:
    """Writes « de » before a name, elided before a vowel."""
    return f"d'{name}" if name[:1].lower() in "aeiouyâàéèêëîïôûh" else f"de {name}"


def persons(value: int) -> str:
    """Writes how many persons."""
    return {0: "aucune personne", 1: "une personne"}.get(value, f"{number(value)} personnes")


def sentence(text: str) -> str:
    """Writes a text as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."


def decimal(value: float) -> str:
    """Writes a number with a decimal comma."""
    return f"{value:.2f}".removesuffix("0").replace(".", ",")


def number(value: int) -> str:
    """Writes a number with the thin space of French."""
    return f"{value:,}".replace(",", "\u202f")


def instant(at: int) -> str:
    """Writes an instant in words, in the legal time of metropolitan France."""
    moment = datetime.fromtimestamp(at, FRANCE)
    return f"{_day(moment)} à {moment.hour} h {moment.minute:02d} (heure de Paris)"


def day(iso: str) -> str:
    """Writes a day (ISO) in words."""
    return _day(datetime.fromisoformat(iso))


def _day(moment: datetime) -> str:
    return f"{'1er' if moment.day == 1 else moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def without_marks(text: str) -> str:
    """Takes the marks out of a text."""
    return _MARK.sub("", text)


def _texts(section: Section) -> list[str]:
    return [section.heading, *section.paragraphs, *(cell for row in section.rows for cell in row)]
