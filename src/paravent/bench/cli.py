"""``paravent bench``: figures beside their floors, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from paravent.access.cli import clear_errors, working_folder, working_folder_option
from paravent.bench import checks, claims, incident, keyserver, member_file, rival_claims, sealing
from paravent.bench import detection as detectors
from paravent.bench import double_payment as payments
from paravent.bench import faults as kill
from paravent.bench.detection_chart import draw
from paravent.bench.double_payment import ATTEMPTS
from paravent.drill.platform import INSURERS
from paravent.drill.population import synthesise

KILLS = 1_000
_SEED = 11
_QUICK_CLAIMS = 512
_QUICK_PERSONS, _FULL_PERSONS = 20_000, 100_000
_QUICK_SECONDS, _FULL_SECONDS = 10.0, 60.0


@click.command(help="Measure, each figure beside its floor in the same run.")
@click.option("--quick", is_flag=True, help="Under a minute: 20,000 persons instead of 100,000.")
@click.option("--faults", is_flag=True, help="Kill a key server 1,000 times instead, between spending and answering.")
@click.option(
    "--double-payment", is_flag=True, help="Try instead to have rights paid twice, on SQLite and on PostgreSQL."
)
@click.option("--attempts", type=click.IntRange(min=1), default=ATTEMPTS, show_default=True, help="How many of those.")
@click.option("--members", type=click.IntRange(1_000), help="Publish a file of that many members instead, then a day.")
@click.option("--detection", is_flag=True, help="Simulate the detectors instead, over a fleet and a year.")
@click.option(
    "--chart", type=click.Path(path_type=Path, dir_okay=False),
    help="Of --detection: where to draw it (SVG), its table beside it (CSV).",
)  # fmt: skip
@click.option("--incident", "national", is_flag=True, help="Play national incidents at the breach desk instead.")
@click.option("--persons", "insured", type=click.IntRange(1), default=incident.PERSONS, help="Persons of an incident.")
@click.option("--insurers", type=click.IntRange(2), default=incident.INSURERS, help="Insurers of an incident.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, nothing else.")
@working_folder_option
@clear_errors
def bench(
    home: Path | None, quick: bool, faults: bool, double_payment: bool, attempts: int, members: int | None,
    detection: bool, chart: Path | None, national: bool, insured: int, insurers: int, as_json: bool,
) -> None:  # fmt: skip
    """Runs the benchmarks."""
    with working_folder(home, "paravent-bench-") as folder:
        if faults:
            _row("faults", asdict(kill.measure(folder, KILLS)), as_json=as_json)
            return
        if double_payment:
            for found in payments.measure(folder, attempts):
                _row("double-payment", asdict(found), as_json=as_json)
            return
        if members is not None:
            _row("member-file", asdict(member_file.measure(folder / "platform", members)), as_json=as_json)
            return
        if national:
            for figures in incident.measure_incidents(insured, insurers):
                _row("incident", asdict(figures), as_json=as_json)
            return
        if detection:
            _detection(chart, quick=quick, as_json=as_json)
            return
        seconds, persons = (_QUICK_SECONDS, _QUICK_PERSONS) if quick else (_FULL_SECONDS, _FULL_PERSONS)
        _row("sealing", asdict(sealing.measure(seconds)), as_json=as_json)
        _row("keyserver", asdict(keyserver.measure(folder / "keyserver")), as_json=as_json)
        population = synthesise(persons, list(INSURERS), _SEED, datetime.now(UTC).year)
        count = _QUICK_CLAIMS if quick else claims.CLAIMS
        for rates in claims.measure(folder / "claims", count):
            _row("claims", asdict(rates), as_json=as_json)
        _row("claims", asdict(rival_claims.measure(folder / "rival", population, count)), as_json=as_json)
        _row("checks", asdict(checks.measure(folder, population)), as_json=as_json)


def _detection(chart: Path | None, *, quick: bool, as_json: bool) -> None:
    """Simulates the detectors, and draws the chart when it is asked for."""
    fleet, thieves, rows = (1_000, 200, []) if quick else (detectors.PROFESSIONALS, 2_000, [])
    for row in detectors.measure(fleet, thieves, _SEED):
        _row("detection", asdict(row), as_json=as_json)
        rows.append(row)
    if chart is not None:
        draw(rows, chart)


def _row(benchmark: str, figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"benchmark": benchmark} | figures))
        return
    click.echo(benchmark)
    for name, value in figures.items():
        click.echo(f"  {name:24} {value}")
