"""Charts as SVG with the table of their values: bars and lines, with error bars (docs/watch.md section 4).

One pure function for every page and document: the observatory, the steering committee, screens, measurements and
drills describe a ``Chart`` and take ``svg`` (a string, for HTML and for Typst), ``table`` (the same values as text)
or ``figure`` (both, as HTML). Nothing here needs a script, a style sheet or a font file: only presentation
attributes are used, so that a strict content security policy shows it. Series differ by colour, by lightness and by
marker; the table says everything that the drawing does. It chooses no wording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from paravent.pages.number import shown

COLOURS = ("#1a4f8b", "#b35c00", "#4d4d4d", "#7a1f5c")
_LABEL_CHARACTERS = 32
_LINE_LABELS_MAX = 12
_LEAST = 1e-9  # what is less is drawn as nothing
_BAR, _GAP, _LEFT, _WIDE = 18, 8, 220, 360
_PLOT_LEFT, _PLOT_TOP, _PLOT_WIDE, _PLOT_HIGH = 64, 14, 600, 240


class Kind(StrEnum):
    """Horizontal bars for categories, lines for what has an order such as years."""

    BARS = "bars"
    LINES = "lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value that is zero or more, and its interval when it is an estimate."""

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when the interval does not hold the value, or a number is negative or not finite."""
        numbers = [number for number in (self.low, self.value, self.high) if number is not None]
        if (self.low is None) is not (self.high is None):
            raise ValueError("an interval has two ends")
        if not all(math.isfinite(number) and number >= 0 for number in numbers) or numbers != sorted(numbers):
            raise ValueError("a value is zero or more, and stands inside its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of one kind, one for each label; None where there is none."""

    name: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn; ``identifier`` is unique on its page, ``axis`` names the labels, ``unit`` the values."""

    identifier: str
    title: str
    description: str
    kind: Kind
    axis: str
    unit: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    decimals: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError when a series has another length than the labels, or there is nothing to draw."""
        if not self.identifier.replace("-", "").isalnum() or not self.labels:
            raise ValueError("a chart has an identifier of letters, digits and hyphens, and at least one label")
        if not 1 <= len(self.series) <= len(COLOURS) or {len(one.values) for one in self.series} != {len(self.labels)}:
            raise ValueError(f"a chart has 1 to {len(COLOURS)} series, each with one value for each label")


def bars(identifier: str, title: str, description: str, axis: str, unit: str, counts: Mapping[str, int]) -> Chart:
    """Describes counts by word as bars."""
    return Chart(
        identifier=identifier, title=title, description=description, kind=Kind.BARS, axis=axis, unit=unit,
        labels=tuple(counts), series=(Series(name=unit, values=tuple(Value(value=n) for n in counts.values())),),
    )  # fmt: skip


def table(chart: Chart, language: str) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows of a chart's values; an interval stands beside its value."""
    header = [chart.axis, *(series.name for series in chart.series)]
    return header, [
        [label, *(_text(series.values[place], chart, language) for series in chart.series)]
        for place, label in enumerate(chart.labels)
    ]


def figure(chart: Chart, language: str) -> str:
    """Returns a chart and its table as HTML: a caption, the drawing, and the values as a table."""
    values = html_table(f"{chart.title} ({chart.unit})", *table(chart, language))
    return f"<figure>{svg(chart, language)}<figcaption>{escape(chart.description)}</figcaption>{values}</figure>"


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table as HTML: a caption, column headers, and row headers in the first column."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def svg(chart: Chart, language: str) -> str:
    """Draws a chart as one SVG element with its title and description."""
    legend = len(chart.series) > 1
    top = 22 * len(chart.series) if legend else 0
    drawn, high = _bars(chart, language) if chart.kind is Kind.BARS else _lines(chart, language)
    names = "".join(_legend(chart)) if legend else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 {high + top}" width="680" height="{high + top}"'
        f' role="img" aria-labelledby="{chart.identifier}-title {chart.identifier}-desc" font-family="sans-serif"'
        f' font-size="12" fill="#1a1a1a"><title id="{chart.identifier}-title">{escape(chart.title)}</title>'
        f'<desc id="{chart.identifier}-desc">{escape(chart.description)}</desc>'
        f'{names}<g transform="translate(0 {top})">{"".join(drawn)}</g></svg>'
    )


def _text(value: Value | None, chart: Chart, language: str) -> str:
    if value is None:
        return "-"
    text = shown(value.value, language, chart.decimals)
    if value.low is None or value.high is None:
        return text
    return f"{text} [{shown(value.low, language, chart.decimals)} ; {shown(value.high, language, chart.decimals)}]"


def _most(chart: Chart) -> float:
    found = [value for series in chart.series for value in series.values if value is not None]
    most = max((value.value if value.high is None else value.high for value in found), default=0.0)
    return most if most >= _LEAST else 1.0


def _legend(chart: Chart) -> Iterator[str]:
    for number, series in enumerate(chart.series):
        yield _marker(number, 12, 22 * number + 11)
        yield f'<text x="24" y="{22 * number + 15}">{escape(series.name)}</text>'


