"""The register of violations (RGPD art. 33(5)): facts, effects, measures; one row per insurer, CSV and XLSX: pure."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

from paravent.breach.documents import common
from paravent.breach.documents.model import Document, Section, View, without_marks
from paravent.pages.spreadsheet import inert, semicolons
from paravent.pages.typography import french

COLUMNS = (
    "dossier", "organisme", "numéro AMC", "prise de connaissance (UTC)", "faits", "nature", "minimum établi", "estimation",
    "maximum", "effets", "mesures avant", "mesures depuis", "décision article 34", "entrées du journal",
)  # fmt: skip
_W3C_DATE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z")


def register(view: View) -> Document:
    """Writes the register as a document."""
    return Document(
        name="12-registre-des-violations", title="Registre des violations (RGPD, article 33, paragraphe 5)",
        recipient="Registre interne, CNIL sur demande",
        sections=(
            Section(heading="Violations", columns=COLUMNS[1:3] + COLUMNS[6:9], rows=tuple(
                (row[1], row[2], *(view.cited(int(row[place]), row[2]) for place in (6, 7, 8))) for row in rows(view)
            )),
            Section(heading="Faits", paragraphs=(view.facts(), f"Nature : {common.nature(view)}.", common.awareness(view))),
            common.measures(view), Section(heading="Établissement", paragraphs=(common.written(view),)),
        ),
    )  # fmt: skip


def rows(view: View) -> list[tuple[str, ...]]:
    """Lists the rows of the register."""
    aware = datetime.fromtimestamp(view.opened.aware_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before, after = (
        without_marks(" ".join(texts)) for texts in (common.measures_before(view), common.measures_since(view))
    )
    decisions = {one.insurer: one.decision for one in view.duties if one.rule.code == "rgpd-34"}
    found: list[tuple[str, ...]] = []
    for insurer, placed in sorted(view.exposures.items()):
        exposure = view.exposure(insurer)
        found.append((
            view.case, view.names[insurer], insurer, aware, french(view.opened.facts),
            french(common.nature(view, insurer)), str(exposure.proved), str(exposure.estimate), str(exposure.upper),
            french(common.consequences(view, insurer)), french(before), french(after),
            french(decisions.get(insurer, "")), f"e{view.start.position}, e{placed.position}",
        ))  # fmt: skip
    return found


def as_csv(found: Sequence[tuple[str, ...]]) -> bytes:
    """Writes the register as CSV for French spreadsheets: semicolons, a byte-order mark, no cell that is a formula."""
    return semicolons([COLUMNS, *found]).encode("utf-8-sig")


def as_xlsx(found: Sequence[tuple[str, ...]], now: int) -> bytes:
    """Writes the register as a workbook; the same rows at the same instant give the same bytes."""
    # Imported here so that only who writes a workbook loads it: it is a fifth of a start of the command line.
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101 - a new workbook has one sheet
    sheet.title = "Violations"
    sheet.append(COLUMNS)
    for row in found:
        sheet.append([inert(cell) for cell in row])
    content = io.BytesIO()
    book.save(content)
    return _dated(content.getvalue(), now)


def _dated(workbook: bytes, now: int) -> bytes:
    """Writes a workbook again with one date: its library dates the file and its parts by the machine's clock."""
    date = datetime.fromtimestamp(now, UTC)
    stamp, content = date.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as dated:
        for name in parts.namelist():
            part = _W3C_DATE.sub(stamp, parts.read(name)) if name == "docProps/core.xml" else parts.read(name)
            entry = zipfile.ZipInfo(name, date_time=date.timetuple()[:6])
            dated.writestr(entry, part, zipfile.ZIP_DEFLATED)
    return content.getvalue()
