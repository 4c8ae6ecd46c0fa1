"""``paravent watch measures`` and ``answer``: the register of measures (docs/watch.md section 8)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach.registers.measures import Answer, Kind, tally
from paravent.breach.registers.store import Store, shipped
from paravent.errors import InvalidConfiguration

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
registers_option = click.option(
    "--registers", type=click.Path(path_type=Path, file_okay=False, exists=True), default=None,
    help="Home of the register of measures (paravent watch answer); the breach desk's own by default.",
)  # fmt: skip


def add_measure_verbs(group: click.Group) -> None:
    """Adds ``measures`` and ``answer``."""

    @verb(group, "List the measures of ANSSI and of the CNIL with their latest answers.")
    def measures(home: Path) -> Said:
        """Lists them."""
        known = shipped()
        with Store(home) as store:
            latest = store.latest()
        lines = [
            f"{one.reference:9} {latest[one.reference].kind.value if one.reference in latest else '-':9} {one.title}"
            for one in known
        ]
        counts = tally(known, latest)
        answers = [msgspec.to_builtins(answer) for answer in latest.values()]
        return Said(text="\n".join([*lines, str(counts)]), values={"measures": len(known), "answers": answers} | counts)

    @verb(group, "Answer a measure: by a document (its hash is kept), by declaration, or no.")
    @click.argument("reference")
    @click.option("--kind", type=click.Choice([kind.value for kind in Kind]), required=True)
    @click.option("--owner", required=True, help="Function that answers for it: never a person's name.")
    @click.option("--proof", type=_EXISTING, default=None, help="The document.")
    @dry_run_option
    def answer(home: Path, reference: str, kind: str, owner: str, proof: Path | None, dry_run: bool) -> Said:
        """Answers."""
        if reference not in {one.reference for one in shipped()}:
            raise InvalidConfiguration("no measure has this reference: paravent watch measures lists them")
        digest = None if proof is None else hashlib.sha256(proof.read_bytes()).digest()
        day = datetime.fromtimestamp(cli.now(), UTC).date().isoformat()
        try:
            given = Answer(reference=reference, kind=Kind(kind), owner=owner, day=day, proof=digest)
        except ValueError as error:
            raise InvalidConfiguration(str(error)) from None
        if not dry_run:
            with Store(home) as store:
                store.add(given)
        return Said(text=f"{reference}: {kind}", values=msgspec.to_builtins(given) | {"kept": not dry_run})
