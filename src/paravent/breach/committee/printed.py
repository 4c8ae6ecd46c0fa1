"""The page as PDF, one sheet (docs/watch.md section 10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from paravent.breach.committee.figures import Committee
from paravent.breach.committee.shown import charts, figures, note
from paravent.breach.committee.texts import said
from paravent.pages.chart import svg, table
from paravent.pages.pdf import Language, Letterhead, render_pdf


def printed(page: Committee, language: str, operator: str, named: Callable[[str], str]) -> bytes:
    """Lays the page out, with attacks as ``named`` says them; raises TechnicalFailure as ``render_pdf`` does."""
    head = Letterhead(
        title=said("title", language), language=Language(language), issuer=(operator,),
        day=datetime.fromtimestamp(page.at, UTC).date(), notices=tuple(filter(None, [note(page, language)])),
    )  # fmt: skip
    drawn = []
    for one in charts(page, language, named):
        header, rows = table(one, language)
        drawn.append({
            "svg": svg(one, language), "alt": f"{one.title}. {one.description}", "title": one.title,
            "caption": one.description, "columns": header, "rows": rows,
        })  # fmt: skip
    content = {
        "columns": [said("figure", language), said("value", language)],
        "figures": [list(row) for row in figures(page, language)], "charts": drawn,
    }  # fmt: skip
    return render_pdf("committee", head, content, created_at=page.at)
