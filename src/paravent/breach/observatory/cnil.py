"""Notifications to the CNIL, as published in open data (docs/watch.md section 3; data.gouv.fr, licence ouverte 2.0).

A row is a notification by one controller, not an incident: a processor's incident may make hundreds. The contract
is strict: code page 1252, semicolons, a first line with the date of extraction, nine columns, closed vocabularies.
One unknown word refuses the whole file, and every line that has one is listed: statistics with lines missing would
be wrong without showing it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from paravent.breach.observatory.incident import Rejected
from paravent.wire.codec import Message

if TYPE_CHECKING:
    import _csv

COLUMNS = (
    "Date de réception de la notification", "Secteur d'activité de l'organisme concerné", "Natures de la violation",
    "Nombre de personnes impactées", "Typologies des données impactées", "Données sensibles",
    "Origines de l'incident", "Causes de l'incident", "Information des personnes",
)  # fmt: skip
NATURES = frozenset({"Perte de la confidentialité", "Perte de l'intégrité", "Perte de la disponibilité"})
BANDS = frozenset({
    "Entre 0 et 5 personnes", "Entre 6 et 50 personnes", "Entre 51 et 300 personnes", "Entre 301 et 5000 personnes",
    "Plus de 5000 personnes",
})  # fmt: skip
CAUSES = frozenset({
    "Acte externe accidentel", "Acte externe malveillant", "Acte interne accidentel", "Acte interne malveillant",
    "Autre", "Inconnu",
})  # fmt: skip
INFORMED = frozenset({
    "Non, mais elles le seront", "Non déterminé pour le moment", "Oui, les personnes ont été informées",
    "Non ils ne le seront pas",
})  # fmt: skip
SENSITIVE = frozenset({"", "Oui"})
EXTRACTED_CHARACTERS_MAX = 80
WORD_CHARACTERS_MAX = 80
_FIRST_MONTH = "2018-05"
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])\Z")
_EXTRACTED = "Extraction générée le "
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEVERAL = re.compile(r",(?=\S)")  # a comma inside a label is followed by a space


class Notification(Message, frozen=True, kw_only=True):
    """A notification received by the CNIL in a month."""

    month: str
    sector: str
    natures: tuple[str, ...]
    band: str
    data: tuple[str, ...]
    sensitive: bool
    origins: tuple[str, ...]
    causes: tuple[str, ...]
    informed: str


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says: the words of its first line, its notifications, and the lines refused."""

    extracted: str
    notifications: tuple[Notification, ...]
    rejected: tuple[Rejected, ...]


def is_extraction(text: str) -> bool:
    """Says whether a text begins like the file of the CNIL."""
    return text.startswith(_EXTRACTED)


def read_extraction(text: str) -> Extraction:
    """Reads a whole file; with a line refused, it holds no notification."""
    # Strict, line ends kept: a quote that is not closed would make one cell of the lines after it, and lose them.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    extracted, read, rejected = "", list[Notification](), list[Rejected]()
    try:
        extracted = _clean(next(rows)[0].removeprefix(_EXTRACTED))[:EXTRACTED_CHARACTERS_MAX]
        header = tuple(_clean(cell) for cell in next(rows, []))
        if header == COLUMNS:
            _read_rows(rows, read, rejected)
        else:
            rejected.append(Rejected(place="line 2", reason="the columns are not those of the contract"))
    except csv.Error:
        rejected.append(Rejected(place=f"line {rows.line_num}", reason="it is not CSV: nothing after it was read"))
    return Extraction(extracted=extracted, notifications=() if rejected else tuple(read), rejected=tuple(rejected))


def _read_rows(rows: _csv.Reader, read: list[Notification], rejected: list[Rejected]) -> None:
    for row in rows:
        try:
            read.append(_notification([_clean(cell) for cell in row]))
        except ValueError as reason:
            rejected.append(Rejected(place=f"line {rows.line_num}", reason=str(reason)))


def _notification(cells: Sequence[str]) -> Notification:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"it has {len(cells)} columns instead of {len(COLUMNS)}")
    if any(_CONTROL.search(cell) for cell in cells):
        raise ValueError("a cell has a line end or a control character in it")
    month, sector, natures, band, data, sensitive, origins, causes, informed = cells
    if not _MONTH.match(month) or month < _FIRST_MONTH:
        raise ValueError(f"{COLUMNS[0]}: not a month since {_FIRST_MONTH}")
    if not sector or not origins:
        raise ValueError("the sector or the origin is empty")
    return Notification(
        month=month, sector=sector, natures=tuple(_each(natures, NATURES, 2)), band=_one(band, BANDS, 3),
        data=tuple(_SEVERAL.split(data)) if data else (), sensitive=_one(sensitive, SENSITIVE, 5) == "Oui",
        origins=tuple(_SEVERAL.split(origins)), causes=tuple(_each(causes, CAUSES, 7)),
        informed=_one(informed, INFORMED, 8),
    )  # fmt: skip


def _each(cell: str, vocabulary: frozenset[str], column: int) -> Iterator[str]:
    for word in _SEVERAL.split(cell):
        yield _one(word, vocabulary, column)


def _one(word: str, vocabulary: frozenset[str], column: int) -> str:
    if word not in vocabulary:
        raise ValueError(f"{COLUMNS[column]}: unknown word {word[:WORD_CHARACTERS_MAX]!r}")
    return word


def _clean(cell: str) -> str:
    return cell.replace("''", "'").replace("\u00a0", " ").strip()
