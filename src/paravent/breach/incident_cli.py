"""``paravent breach tell-insurer``: what an insurer may tell its members of a case, signed (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.quotas import QuotaLimits
from paravent.breach import case as cases
from paravent.breach import config, incident, notifying
from paravent.breach.case_cli import directory_of
from paravent.breach.entries import Documented
from paravent.breach.rules_store import shipped_duties
from paravent.breach.store import Store
from paravent.errors import BadInput, InvalidConfiguration
from paravent.wire.case import CASE_BYTES_MAX
from paravent.wire.codec import encode

_FILE = click.Path(path_type=Path, dir_okay=False)


def add_incident_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: tell-insurer."""

    @verb(
        group, "Write what an insurer may tell its members of a case: facts, advice, complaint letter, labels; signed."
    )
    @click.argument("case")
    @click.argument("insurer")
    @click.option("--out", type=_FILE, required=True, help="Signed file, for the insurer alone.")
    @dry_run_option
    def tell_insurer(home: Path, case: str, insurer: str, out: Path, dry_run: bool) -> Said:
        known, now = directory_of(home), cli.now()
        with Store(home) as store:
            found = {one.insurer: one for one, _ in cases.compute(store, case, known, QuotaLimits(), now)}
            if insurer not in found:
                raise InvalidConfiguration("the directory has no such insurer")
            measured = cases.measure(store, case, known, now)
            view = notifying.view_of(store, case, config.load(home), known, measured, shipped_duties(), now)
            told = incident.incident_of(view, insurer, found[insurer].labels)
            content = encode(incident.sign_incident(told, known, config.read_key(home)))
            if len(content) > CASE_BYTES_MAX:
                raise BadInput("too many labels for one file")
            if not dry_run:
                said = Documented(name=f"13-incident-{insurer}.json", sha256=store.keep_file(content))
                store.add(case, said, role=cases.OPERATOR, now=now)
                out.write_bytes(content + b"\n")
        text = f"case {case}: {len(told.labels)} records of {insurer}; nothing was sent to anybody"
        return Said(text=text, values={
            "case": case, "insurer": insurer, "labels": len(told.labels), "written": not dry_run,
        })  # fmt: skip
