"""``paravent demo``: the whole story on loopback, in a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access.cli import clear_errors, working_folder, working_folder_option
from paravent.demo.story import Story
from paravent.demo.texts import Language, say
from paravent.demo.visit import PAY_EVERY_SECONDS, Visit
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import synthesise

_SEED = 2024
PERSONS_MIN = 200


@click.command(help="Start every party on loopback and tell the story of one pair of glasses.")
@click.option("--persons", type=click.IntRange(PERSONS_MIN, 200_000), default=2_000, show_default=True)
@click.option("--exit", "ends", is_flag=True, help="End after the story instead of keeping everything running.")
@click.option("--lang", type=click.Choice([language.value for language in Language]), default=None)
@click.option("--json", "as_json", is_flag=True, help="Last line of output: one JSON object.")
@working_folder_option
@clear_errors
def demo(home: Path | None, persons: int, ends: bool, lang: str | None, as_json: bool) -> None:
    """Tells the story."""
    started = time.perf_counter()
    language = Language(lang or ("fr" if os.environ.get("LANG", "").startswith("fr") else "en"))
    population = synthesise(persons, list(INSURERS), _SEED, datetime.now(UTC).year)
    # A TERM must stop the parties too, not only Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with working_folder(home, "paravent-") as folder:
        platform = Platform(folder)
        try:
            counts = Story(platform, population, language, click.echo).run()
            figures = counts | {"seconds": round(time.perf_counter() - started, 1)}
            if not ends:
                visit = Visit(platform, population, language, click.echo)
                _keep_running(visit, figures, as_json=as_json)
            elif as_json:
                click.echo(json.dumps(figures))
        except KeyboardInterrupt:
            click.echo("", err=True)
        finally:
            platform.stop()


def _keep_running(visit: Visit, figures: dict[str, float], *, as_json: bool) -> None:
    for name, address in visit.platform.addresses().items():
        click.echo(f"  {name:20} {address}")
    click.echo(f"  {visit.platform.home}")
    visit.prepare()
    click.echo(say("running", visit.language))
    if as_json:
        click.echo(json.dumps(figures))
    while True:
        for _ in range(visit.pay()):
            click.echo(say("paid", visit.language))
        time.sleep(PAY_EVERY_SECONDS)
