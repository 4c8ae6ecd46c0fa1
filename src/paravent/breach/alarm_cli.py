"""``paravent breach alarms``: what the detectors of every verifier found, and the cases that it opens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import file_name, line, row
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.breach import config
from paravent.breach.alarm_client import AlarmClient, Fetched, digest_of
from paravent.breach.alarms import read_any_alarm, take_alarm
from paravent.breach.store import Store
from paravent.wire.alarm import Alarm
from paravent.wire.statements import Directory, Signed

FOLDER = "alarms"


def add_alarm_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: alarms."""

    @verb(group, "Fetch the new alarms of every verifier, and open a case for each subject; --dry-run only shows them.")
    @dry_run_option
    def alarms(home: Path, dry_run: bool) -> Said:
        """Fetches alarms and opens cases."""
        directory = read_directory(home, config.load(home).directory)
        client = AlarmClient(directory, config.read_key(home), cli.rng)
        fetched = asyncio.run(client.fetch(_known(home, directory)))
        cases = {} if dry_run else _taken(home, fetched)
        return _said(fetched, cases)


def _known(home: Path, directory: Directory) -> dict[str, dict[int, set[bytes]]]:
    """Gives the alarms taken of each verifier, by number."""
    known: dict[str, dict[int, set[bytes]]] = {}
    for path in sorted((home / FOLDER).glob("alarm-*.json")):
        signed = cli.read_file(path, Signed)
        alarm = read_any_alarm(signed, directory)
        known.setdefault(alarm.verifier, {}).setdefault(alarm.number, set()).add(digest_of(signed))
    return known


def _taken(home: Path, fetched: Sequence[Fetched]) -> dict[str, bool]:
    """Takes each alarm: first the case, then the file that says it was taken, so that a crash loses none."""
    cases: dict[str, bool] = {}
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with Store(home) as store:
        for signed, alarm in (pair for one in fetched for pair in one.alarms):
            case, new = take_alarm(store, signed, alarm, cli.now(), cli.rng)
            cases[case] = cases.get(case, False) or new
            path = folder / file_name(alarm)
            # Two alarms of one number: the verifier's database was put back between them.
            if path.exists():
                path = path.with_stem(f"{path.stem}-{digest_of(signed).hex()[:8]}")
            cli.write_file(path, signed)
    return cases


def _said(fetched: Sequence[Fetched], cases: dict[str, bool]) -> Said:
    alarms: list[Alarm] = [alarm for one in fetched for _, alarm in one.alarms]
    failed = {one.verifier: one.error.code for one in fetched if one.error is not None}
    lines = [*map(line, alarms), *(f"case {case} {'opened' if new else 'added to'}" for case, new in cases.items())]
    lines += [f"{verifier}: {code}, ask again" for verifier, code in failed.items()]
    return Said(
        text="\n".join([*lines, f"{len(alarms)} new alarms, {sum(cases.values())} cases opened"]),
        values={
            "alarms": [row(alarm) for alarm in alarms], "failed": failed,
            "opened": [case for case, new in cases.items() if new], "cases": list(cases),
        },
        failed=bool(failed),
    )  # fmt: skip
