"""``paravent drill``: attack a running platform and print how many persons a thief learns about."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from paravent.access.cli import clear_errors, working_folder, working_folder_option
from paravent.drill.cases import run as cases
from paravent.drill.dependencies import run as dependencies
from paravent.drill.dependencies.outages import OUTAGES
from paravent.drill.platform import INSURERS
from paravent.drill.playing import play
from paravent.drill.population import synthesise
from paravent.drill.registry import NIGHTLY, SCENARIOS
from paravent.drill.report import write
from paravent.drill.row import Row
from paravent.drill.simulation import run as simulation
from paravent.errors import BadInput

_SEED = 42
_OUTAGE_PERSONS = 600
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(help="Attack a running platform; print persons opened beside the published bound.")
@click.option(
    "--scenario",
    type=click.Choice([*SCENARIOS, "all", "nightly", "cases", "simulation"]),
    default="all",
    show_default=True,
)
@click.option("--persons", type=click.IntRange(200, 1_000_000), default=2_000, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="Seeds of the simulation.")
@click.option(
    "--processes",
    type=click.IntRange(1, 2),
    default=2,
    show_default=True,
    help="Scenarios played at once.",
)
@click.option(
    "--write", "root", type=_FOLDER, help="Write the rows of all scenarios into the documents of this folder."
)
@click.option("--dependencies", "outages", is_flag=True, help="Take away each dependency instead, one after another.")
@click.option(
    "--away",
    "away",
    multiple=True,
    type=click.Choice([outage.name for outage in OUTAGES if outage.takes_away]),
    help="With --dependencies: take away only these; default: each.",
)
@click.option(
    "--away-seconds", type=click.IntRange(0, 3_600), default=0, show_default=True,
    help="With --dependencies: how long each has been away before anything is tried.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, nothing else.")
@working_folder_option
@clear_errors
def drill(
    home: Path | None,
    scenario: str,
    persons: int,
    seeds: int,
    processes: int,
    root: Path | None,
    outages: bool,
    away: tuple[str, ...],
    away_seconds: int,
    as_json: bool,
) -> None:
    """Runs the scenarios; exits with 1 when a theft opened more than its published bound."""
    if (away or away_seconds) and not outages:
        raise BadInput("--away and --away-seconds go with --dependencies")
    with working_folder(home, "paravent-drill-") as folder:
        if outages:
            _show_outages(folder, away, away_seconds, as_json=as_json)
        elif scenario == "cases":
            _print(cases.rows(folder), as_json=as_json)
        elif scenario == "simulation":
            _print(simulation.rows(range(seeds)), as_json=as_json)
        else:
            rows: list[Row] = []
            for row in _rows(folder, scenario, persons, processes):
                _print([msgspec.to_builtins(row)], as_json=as_json)
                rows.append(row)
            if root is not None and scenario == "all":
                write(root, sorted(rows, key=lambda row: list(SCENARIOS).index(row.scenario)))
            _require_bounds(rows)


def _require_bounds(rows: Iterable[Row]) -> None:
    over = [row for row in rows if not row.holds()]
    for row in over:
        name = " ".join(filter(None, (row.scenario, row.platform, row.case)))
        click.echo(f"over its bound: {name}: {row.opened} opened, {row.bound} published", err=True)
    if over:
        sys.exit(1)


def _show_outages(folder: Path, away: Sequence[str], seconds: int, *, as_json: bool) -> None:
    """Plays the table of dependencies; exits with 1 when an operation ends otherwise than it says."""
    population = synthesise(_OUTAGE_PERSONS, list(INSURERS), _SEED, datetime.now(UTC).year)
    # What works while nothing is away is played each time: a refusal without it would show nothing.
    chosen = [outage for outage in OUTAGES if not away or not outage.takes_away or outage.name in away]
    rows = []
    for row in dependencies.play(folder, population, chosen, seconds):
        rows.append(row)
        mark = "" if row.found == row.expected else f"  ! expected {row.expected}"
        said = json.dumps(asdict(row)) if as_json else f"{row.dependency:28} {row.operation:8} {row.found}{mark}"
        click.echo(said)
    if any(row.found != row.expected for row in rows):
        sys.exit(1)


def _rows(folder: Path, scenario: str, persons: int, processes: int) -> Iterator[Row]:
    population = synthesise(persons, list(INSURERS), _SEED, datetime.now(UTC).year)
    names = {"all": tuple(SCENARIOS), "nightly": NIGHTLY}.get(scenario, (scenario,))
    return play(folder, population, [SCENARIOS[name] for name in names], processes)


def _print(rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        shown = {name: value for name, value in row.items() if value not in (None, "", {})}
        figures = "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in list(shown.items())[2:])
        click.echo(f"{row['scenario']:20} {row['platform']:12} {figures}")