def _marker(number: int, x: float, y: float) -> str:
    """Draws the mark of a series: a disc, a square, a triangle, a diamond."""
    points = ((), ((-4, -4), (4, -4), (4, 4), (-4, 4)), ((0, -5), (5, 4), (-5, 4)), ((0, -5), (5, 0), (0, 5), (-5, 0)))
    if number == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[0]}"/>'
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points[number])
    return f'<polygon points="{corners}" fill="{COLOURS[number]}"/>'


def _bars(chart: Chart, language: str) -> tuple[Iterator[str], int]:
    group = _BAR * len(chart.series) + _GAP
    return _bar_parts(chart, language, group), group * len(chart.labels) + _GAP


def _bar_parts(chart: Chart, language: str, group: int) -> Iterator[str]:
    scale = _WIDE / _most(chart)
    for place, label in enumerate(chart.labels):
        top = group * place + _GAP
        yield f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(_cut(label))}</text>'
        for number, series in enumerate(chart.series):
            value, y = series.values[place], top + _BAR * number
            end = float(_LEFT)
            if value is not None:
                yield (
                    f'<rect x="{_LEFT}" y="{y}" width="{value.value * scale:.1f}" height="{_BAR - 3}"'
                    f' fill="{COLOURS[number]}"/>'
                )
                end = _LEFT + (value.value if value.high is None else value.high) * scale
                if value.low is not None and value.high is not None:
                    middle = y + (_BAR - 3) / 2
                    yield _whisker((_LEFT + value.low * scale, middle), (_LEFT + value.high * scale, middle), 0, 4)
            yield f'<text x="{end + 6:.1f}" y="{y + 12}">{escape(_figure_text(value, chart, language))}</text>'


def _figure_text(value: Value | None, chart: Chart, language: str) -> str:
    return "-" if value is None else shown(value.value, language, chart.decimals)


def _whisker(first: tuple[float, float], last: tuple[float, float], dx: float, dy: float) -> str:
    """Draws an interval as a line with a tick at each end."""
    ends = "".join(f"M{x - dx:.1f} {y - dy:.1f}L{x + dx:.1f} {y + dy:.1f}" for x, y in (first, last))
    line = f"M{first[0]:.1f} {first[1]:.1f}L{last[0]:.1f} {last[1]:.1f}"
    return f'<path d="{line}{ends}" stroke="#1a1a1a" stroke-width="1.2" fill="none"/>'


def _lines(chart: Chart, language: str) -> tuple[Iterator[str], int]:
    return _line_parts(chart, language), _PLOT_TOP + _PLOT_HIGH + 44


def _line_parts(chart: Chart, language: str) -> Iterator[str]:
    step = _step(_most(chart))
    most = step * math.ceil(_most(chart) / step)
    bottom = _PLOT_TOP + _PLOT_HIGH
    for number in range(round(most / step) + 1):
        y = bottom - _PLOT_HIGH * number * step / most
        yield f'<path d="M{_PLOT_LEFT} {y:.1f}H{_PLOT_LEFT + _PLOT_WIDE}" stroke="#cccccc" fill="none"/>'
        text = shown(number * step, language, max(chart.decimals, 0 if step >= 1 else 2))
        yield f'<text x="{_PLOT_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    every = math.ceil(len(chart.labels) / _LINE_LABELS_MAX)
    for place in range(0, len(chart.labels), every):
        label = escape(_cut(chart.labels[place]))
        yield f'<text x="{_x(place, chart):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
    yield f'<text x="{_PLOT_LEFT + _PLOT_WIDE / 2}" y="{bottom + 38}" text-anchor="middle">{escape(chart.axis)}</text>'
    for number, series in enumerate(chart.series):
        yield from _line(chart, series, number, _PLOT_HIGH / most)


def _line(chart: Chart, series: Series, number: int, scale: float) -> Iterator[str]:
    bottom, path = _PLOT_TOP + _PLOT_HIGH, ""
    for place, value in enumerate(series.values):
        if value is None:
            continue
        x, y = _x(place, chart), bottom - value.value * scale
        # A gap is a gap: the line starts again after a label without a value.
        path += f"{'L' if path and place and series.values[place - 1] is not None else 'M'}{x:.1f} {y:.1f}"
        if value.low is not None and value.high is not None:
            yield _whisker((x, bottom - value.low * scale), (x, bottom - value.high * scale), 4, 0)
        yield _marker(number, x, y)
    yield f'<path d="{path}" stroke="{COLOURS[number]}" stroke-width="2" fill="none"/>'


def _x(place: int, chart: Chart) -> float:
    return _PLOT_LEFT + _PLOT_WIDE * (place + 0.5) / len(chart.labels)


def _step(most: float) -> float:
    """Returns a round step that divides a scale in at most six."""
    power: float = 10.0 ** math.floor(math.log10(most / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= most)


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARACTERS else label[: _LABEL_CHARACTERS - 1] + "…"
