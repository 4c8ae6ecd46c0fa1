"""``paravent insurer boxes``: what desks sent, what goes to shops (docs/operating.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.insurer import config
from paravent.insurer.box_client import pull_boxes, send_letters
from paravent.insurer.store import Store


def add_box_verb(group: click.Group) -> None:
    """Adds the exchange of boxes to an insurer's group."""

    @verb(group, "Pull bank details and audit openings that desks sent; send remittances to shops.")
    def boxes(home: Path) -> Said:
        """Exchanges boxes."""
        received, sent = asyncio.run(exchange_boxes(home))
        return Said(text=f"{received} reçues / received, {sent} envoyées / sent", values={
            "received": received, "sent": sent,
        })  # fmt: skip


async def exchange_boxes(home: Path) -> tuple[int, int]:
    """Pulls and sends boxes; returns how many of each."""
    settings, keys = config.load(home), config.read_keys(home)
    directory = read_directory(home, settings.directory)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            received = await pull_boxes(settings.amc, keys, directory, store, client)
            return received, await send_letters(settings.amc, keys, directory, store, client)
