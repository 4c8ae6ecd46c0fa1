"""``paravent breach serve``: the console of the breach desk on this machine (docs/screens.md)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import verb
from paravent.breach import config
from paravent.breach.case_cli import directory_of
from paravent.breach.log import origin_key

_FILE = click.Path(path_type=Path, dir_okay=False)


def add_console_verb(group: click.Group) -> None:
    """Adds to the group of the breach desk: serve."""

    @verb(group, "Serve the console of the breach desk on this machine; print the address that opens it, once.")
    @click.option("--port", type=click.IntRange(1, 65_535), default=8472, show_default=True)
    @click.option("--drill", type=_FILE, default=None, help="Lines of the latest drill; default: drill.jsonl in home.")
    def serve(home: Path, port: int, drill: Path | None) -> None:
        """Runs the console."""
        # Imported here so that no other verb loads an HTTP server.
        from paravent.access.app import serve as run
        from paravent.access.services_client import ServiceWatch
        from paravent.breach.alarm_client import AlarmClient
        from paravent.breach.alarm_store import AlarmRounds
        from paravent.breach.committee.counts_client import shop_counts
        from paravent.breach.screens.app import build
        from paravent.breach.screens.committee_app import Counts
        from paravent.breach.screens.readings_store import Reader
        from paravent.pages.screens.drill_store import DRILL_FILE

        settings, known, key = config.load(home), directory_of(home), config.read_key(home)
        log = origin_key(settings.name, key)
        reader = Reader(home=home, directory=known, log=log, drill=drill or home / DRILL_FILE)
        counts = Counts(partial(shop_counts, known, key, cli.rng))
        rounds = AlarmRounds(home=home, directory=known, client=AlarmClient(known, key, cli.rng), rng=cli.rng)
        app, pages = build(reader, ServiceWatch(known), counts, rounds.run, operator=settings.operator, port=port)
        click.echo(pages.entrance.address(f"http://127.0.0.1:{port}"))
        run(app, host="127.0.0.1", port=port)
