"""``paravent drill``: attack a running platform and print how many persons a thief learns about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from paravent.access.cli import clear_errors, working_folder, working_folder_option
from paravent.drill.cases import run as cases
from paravent.drill.conventional import run as conventional
from paravent.drill.credentials import run as credentials
from paravent.drill.old_backups import old_backups
from paravent.drill.platform import INSURERS, SERVERS, Platform
from paravent.drill.population import Population, synthesise
from paravent.drill.simulation import run as simulation
from paravent.drill.theft import Theft, copy_database, read_directory

Scenario = Callable[[Platform, Population], Iterator[dict[str, Any]]]

_SEED = 42
SCENARIOS = ("database", "old-backups", "credentials", "conventional")


@click.command(help="Attack a running platform; print persons opened beside the published bound.")
@click.option(
    "--scenario", type=click.Choice([*SCENARIOS, "all", "cases", "simulation"]), default="all", show_default=True
)
@click.option("--persons", type=click.IntRange(200, 1_000_000), default=2_000, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="Seeds of the simulation.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, nothing else.")
@working_folder_option
@clear_errors
def drill(home: Path | None, scenario: str, persons: int, seeds: int, as_json: bool) -> None:
    """Runs the scenarios."""
    population = synthesise(persons, list(INSURERS), _SEED, datetime.now(UTC).year)
    with working_folder(home, "paravent-drill-") as folder:
        if scenario in {"database", "all"}:
            _print(_played(folder / "database", population, database), as_json=as_json)
        if scenario in {"old-backups", "all"}:
            _print(_played(folder / "old-backups", population, old_backups), as_json=as_json)
        if scenario in {"credentials", "all"}:
            _print(credentials.rows(folder / "credentials", population), as_json=as_json)
        if scenario in {"conventional", "all"}:
            _print(conventional.rows(folder / "conventional", population), as_json=as_json)
        if scenario == "cases":
            _print(cases.rows(folder), as_json=as_json)
        if scenario == "simulation":
            _print(simulation.rows(range(seeds)), as_json=as_json)


def _print(rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        _show(row, as_json=as_json)


def _played(folder: Path, population: Population, scenario: Scenario) -> Iterator[dict[str, Any]]:
    """Plays a scenario on a platform of its own."""
    folder.mkdir()
    platform = Platform(folder)
    try:
        _publish(platform, population)
        yield from scenario(platform, population)
    finally:
        platform.stop()


def database(platform: Platform, population: Population) -> Iterator[dict[str, Any]]:
    """Steals the hub's database and the true list, then 0 to n key servers' files."""
    copy = copy_database(platform.home / "hub" / "hub.db", platform.home / "stolen.db")
    theft = Theft(database=copy, leaked=population.leaked_list(), directory=read_directory(platform))
    threshold = 2
    for stolen in range(SERVERS + 1):
        names = [f"keyserver-{number}" for number in range(1, stolen + 1)]
        loot = theft.attack(platform.key_files(*names))
        yield {
            "scenario": f"database+{stolen}-key-servers", "platform": "paravent", "persons": len(population.persons),
            "opened": population.persons_of(loot.opened), "membership": population.persons_of(loot.members),
            "bound": 0 if stolen < threshold else len(population.persons), "seconds": round(loot.seconds, 2),
        }  # fmt: skip


def _publish(platform: Platform, population: Population) -> None:
    platform.create(population, 20)
    platform.start(*(f"keyserver-{number}" for number in range(1, SERVERS + 1)), "hub")
    for amc in population.insurers:
        platform.publish(amc)


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row))
        return
    figures = "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in list(row.items())[2:])
    click.echo(f"{row['scenario']:42} {row['platform']:10} {figures}")
