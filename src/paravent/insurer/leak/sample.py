"""Reading a leaked sample, whatever shape it was spread in: CSV, JSON, lines of JSON, SQL dump (docs/leak-matcher.md).

Pure. It knows no column names: what counts is what stands in a row. Nothing of a sample is ever quoted in an error.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import msgspec

from paravent.errors import InvalidLeakSample

SAMPLE_BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 1_000_000
_CELLS_MAX = 400
_DELIMITERS = ";,\t|"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_SQL_WORD = re.compile(r"\b(?:INSERT\s+INTO|VALUES)\b|;", re.IGNORECASE)
_SQL_ESCAPE = re.compile(r"'(')|\\(.)")
# A quoted text with '' or \' inside, or anything up to a comma or a parenthesis; a parenthesis; a comma. A text that is
# never closed goes to the end, so that no part of a dump is read twice.
_SQL_TOKEN = re.compile(r"'((?:[^'\\]|''|\\.)*+)(?:'|\\?\Z)|([(),;])|([^\s(),;']+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The rows of a sample, each the texts of its cells; ``form`` and ``encoding`` say how it was read."""

    rows: tuple[tuple[str, ...], ...]
    form: str
    encoding: str
    unreadable: int

    def __repr__(self) -> str:
        return "Sample(REDACTED)"


def read_sample(body: bytes) -> Sample:
    """Reads a sample; raises InvalidLeakSample when it has no row, too many, or too many bytes."""
    if len(body) > SAMPLE_BYTES_MAX:
        raise InvalidLeakSample(f"a sample is at most {SAMPLE_BYTES_MAX} bytes: cut it")
    text, encoding = _text(body)
    form, found = _rows(text)
    rows: list[tuple[str, ...]] = []
    unreadable = 0
    for row in found:
        cells = () if row is None else tuple(cell.strip() for cell in row[:_CELLS_MAX] if cell.strip())
        if not cells:
            unreadable += row is None
            continue
        rows.append(cells)
        if len(rows) > ROWS_MAX:
            raise InvalidLeakSample(f"a sample is at most {ROWS_MAX} rows: cut it")
    if not rows:
        raise InvalidLeakSample("no row was found: a sample is CSV, JSON, lines of JSON, or an SQL dump")
    return Sample(rows=tuple(rows), form=form, encoding=encoding, unreadable=unreadable)


def _text(body: bytes) -> tuple[str, str]:
    """Decodes as marked, else as UTF-8, else as Windows-1252, where bytes that it lacks become a mark."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, errors="replace"), encoding
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace"), "cp1252"


def _rows(text: str) -> tuple[str, Iterator[list[str] | None]]:
    """Finds the form; a row that cannot be read is None."""
    start = text.lstrip()[:1]
    if start == "[":
        return "json", _json_array(text)
    if start == "{":
        return "json-lines", _json_lines(text)
    if _values(text, 0) is not None:
        return "sql", _sql(text)
    return "csv", _csv(text)


def _json_array(text: str) -> Iterator[list[str] | None]:
    try:
        items = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidLeakSample("the sample begins as a JSON array and is not one") from None
    for item in items:
        yield _json_row(bytes(item))


def _json_lines(text: str) -> Iterator[list[str] | None]:
    for line in text.splitlines():
        if line.strip():
            yield _json_row(line.strip().rstrip(",").encode())


def _json_row(line: bytes) -> list[str] | None:
    try:
        return list(_leaves(msgspec.json.decode(line)))
    except (msgspec.MsgspecError, RecursionError):
        return None


def _leaves(value: object) -> Iterator[str]:
    match value:
        case dict():
            for child in value.values():
                yield from _leaves(child)
        case list():
            for child in value:
                yield from _leaves(child)
        case None | bool():
            return
        case _:
            yield str(value)


def _sql(text: str) -> Iterator[list[str] | None]:
    start = _values(text, 0)
    while start is not None:
        end = yield from _tuples(text, start)
        start = _values(text, end)


def _values(text: str, start: int) -> int | None:
    """Finds where the tuples of the next INSERT begin; None when there is none."""
    inserting = False
    for word in _SQL_WORD.finditer(text, start):
        if inserting and word[0].upper() == "VALUES":
            return word.end()
        inserting = word[0][0] in "iI" or (inserting and word[0] != ";")
    return None


def _tuples(text: str, start: int) -> Generator[list[str] | None, None, int]:
    """Yields the tuples after VALUES, up to a semicolon or to what is not a tuple; returns where that is."""
    row: list[str] | None = None
    for token in _SQL_TOKEN.finditer(text, start):
        quoted, mark, word = token.groups()
        if mark == "(":
            row = []
        elif mark == ")":
            yield row
            row = None
        elif mark == ";" or (row is None and mark is None):
            return token.start()
        elif row is not None and mark is None:
            content = word if quoted is None else _SQL_ESCAPE.sub(r"\1\2", quoted)
            if content.upper() != "NULL":
                row.append(content)
    return len(text)


def _csv(text: str) -> Iterator[list[str] | None]:
    head = text[:10_000]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
