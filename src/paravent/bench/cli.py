"""``paravent bench``: figures beside their floors, one JSON object a line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from paravent.access.cli import clear_errors, working_folder, working_folder_option
from paravent.bench import (
    bulk,
    checks,
    claims,
    corruption,
    detection_chart,
    disk_faults,
    double_payment,
    faults,
    incident,
    keyserver,
    kills,
    member_file,
    overload,
    population,
    power_cuts,
    rebuild,
    reopening,
    returning,
    rival_claims,
    sealing,
)
from paravent.bench.failover import shards
from paravent.bench.measures import Figures, Measure, Sizes
from paravent.bench.peers import table as peers
from paravent.bench.timing import table as timing

UNASKED: tuple[Measure, ...] = (
    sealing.MEASURE,
    keyserver.MEASURE,
    claims.MEASURE,
    rival_claims.MEASURE,
    checks.MEASURE,
)
"""What is measured when nothing is asked for."""

QUICK: tuple[Measure, ...] = (*UNASKED, population.MEASURE)
"""The same with ``--quick``: in less than two minutes, and with what takes hours at its full size."""

ASKED: tuple[Measure, ...] = (
    faults.MEASURE,
    kills.MEASURE,
    power_cuts.MEASURE,
    rebuild.MEASURE,
    reopening.MEASURE,
    returning.MEASURE,
    disk_faults.MEASURE,
    corruption.MEASURE,
    double_payment.MEASURE,
    member_file.MEASURE,
    detection_chart.MEASURE,
    incident.MEASURE,
    timing.MEASURE,
    peers.MEASURE,
    population.MEASURE,
    shards.MEASURE,
    bulk.MEASURE,
    overload.MEASURE,
)
"""What an option asks for, alone or with others."""


def _options() -> list[click.Parameter]:
    """Lists the option of each measure and then what it reads, each once."""
    options = [option for measure in ASKED for option in (measure.asked_by, *measure.options) if option is not None]
    return list(dict.fromkeys(options))


@click.command(help="Measure, each figure beside its floor in the same run.", params=_options())
@click.option("--quick", is_flag=True, help="Less of everything: 20,000 persons instead of 100,000.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, nothing else.")
@working_folder_option
@clear_errors
def bench(*, home: Path | None, quick: bool, as_json: bool, **given: Any) -> None:
    """Runs the measures that are asked for, or the usual ones."""
    chosen = [measure for measure in ASKED if measure.asked(given)] or (QUICK if quick else UNASKED)
    sizes = Sizes(quick=quick, given=given)
    with working_folder(home, "paravent-bench-", resumes=all(measure.resumes for measure in chosen)) as folder:
        for measure in chosen:
            place = folder / measure.name
            place.mkdir(exist_ok=True)
            for figures in measure.rows(place, sizes):
                _show(measure.name, figures, as_json=as_json)


def _show(benchmark: str, row: Figures, *, as_json: bool) -> None:
    figures = dataclasses.asdict(row)
    if as_json:
        click.echo(json.dumps({"benchmark": benchmark} | figures))
        return
    click.echo(benchmark)
    for name, value in figures.items():
        click.echo(f"  {name:24} {value}")
