"""A report as one HTML page, charts included, each with its data table (docs/watch.md section 4).

The page is whole by itself: its own policy forbids scripts and every request to anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import msgspec

from paravent.breach.observatory.counts import Report
from paravent.breach.observatory.drawn import drawn
from paravent.breach.observatory.texts import said
from paravent.pages.chart import figure, html_table, svg
from paravent.pages.spreadsheet import commas

TABLES = (
    "by_year", "by_attack", "by_victim", "by_action", "by_vector", "by_variety", "by_country", "by_discovery",
    "by_certainty", "without",
)  # fmt: skip
SENTENCES = ("trend", "found_within_days", "through_partner")
_STYLE = (
    "body{font:16px sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "svg{max-width:100%;height:auto}table{border-collapse:collapse;margin:1rem 0}caption{text-align:left}"
    "td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #767676;font-weight:normal}"
    "thead th{font-weight:bold}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(report: Report, language: str, official: Sequence[Mapping[str, str]], notifications: str) -> str:
    """Writes a whole page, which loads nothing from elsewhere."""
    title = escape(said("title", language))
    parts = [f"<h1>{title}</h1>", f"<p>{escape(said('records', language))} : {report.records}</p>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in sentences(report, language)]
    charts = drawn(report, language)
    parts += [_section(one.title, figure(one, language)) for name, one in charts.items() if name not in TABLES]
    columns = [said("word", language), said("count", language)]
    for name in TABLES:
        rows = [(word, str(count)) for word, count in getattr(report, name).items()]
        if rows:
            table = html_table(said(name, language), columns, rows)
            parts.append(_section(said(name, language), svg(charts[name], language) + table))
    if official:
        name = said("official", language)
        parts.append(_section(name, html_table(name, list(official[0]), [tuple(row.values()) for row in official])))
    if notifications:
        parts.append(f"<p>{escape(notifications)}</p>")
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _section(heading: str, content: str) -> str:
    return f"<h2>{escape(heading)}</h2>{content}"


def sentences(report: Report, language: str) -> Iterator[str]:
    """Yields the estimates that can be made, each with its interval."""
    for name in SENTENCES:
        estimate = getattr(report, name)
        if estimate is not None:
            yield said(name, language).format(**msgspec.structs.asdict(estimate))


def spreadsheet(report: Report) -> str:
    """Writes every table as CSV: table, value, count."""
    rows = [[name, word, count] for name in TABLES for word, count in getattr(report, name).items()]
    return commas([["table", "value", "count"], ["records", "", report.records], *rows])
