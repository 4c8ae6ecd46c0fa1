"""The charts of ``pages.chart`` on a screen: words from its template, data table beside (RGAA 1.6, 5): pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.pages import chart as charts
from paravent.pages.chart import Chart, Kind, Series, Value
from paravent.pages.screens.catalogue import Language

Row = tuple[str, Sequence[float | None]]


def chart_of(
    key: str, rows: Sequence[Row], series: Sequence[str], *, title: str, description: str, axis: str, unit: str,
    kind: str = Kind.BARS,
) -> Chart:  # fmt: skip
    """Describes rows, each a label and a value for each series, as a chart; raises ValueError without rows."""
    return Chart(
        identifier=key, title=_plain(title), description=_plain(description), kind=Kind(kind), axis=_plain(axis),
        unit=_plain(unit), labels=tuple(_plain(label) for label, _ in rows),
        series=tuple(
            Series(name=_plain(name), values=tuple(_value(values[place]) for _, values in rows))
            for place, name in enumerate(series)
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing that a template shows as it is: ``charts.svg`` has escaped every word of it."""

    svg: str

    def __html__(self) -> str:
        """Returns what stands in the page."""
        return self.svg


def drawn(chart: Chart, language: Language) -> Drawing:
    """Draws a chart."""
    return Drawing(charts.svg(chart, language.value))


def tabled(chart: Chart, language: Language) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows of a chart's values."""
    return charts.table(chart, language.value)


def _plain(text: str) -> str:
    """Takes a sentence of a template as text: it is escaped where it is drawn, as any value."""
    return "".join(text)


def _value(value: float | None) -> Value | None:
    return None if value is None else Value(value=value)
