"""``paravent desk audit``: what an insurer's medical officer is to see of this desk's claims (docs/operating.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.access.store import write_secret
from paravent.desk import config
from paravent.desk.audit import answer
from paravent.errors import BadInput
from paravent.wire.audit import AuditBook
from paravent.wire.codec import encode

_FILE = click.Path(path_type=Path, dir_okay=False)


def add_audit_verb(group: click.Group) -> None:
    """Adds the medical audit to the desk's group."""

    @verb(group, "Show which claims of a month are drawn for the medical audit, and write the sealed answer.")
    @click.argument("insurer")
    @click.argument("month", type=int)
    @click.option("--out", type=_FILE, default=None, help="Sealed answer to write, for the officer alone.")
    @dry_run_option
    def audit(home: Path, insurer: str, month: int, out: Path | None, dry_run: bool) -> Said:
        """Answers an audit."""
        # Imported here so that no other verb loads them.
        from paravent.desk.store import Store

        book = asyncio.run(_fetch(home, insurer))
        revealed = next((found for found in book.months if found.month == month), None)
        if revealed is None:
            raise BadInput("this insurer committed to no audit of this month")
        with Store(home) as store:
            done = answer(insurer, store.see_audit(insurer, revealed), revealed, store.claims())
        if out is not None and not dry_run:
            write_secret(out, encode(done.answer))
        lines = [
            f"{claim.hex()}  {'perdu / lost' if claim in done.lost else 'scellé / sealed'}" for claim in done.drawn
        ]
        total = f"{len(done.drawn)} dossiers tirés / claims drawn, {len(done.lost)} sans sel / salt lost"
        return Said(text="\n".join([*lines, total]), values={
            "month": month, "drawn": [claim.hex() for claim in done.drawn],
            "lost": [claim.hex() for claim in done.lost], "written": out is not None and not dry_run,
        })  # fmt: skip


async def _fetch(home: Path, insurer: str) -> AuditBook:
    from paravent.access.client import SignedClient
    from paravent.desk.client import DeskClient
    from paravent.desk.store import Store

    settings, key = config.load(home), config.device_key(home)
    with Store(home) as store:
        async with SignedClient(key, cli.rng) as http:
            return await DeskClient(settings, key, read_directory(home, settings.directory), store, http).audits(
                insurer
            )
