"""``paravent desk audit``: what an insurer's medical officer is to see of this desk's claims (docs/operating.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.desk import config
from paravent.desk.audit import Answered, answer
from paravent.errors import BadInput


def add_audit_verb(group: click.Group) -> None:
    """Adds the medical audit to the desk's group."""

    @verb(group, "Show which claims of a month are drawn for the medical audit, and send their sealed openings.")
    @click.argument("insurer")
    @click.argument("month", type=int)
    @dry_run_option
    def audit(home: Path, insurer: str, month: int, dry_run: bool) -> Said:
        """Answers an audit."""
        done, sent = asyncio.run(_answer(home, insurer, month, dry_run=dry_run))
        lines = [
            f"{claim.hex()}  {'perdu / lost' if claim in done.lost else 'scellé / sealed'}" for claim in done.drawn
        ]
        counts = (
            f"{len(done.drawn)} dossiers tirés / drawn",
            f"{len(done.lost)} sans sel / salt lost",
            f"{sent} envoyés / sent",
        )
        total = ", ".join(counts)
        return Said(text="\n".join([*lines, total]), values={
            "month": month, "drawn": [claim.hex() for claim in done.drawn],
            "lost": [claim.hex() for claim in done.lost], "sent": sent,
        })  # fmt: skip


async def _answer(home: Path, insurer: str, month: int, *, dry_run: bool) -> tuple[Answered, int]:
    # Imported here so that no other verb loads them.
    from paravent.access.client import SignedClient
    from paravent.desk.box_client import send_openings
    from paravent.desk.client import DeskClient
    from paravent.desk.store import Store

    settings, key = config.load(home), config.device_key(home)
    directory = read_directory(home, settings.directory)
    with Store(home) as store:
        async with SignedClient(key, cli.rng) as http:
            book = await DeskClient(settings, key, directory, store, http).audits(insurer)
            revealed = next((found for found in book.months if found.month == month), None)
            if revealed is None:
                raise BadInput("this insurer committed to no audit of this month")
            done = answer(insurer, store.see_audit(insurer, revealed), revealed, store.claims())
            return done, 0 if dry_run else await send_openings(insurer, done.boxes, directory, store.letters, http)
