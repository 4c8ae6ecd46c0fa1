"""The verb by which an operator takes a service's security events into a SIEM (docs/operating.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import every_alarm, read_own
from paravent.access.cli import Said, verb
from paravent.access.devices import date_text
from paravent.access.events.happened import SETTLING_SECONDS, Happened, happened
from paravent.access.events.mapping_store import shipped_mapping
from paravent.access.events.ocsf import Ocsf, Values
from paravent.access.store import VerifierStore
from paravent.errors import BadInput

DAY_SECONDS = 86_400
Read = Callable[[Path, int, int], Sequence[Happened]]
"""Reads what was settled in the home of a service from an instant on, before another."""

_FILE = click.Path(path_type=Path, dir_okay=False)


def add_events_verb(group: click.Group, read: Read, name: Callable[[Path], str]) -> None:
    """Adds ``events``."""

    @verb(group, "List security events, of no insured person; --ocsf writes each as one JSON line of OCSF.")
    @click.option("--since", default=None, help="UTC instant (2026-11-27T08:00) or Unix seconds; default: a day ago.")
    @click.option("--ocsf", is_flag=True, help="One JSON object of the OCSF schema a line.")
    @click.option("--out", type=_FILE, default=None, help="New file for the lines; default: the terminal.")
    def events(home: Path, since: str | None, ocsf: bool, out: Path | None) -> Said:
        """Lists events; ``until`` in the answer is what to ask --since the next time, so that none comes twice."""
        until = cli.now() - SETTLING_SECONDS
        begins = until - DAY_SECONDS if since is None else _instant(since)
        writer = Ocsf(mapping=shipped_mapping(), service=name(home))
        found = [writer.event(one) for one in read(home, begins, until)]
        lines = [json.dumps(one, ensure_ascii=False) if ocsf else _line(one) for one in found]
        values = {"events": len(found), "since": begins, "until": until, "ocsf": writer.mapping.version}
        if out is None:
            return Said(text="\n".join(lines if ocsf else [*lines, f"{len(found)} events"]), values=values)
        with out.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        return Said(text=f"{len(found)} events written to {out}", values=values | {"file": str(out)})


def of_verifier(store: Callable[[Path], VerifierStore]) -> Read:
    """Reads the events of a verifier from its store."""

    def read(home: Path, since: int, until: int) -> list[Happened]:
        with store(home) as opened:
            alarms = [read_own(one) for one in every_alarm(opened, 0)]
            return happened(opened, alarms, since, until)

    return read


def _instant(text: str) -> int:
    """Reads an instant; raises BadInput."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("an instant is written 2026-11-27T08:00, or in Unix seconds") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _line(event: Values) -> str:
    """Writes one event for people."""
    metadata, about = event["metadata"], event.get("entity") or event.get("unmapped") or event.get("api") or {}
    subject = about.get("uid") or about.get("subject") or about.get("operation") or event.get("desc", "")
    said = [date_text(event["time"] // 1_000), metadata["log_name"], metadata["event_code"], subject]
    said += [event.get("status_code", ""), f"x {event['count']}" if "count" in event else ""]
    return " ".join(filter(None, said))
