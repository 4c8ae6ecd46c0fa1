"""The chart of detection, predicted beside measured, and the table of its values."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from paravent.bench.detection import PROFESSIONALS, DetectionRow, measure, measure_together
from paravent.bench.measures import Measure, Sizes, asking
from paravent.pages.chart import Chart, Kind, Series, Value, svg

# Over fifty shops a patient thief reads a hundred times as many: one bar would hide all the others.
_DRAWN_MAX = 1_000.0


def draw(rows: Sequence[DetectionRow], file: Path) -> None:
    """Writes the chart of what is read before an alarm, and every row as CSV beside it."""
    file.write_text(svg(chart_of(rows), "en"), encoding="utf-8")
    with file.with_suffix(".csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def chart_of(rows: Sequence[DetectionRow]) -> Chart:
    """Describes the chart: persons read, or look-ups made, before the alarm; the table has what is not drawn."""
    drawn = [row for row in rows if "year" not in row.unit and max(row.predicted, row.measured) <= _DRAWN_MAX]
    series = [
        Series(name=name, values=tuple(Value(value=getattr(row, name)) for row in drawn))
        for name in ("predicted", "measured")
    ]
    return Chart(
        identifier="detection", title="Persons read, or look-ups made, before the alarm", axis="scenario",
        unit="persons",
        description="Each detector in simulation beside what its Markov chain or its paths predict", kind=Kind.BARS,
        labels=tuple(f"{row.scenario}, {row.baseline}" for row in drawn), series=tuple(series),
    )  # fmt: skip


_SEED = 11
_CHART = click.Option(
    ["--chart"], type=click.Path(path_type=Path, dir_okay=False),
    help="Of --detection: where to draw it (SVG), its table beside it (CSV).",
)  # fmt: skip


def _rows(_folder: Path, sizes: Sizes) -> Iterator[DetectionRow]:
    """Simulates the detectors, and draws the chart when it is asked for."""
    fleet, thieves, rows = (1_000, 200, []) if sizes.quick else (PROFESSIONALS, 2_000, [])
    for row in chain(measure(fleet, thieves, _SEED), measure_together(fleet, _SEED)):
        yield row
        rows.append(row)
    chart = sizes.of(_CHART, None)
    if chart is not None:
        draw(rows, chart)


MEASURE = Measure(
    name="detection", rows=_rows, options=(_CHART,),
    asked_by=asking("--detection", "Simulate the detectors instead, over a fleet and a year."),
)  # fmt: skip
