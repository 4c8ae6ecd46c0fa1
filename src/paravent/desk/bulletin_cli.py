"""``paravent desk`` bulletins, acknowledge: what the breach desk warns opticians of (docs/operating.md)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.desk import config
from paravent.errors import BadInput, Unreachable
from paravent.pages.bulletin_text import ENGLISH, FRENCH, lines
from paravent.wire.bulletins import Bulletin

_FOLDER = click.Path(path_type=Path, file_okay=False)
_language = click.option("--lang", type=click.Choice([FRENCH, ENGLISH]), default=FRENCH, show_default=True)


def add_bulletin_verbs(group: click.Group) -> None:
    """Adds the verbs of bulletins to the desk's group."""

    @verb(group, "Fetch and show the breach desk's bulletins, the newest first; what is kept is shown without network.")
    @_language
    @click.option("--out", type=_FOLDER, default=None, help="Folder for each bulletin as PDF.")
    def bulletins(home: Path, lang: str, out: Path | None) -> Said:
        """Shows bulletins."""
        from paravent.desk.bulletins import shown
        from paravent.desk.store import Store

        with suppress(Unreachable):
            asyncio.run(_refresh(home))
        with Store(home) as store:
            found = shown(store.bulletins, cli.now())
        if out is not None:
            _write(out, [bulletin for bulletin, _ in found.bulletins], lang)
        blocks = ["\n".join(lines(bulletin, lang)) for bulletin, _ in found.bulletins]
        if found.stale:
            blocks.append("La liste n'a pas été confirmée depuis longtemps / the list was not confirmed for long")
        newest = found.newest
        return Said(text="\n\n".join(blocks) or "aucun bulletin / no bulletin", values={
            "bulletins": [_values(bulletin, at) for bulletin, at in found.bulletins],
            "newest": None if newest is None else newest.number,
            "confirmed_at": found.confirmed_at, "stale": found.stale,
        })  # fmt: skip

    @verb(group, "Say that this shop has read a bulletin: counted once for the shop, whoever says it.")
    @click.argument("number", type=click.IntRange(min=1))
    @dry_run_option
    def acknowledge(home: Path, number: int, dry_run: bool) -> Said:
        """Acknowledges a bulletin."""
        first = asyncio.run(_acknowledge(home, number, dry_run=dry_run))
        text = f"bulletin {number} : " + ("lu par ce magasin / read by this shop" if not dry_run else "-")
        return Said(text=text, values={"number": number, "first": first, "sent": not dry_run})


def _values(bulletin: Bulletin, acknowledged_at: int | None) -> dict[str, Any]:
    return {**msgspec.to_builtins(bulletin), "acknowledged_at": acknowledged_at}


def _write(folder: Path, bulletins: list[Bulletin], language: str) -> None:
    # Imported here so that only a printed bulletin loads the typesetter.
    from paravent.pages.bulletin import bulletin_pdf

    folder.mkdir(parents=True, exist_ok=True)
    for one in bulletins:
        (folder / f"bulletin-{one.number:04d}.pdf").write_bytes(bulletin_pdf(one, language, "Paravent"))


async def _refresh(home: Path) -> int:
    from paravent.access.client import SignedClient
    from paravent.desk.bulletin_client import refresh_bulletins
    from paravent.desk.store import Store

    directory = read_directory(home, config.load(home).directory)
    with Store(home) as store:
        async with SignedClient(config.device_key(home), cli.rng) as client:
            return await refresh_bulletins(directory, store, client)


async def _acknowledge(home: Path, number: int, *, dry_run: bool) -> bool:
    from paravent.access.client import SignedClient
    from paravent.desk import bulletin_client
    from paravent.desk.store import Store

    directory = read_directory(home, config.load(home).directory)
    with Store(home) as store:
        if number > store.bulletins.known().count:
            raise BadInput("this desk has no bulletin of this number: run bulletins first")
        if dry_run:
            return number not in store.bulletins.acknowledged()
        async with SignedClient(config.device_key(home), cli.rng) as client:
            return await bulletin_client.acknowledge(number, cli.now(), directory, store, client)
