"""A report as one HTML page, charts included, each with its data table (docs/watch.md section 4)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import msgspec

from paravent.breach.observatory.counts import Report
from paravent.breach.observatory.texts import said

TABLES = (
    "by_year", "by_attack", "by_victim", "by_action", "by_vector", "by_variety", "by_country", "by_discovery",
    "by_certainty", "without",
)  # fmt: skip
SENTENCES = ("trend", "found_within_days", "through_partner")
_BARS = 25
_STYLE = (
    "body{font:16px sans-serif;max-width:60rem;margin:2rem auto}table{border-collapse:collapse}"
    "td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #999}"
)


def page(report: Report, language: str, official: Sequence[Mapping[str, str]], notifications: str) -> str:
    """Writes a whole page, which loads nothing from elsewhere."""
    title = escape(said("title", language))
    parts = [f"<h1>{title}</h1>", f"<p>{escape(said('records', language))} : {report.records}</p>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in sentences(report, language)]
    for name in TABLES:
        counts: dict[str, int] = getattr(report, name)
        if counts:
            parts += [f"<h2>{escape(said(name, language))}</h2>", chart(said(name, language), counts),
                      _table([said("word", language), said("count", language)], counts.items())]  # fmt: skip
    if official:
        parts += [f"<h2>{escape(said('official', language))}</h2>",
                  _table(list(official[0]), [tuple(row.values()) for row in official])]  # fmt: skip
    if notifications:
        parts.append(f"<p>{escape(notifications)}</p>")
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<main>{''.join(parts)}</main></html>\n"
    )


def sentences(report: Report, language: str) -> Iterator[str]:
    """Yields the estimates that can be made, each with its interval."""
    for name in SENTENCES:
        estimate = getattr(report, name)
        if estimate is not None:
            yield said(name, language).format(**msgspec.structs.asdict(estimate))


def chart(title: str, counts: Mapping[str, int]) -> str:
    """Draws horizontal bars as SVG: the table beside it has every value."""
    shown = list(counts.items())[-_BARS:] if title in {said("by_year", "fr"), said("by_year", "en")} else [
        *counts.items()
    ][:_BARS]  # fmt: skip
    most = max(count for _, count in shown)
    bars = "".join(
        f'<text x="195" y="{20 * row + 15}" text-anchor="end">{escape(word[:28])}</text>'
        f'<rect x="200" y="{20 * row + 2}" width="{400 * count / most:.1f}" height="15" fill="#1a4f8b"/>'
        f'<text x="{205 + 400 * count / most:.1f}" y="{20 * row + 15}">{count}</text>'
        for row, (word, count) in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" width="680"'
        f' height="{20 * len(shown) + 4}" font-size="12" font-family="sans-serif">{bars}</svg>'
    )


def spreadsheet(report: Report) -> str:
    """Writes every table as CSV: table, value, count."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["table", "value", "count"])
    writer.writerow(["records", "", report.records])
    for name in TABLES:
        writer.writerows([name, word, count] for word, count in getattr(report, name).items())
    return text.getvalue()


def _table(header: Sequence[str], rows: object) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows  # type: ignore[attr-defined]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
