"""``paravent insurer`` bulletins, warn: bulletins for insured persons, to members who stay here (operating.md)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.errors import InvalidConfiguration, Unreachable
from paravent.insurer import config
from paravent.insurer.case_cli import references
from paravent.insurer.store import Store
from paravent.insurer.warnings import for_members
from paravent.pages.bulletin_text import ENGLISH, FRENCH, lines
from paravent.wire.bulletins import Audience, Bulletin

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_bulletin_verbs(group: click.Group) -> None:
    """Adds the verbs of bulletins to an insurer's group."""

    @verb(group, "Fetch and list the bulletins for insured persons, verified as a desk verifies them.")
    @click.option("--lang", type=click.Choice([FRENCH, ENGLISH]), default=FRENCH, show_default=True)
    def bulletins(home: Path, lang: str) -> Said:
        """Lists."""
        with Store(home) as store:
            with suppress(Unreachable):
                asyncio.run(_refresh(home, store))
            found = [one for one in store.bulletins.all() if one.audience is Audience.INSURED]
            counts = {one.number: store.warnings.counts(one.number) for one in found}
        return Said(
            text="\n\n".join("\n".join(lines(one, lang)) for one in found) or "aucun bulletin / no bulletin",
            values={"bulletins": [_values(one, counts[one.number]) for one in found]},
        )

    @verb(group, "Queue a bulletin for the members of a file (CSV, column member_id): the file and the list stay here.")
    @click.argument("number", type=click.IntRange(min=1))
    @click.option("--members", type=_EXISTING, required=True, help="As `resolve` writes it, or of one's own.")
    @dry_run_option
    def warn(home: Path, number: int, members: Path, dry_run: bool) -> Said:
        """Queues."""
        if config.load(home).mail is None:
            raise InvalidConfiguration("there is no mail server: set [mail]")
        chosen = dict.fromkeys(references(members.read_bytes()))
        queued = 0
        with Store(home) as store:
            for_members(store.bulletins.all(), number)
            reachable = store.warnings.reachable(chosen)
            if not dry_run:
                with store.commit():
                    queued = store.warnings.queue(number, chosen, cli.now())
        text = (
            f"{queued} members queued for bulletin {number}; {len(chosen) - reachable} of {len(chosen)} have no"
            " address: they are told by post; outbox --send or serve sends"
        )
        return Said(text=text, values={
            "number": number, "chosen": len(chosen), "reachable": reachable, "queued": queued,
        })  # fmt: skip


def _values(bulletin: Bulletin, counts: tuple[int, int]) -> dict[str, object]:
    return {
        "number": bulletin.number, "attack": bulletin.attack, "issued_at": bulletin.issued_at,
        "title": bulletin.fr.title, "waiting": counts[0], "sent": counts[1],
    }  # fmt: skip


async def _refresh(home: Path, store: Store) -> None:
    # Imported here: what is kept is listed without a client.
    from paravent.access.bulletin_client import fetch_bulletins
    from paravent.access.client import SignedClient

    directory = read_directory(home, config.load(home).directory)
    known = store.bulletins.known()
    async with SignedClient(config.read_keys(home).issuer, cli.rng) as client:
        found = await fetch_bulletins(known, directory, client)
    if found is not None:
        with store.commit():
            store.bulletins.keep(found.head, known.count + 1, found.bulletins)
