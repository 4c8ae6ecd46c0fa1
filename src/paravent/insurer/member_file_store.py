"""Member files on disk: CSV, Parquet or FHIR NDJSON, read line by line in bounded memory (docs/operating.md)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paravent.errors import InvalidMemberFile, ParaventError
from paravent.insurer.coverage_members import record_of
from paravent.insurer.members import CHANGE_COLUMN, COLUMNS, Line, Record, Reject, read_lines
from paravent.insurer.traps.following import NO_TRAPS, Traps
from paravent.person.fhir.document import RESOURCE_BYTES_MAX

PARQUET_ROWS_PER_READ = 8_192

Numbered = tuple[int, Record | ParaventError]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFile:
    """A member file of one insurer; ``delta`` when it lists changes only. It can be read several times.

    ``traps`` are published with it, after its own lines.
    """

    path: Path
    amc: str
    synthetic: bool
    delta: bool = False
    traps: Traps = NO_TRAPS

    def lines(self) -> Iterator[Line | Reject]:
        """Reads every line in order; raises InvalidMemberFile when the file is of no known form."""
        reader = _READERS.get(self.path.suffix.lower())
        if reader is None:
            raise InvalidMemberFile(f"a member file ends in {', '.join(_READERS)}")
        own = read_lines(reader(self), synthetic=self.synthetic, delta=self.delta)
        yield from self.traps.after(own, delta=self.delta)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table."""
        return (CHANGE_COLUMN, *COLUMNS) if self.delta else COLUMNS


def _csv(source: MemberFile) -> Iterator[Numbered]:
    with source.path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            _require_columns(next(reader, []), source)
            for row in reader:
                if len(row) != len(source.columns):
                    yield reader.line_num, InvalidMemberFile("the line has more or fewer columns than the first one")
                else:
                    yield reader.line_num, dict(zip(source.columns, row, strict=True))
        except UnicodeDecodeError:
            raise InvalidMemberFile("the file is not UTF-8; nothing was published") from None
        except csv.Error:
            raise InvalidMemberFile(
                f"line {reader.line_num} is not CSV: check its quotes; nothing was published"
            ) from None


def _parquet(source: MemberFile) -> Iterator[Numbered]:
    # Loaded for such a file only: it takes some 60 MB.
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with pq.ParquetFile(source.path) as file:
            _require_columns(file.schema_arrow.names, source)
            number = 0
            for batch in file.iter_batches(batch_size=PARQUET_ROWS_PER_READ):
                for row in batch.to_pylist():
                    number += 1
                    yield number, _texts(row)
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise InvalidMemberFile("the file is not Parquet, or is damaged; nothing was published") from None


def _texts(row: dict[str, Any]) -> Record | ParaventError:
    """Takes texts, whole numbers and days as CSV would write them; never a float."""
    if any(type(value).__name__ not in {"str", "int", "date"} for value in row.values()):
        return InvalidMemberFile("a value is missing, or neither text, whole number nor day")
    return {name: str(value) for name, value in row.items()}


def _ndjson(source: MemberFile) -> Iterator[Numbered]:
    with source.path.open("rb") as file:
        number = 0
        # A line longer than a resource may be is read in pieces, each of them rejected: memory stays bounded.
        while body := file.readline(RESOURCE_BYTES_MAX + 2):
            number += 1
            try:
                yield number, record_of(body, source.amc, delta=source.delta)
            except ParaventError as error:
                yield number, error


def _require_columns(found: Iterable[str], source: MemberFile) -> None:
    if tuple(found) != source.columns:
        raise InvalidMemberFile(f"the columns are: {','.join(source.columns)}")


_READERS: dict[str, Callable[[MemberFile], Iterator[Numbered]]] = {
    ".csv": _csv, ".parquet": _parquet, ".ndjson": _ndjson,
}  # fmt: skip
