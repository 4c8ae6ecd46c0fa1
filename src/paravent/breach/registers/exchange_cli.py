"""``paravent watch export-measures`` and ``import-measures``: CISO Assistant (docs/governance.md section 5)."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.registers.ciso_audit import COLUMNS, ROWS_MAX, read_rows, rows, taken
from paravent.breach.registers.measures import Standing, require_owner, standings
from paravent.breach.registers.store import Store, shipped
from paravent.errors import InvalidConfiguration

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FILE = click.Path(path_type=Path, dir_okay=False)
FILE_BYTES_MAX = 5_000_000
UNPACKED_BYTES_MAX = 50_000_000
# What the library of workbooks raises of a file that is none, or that was altered inside: it has no error of its own.
_NOT_AN_AUDIT = (
    InvalidFileException, zipfile.BadZipFile, csv.Error, LookupError, ValueError, TypeError, AttributeError,
    SyntaxError, RuntimeError, EOFError, zlib.error,
)  # fmt: skip


def add_exchange_verbs(group: click.Group) -> None:
    """Adds ``export-measures`` and ``import-measures``."""

    @verb(group, "Write ANSSI's measures as an audit of CISO Assistant: .xlsx for its import wizard, or .csv.")
    @click.argument("file", type=_FILE)
    def export_measures(home: Path, file: Path) -> Said:
        """Writes them."""
        with Store(home) as store:
            found = rows(_standings(store, cli.now()))
        file.write_bytes(_csv(found) if file.suffix == ".csv" else _xlsx(found))
        counts = {result: sum(row["compliance_result"] == result for row in found)
                  for result in sorted({str(row["compliance_result"]) for row in found})}  # fmt: skip
        return Said(text=f"{len(found)} requirements in {file}: {counts}", values={"rows": len(found)} | counts)

    @verb(group, "Take an audit of ANSSI's measures from CISO Assistant: what was changed there is an answer by hand.")
    @click.argument("file", type=_EXISTING)
    @click.option("--owner", required=True, help="Function that answers for what was changed: never a person's name.")
    @dry_run_option
    def import_measures(home: Path, file: Path, owner: str, dry_run: bool) -> Said:
        """Takes it."""
        require_owner(owner)
        now = cli.now()
        assessed = read_rows(_read(file), shipped())
        with Store(home) as store:
            answers = taken(assessed, _standings(store, now), owner, now)
            if not dry_run:
                store.add(answers)
        lines = [f"{one.reference}: {one.kind.value}, {one.owner}" for one in answers]
        said = f"{len(assessed)} requirements read, {len(answers)} answers{'' if not dry_run else ', none kept'}"
        return Said(text="\n".join([*lines, said]), values={
            "read": len(assessed), "kept": not dry_run,
            "answers": [{"reference": one.reference, "kind": one.kind.value, "owner": one.owner} for one in answers],
        })  # fmt: skip


def _standings(store: Store, now: int) -> list[Standing]:
    return standings(shipped(), store.history(), now, shipped_rules().limits.answer_age_days_max)


def _csv(found: Sequence[dict[str, str | bool]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(found: Sequence[dict[str, str | bool]]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101 - a new workbook has a sheet
    sheet.append(list(COLUMNS))
    for row in found:
        sheet.append([row[column] for column in COLUMNS])
    book.properties.created = book.properties.modified = datetime.fromtimestamp(cli.now(), UTC).replace(tzinfo=None)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _read(file: Path) -> list[dict[str, str]]:
    """Reads a workbook or a CSV, whatever its columns; raises InvalidConfiguration when it is neither."""
    content = file.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        raise InvalidConfiguration(f"an audit has at most {FILE_BYTES_MAX} bytes")
    try:
        if file.suffix == ".csv":
            text = io.StringIO(content.decode("utf-8-sig"), newline="")
            return [_texts(row) for row in csv.DictReader(text, delimiter=";")]
        _require_small(content)
        with warnings.catch_warnings():
            # Of styles that are missing and of extensions that it does not keep: nothing here reads either.
            warnings.simplefilter("ignore")
            sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        lines = sheet.iter_rows(max_row=ROWS_MAX + 2, values_only=True)
        header = [str(cell) for cell in next(lines, ())]
        return [_texts(dict(zip(header, line, strict=False))) for line in lines]
    except _NOT_AN_AUDIT:
        raise InvalidConfiguration("an audit is a workbook (.xlsx) or a .csv of CISO Assistant") from None


def _require_small(workbook: bytes) -> None:
    """Adds up what the parts of a workbook unpack to: its library reads some of them whole."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        if sum(part.file_size for part in parts.infolist()) > UNPACKED_BYTES_MAX:
            raise ValueError("it unpacks to more than any audit")


def _texts(row: dict[str, object]) -> dict[str, str]:
    return {str(name): "" if value is None else str(value) for name, value in row.items()}
