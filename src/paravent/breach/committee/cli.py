"""``paravent watch committee``: the page of the steering committee (docs/watch.md section 10)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.config import CONFIG_NAME
from paravent.breach import config
from paravent.breach.case_cli import directory_of
from paravent.breach.committee.counts_client import shop_counts
from paravent.breach.committee.figures import Committee
from paravent.breach.committee.published import published
from paravent.breach.committee.shown import figures, note
from paravent.breach.committee.store import gather
from paravent.breach.committee.texts import ENGLISH, FRENCH, said
from paravent.breach.config import TO_COMPLETE
from paravent.pages.drill_rows import read_rows
from paravent.wire.statements import Directory

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_committee_verb(group: click.Group) -> None:
    """Adds ``committee``."""

    @verb(group, "The steering committee's page: exposure, delays, measures, contracts, clocks, coverage.")
    @click.option("--drill", type=_EXISTING, default=None, help="Lines of the last `paravent drill --json`.")
    @click.option("--public", is_flag=True, help="What may be published: counts in bands, no detail.")
    @click.option("--pdf", type=_FILE, default=None, help="Write it as PDF.")
    @click.option("--lang", type=click.Choice([FRENCH, ENGLISH]), default=FRENCH, show_default=True)
    def committee(home: Path, drill: Path | None, public: bool, pdf: Path | None, lang: str) -> Said:
        """Computes the page."""
        rows = [] if drill is None else read_rows(drill.read_bytes())
        directory, operator = _directory(home)
        counts = None if directory is None else asyncio.run(shop_counts(directory, config.read_key(home), cli.rng))
        page = gather(home, rows, directory, counts, cli.now())
        if public:
            page = published(page)
        if pdf is not None:
            # Imported here: counting needs no layout engine.
            from paravent.breach.committee.printed import printed
            from paravent.pages.screens.catalogue import Language
            from paravent.pages.screens.store import scenario_names

            pdf.write_bytes(printed(page, lang, operator, scenario_names()[Language(lang)]))
        return Said(text="\n".join(_lines(page, lang)), values=msgspec.to_builtins(page))


def _directory(home: Path) -> tuple[Directory | None, str]:
    """Reads the directory that this home joined, if it is a breach desk's, and the name of the operator."""
    if not (home / CONFIG_NAME).exists():
        return None, TO_COMPLETE
    settings = config.load(home)
    return (None if settings.directory is None else directory_of(home)), settings.operator


def _lines(page: Committee, language: str) -> list[str]:
    lines = [said("title", language), *filter(None, [note(page, language)])]
    lines += [f"  {name:48} {value}" for name, value in figures(page, language)]
    lines.append(said("exposure" if page.exposure else "no_drill", language))
    return lines + [
        f"  {one.attack:28} {_number(one.opened):>8} / {_number(one.bound):>8} {said('conventional', language)}"
        f" {_number(one.conventional):>8}"
        for one in page.exposure
    ]


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)
