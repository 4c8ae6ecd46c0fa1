"""A report as PDF: the sentences, charts and tables of its page, on the shared layout (docs/watch.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from paravent.breach.observatory.counts import Report
from paravent.breach.observatory.drawn import drawn
from paravent.breach.observatory.page import TABLES, sentences
from paravent.breach.observatory.texts import said
from paravent.pages.chart import Chart, svg, table
from paravent.pages.pdf import Language, Letterhead, render_pdf

ROWS_MAX = 60


def printed(report: Report, language: str, official: Sequence[Mapping[str, str]], notice: str, *, now: int) -> bytes:
    """Lays out a report; a table longer than ROWS_MAX says that it is cut: the CSV has every row."""
    first = [f"{said('records', language)} : {report.records}", *sentences(report, language)]
    content = [_section(said("title", language), [*first, *filter(None, [notice])], [], [])]
    charts = drawn(report, language)
    for name, chart in charts.items():
        if name not in TABLES:
            header, rows = table(chart, language)
            content.append(_section(chart.title, [chart.description], header, rows, chart, language))
    columns = [said("word", language), said("count", language)]
    for name in TABLES:
        rows = [[word, str(count)] for word, count in getattr(report, name).items()]
        if rows:
            cut = [said("cut", language).format(rows=ROWS_MAX, total=len(rows))] if len(rows) > ROWS_MAX else []
            content.append(_section(said(name, language), cut, columns, rows[:ROWS_MAX], charts.get(name), language))
    if official:
        rows = [list(row.values()) for row in official]
        content.append(_section(said("official", language), [], list(official[0]), rows))
    head = Letterhead(
        title=said("title", language), language=Language(language), issuer=("Paravent",),
        day=datetime.fromtimestamp(now, UTC).date(),
    )  # fmt: skip
    return render_pdf("sections", head, {"sections": content}, created_at=now)


def _section(
    heading: str, paragraphs: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]],
    chart: Chart | None = None, language: str = "",
) -> dict[str, object]:  # fmt: skip
    drawing = [] if chart is None else [{"svg": svg(chart, language), "alt": f"{chart.title}. {chart.description}"}]
    return {
        "heading": heading, "paragraphs": list(paragraphs), "columns": list(columns), "rows": list(rows),
        "charts": drawing,
    }  # fmt: skip
