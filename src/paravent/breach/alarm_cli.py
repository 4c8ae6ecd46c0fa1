"""``paravent breach alarms``: what the detectors of every verifier found, and the cases that it opens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import line, row
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.breach import config
from paravent.breach.alarm_client import AlarmClient
from paravent.breach.alarm_store import AlarmRounds, Round


def add_alarm_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: alarms."""

    @verb(group, "Fetch the new alarms of every verifier, and open a case for each subject; --dry-run only shows them.")
    @dry_run_option
    def alarms(home: Path, dry_run: bool) -> Said:
        """Fetches alarms and opens cases."""
        directory = read_directory(home, config.load(home).directory)
        client = AlarmClient(directory, config.read_key(home), cli.rng)
        rounds = AlarmRounds(home=home, directory=directory, client=client, rng=cli.rng)
        return _said(asyncio.run(rounds.run(cli.now(), dry_run=dry_run)))


def _said(found: Round) -> Said:
    failed = {verifier: error.code for verifier, error in found.failed.items()}
    lines = [*map(line, found.alarms)]
    lines += [f"case {case} {'opened' if new else 'added to'}" for case, new in found.cases.items()]
    lines += [f"{verifier}: {code}, ask again" for verifier, code in failed.items()]
    return Said(
        text="\n".join([*lines, f"{len(found.alarms)} new alarms, {len(found.opened)} cases opened"]),
        values={
            "alarms": [row(alarm) for alarm in found.alarms], "failed": failed, "opened": found.opened,
            "cases": list(found.cases),
        },
        failed=bool(failed),
    )  # fmt: skip
