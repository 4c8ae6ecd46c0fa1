"""Tables for spreadsheets: semicolons for French ones, and no cell that is taken for a formula.

What stands in a cell was written by others: a name that begins with an equals sign would be computed, and could ask a
server of its author's, on the machine of whoever opens the table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def semicolons(rows: Iterable[Iterable[object]]) -> str:
    """Writes rows as French spreadsheets read them."""
    return _table(rows, delimiter=";")


def commas(rows: Iterable[Iterable[object]]) -> str:
    """Writes rows as RFC 4180 has them."""
    return _table(rows, delimiter=",")


def inert(value: object) -> str:
    """Writes a cell that no spreadsheet computes; the apostrophe in front of one that it would is not shown there."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _table(rows: Iterable[Iterable[object]], *, delimiter: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()
