"""``paravent``: one verb group per party; only the party asked for is loaded (docs/operating.md)."""

from __future__ import annotations

import os
import sys

import click

_HELP = """Third-party payment (tiers payant) for optics, whose breach opens almost no file.

\b
demo        the whole story on loopback, in a temporary folder
drill       attack it, and print how many persons a thief learns about
bench       the benchmarks, each with its floor in the same run
insurer     an insurer: publish, card, claims
keyserver   an independent key server
hub         the operator's hub
desk        the optician's own machine
verify      an evidence dossier, checked offline
breach      custodians, and the opening of a case's window
watch       the observatory of the sector's incidents, the registers of measures and contracts
doctor      the state of the party of a home, checked by itself
"""


def main() -> None:
    """Loads the group named by the first argument and runs it; what it writes is its owner's alone."""
    os.umask(0o077)
    try:
        commands = _doctor(sys.argv[2:]) if sys.argv[1:2] == ["doctor"] else _commands(sys.argv[1:2])
    except ModuleNotFoundError as error:
        # One party is one machine: each installs the packages of its own extra.
        sys.exit(f"paravent {sys.argv[1]} needs the package {error.name}: install paravent[{sys.argv[1]}]")
    click.Group(name="paravent", help=_HELP, commands=commands)(prog_name="paravent")


def _doctor(options: list[str]) -> dict[str, click.Command]:
    """Loads the party that a home belongs to, and no other, and gives its verb ``doctor``."""
    from paravent.access.doctor.party_config import party_of

    party = party_of(options)
    group = _commands([party])[party]
    assert isinstance(group, click.Group)  # noqa: S101 - every party is a group
    return {"doctor": group.commands["doctor"]}


def _commands(first: list[str]) -> dict[str, click.Command]:  # noqa: C901 - one short branch per party
    # Each import stands in its own branch: a hub process has no insurer, desk or person module at all.
    command: click.Command
    match first:
        case ["keyserver"]:
            from paravent.keyserver.cli import group as command
        case ["hub"]:
            from paravent.hub.cli import group as command
        case ["insurer"]:
            from paravent.insurer.cli import group as command
        case ["desk"]:
            from paravent.desk.cli import group as command
        case ["breach"]:
            from paravent.breach.cli import group as command
        case ["verify"]:
            from paravent.breach.dossier_cli import verify as command
        case ["watch"]:
            from paravent.breach.observatory.cli import group as command
        case ["demo"]:
            from paravent.demo.cli import demo as command
        case ["drill"]:
            from paravent.drill.cli import drill as command
        case ["bench"]:
            from paravent.bench.cli import bench as command
        case _:
            return {}
    return {first[0]: command}
