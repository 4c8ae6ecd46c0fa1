"""``paravent insurer execute``: does what the breach desk asks for a case, and signs it (docs/operating.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, require_agreement, stated_text, verb
from paravent.access.config import read_directory
from paravent.access.cosign_cli import add_cosign_verb
from paravent.errors import InvalidConfiguration
from paravent.insurer import case as cases
from paravent.insurer import config, remedy
from paravent.insurer.publication_cli import rotate_portfolio, with_publisher
from paravent.insurer.store import Store
from paravent.wire.case import CASE_BYTES_MAX, Remedy, RemedyAsked
from paravent.wire.codec import decode
from paravent.wire.statements import Directory, Signed

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_remedy_verbs(group: click.Group) -> None:
    """Adds to the group of an insurer: execute, and cosign for the breach desk's log."""
    add_cosign_verb(group, Store, _cosigner)

    @verb(group, "Execute what the breach desk asks for a case: leave an epoch, or revoke; sign what was done.")
    @click.argument("request", type=_EXISTING)
    @click.option("--out", type=_FILE, default=None, help="What was done, signed, for the breach desk.")
    @click.option("--yes", is_flag=True, help="Do not ask before it is done.")
    @dry_run_option
    def execute(home: Path, request: Path, out: Path | None, yes: bool, dry_run: bool) -> Said:
        settings = config.load(home)
        signed = decode(request.read_bytes().strip(), Signed, bytes_max=CASE_BYTES_MAX)
        asked = remedy.read_request(signed, read_directory(home, settings.directory), settings.amc)
        with Store(home) as store:
            members = cases.resolve(asked.labels, settings.amc, store.journal)
            newest = store.epochs.newest()
            rows = store.portfolio.live_handles(newest)
        unknown = len(members.pop("", []))
        stated = remedy.effect(asked, newest=newest, members=len(members), unknown=unknown, rows=rows)
        values = {
            "case": asked.case, "remedy": asked.remedy.value, "members": len(members), "unknown_labels": unknown,
            "effect": [english for _, english in stated],
        }  # fmt: skip
        if dry_run:
            return Said(text=stated_text(stated), values=values | {"done": False, "epoch": newest})
        if out is None:
            raise InvalidConfiguration("give --out: the breach desk takes what was done from it")
        require_agreement(stated, yes=yes)
        if asked.remedy is Remedy.ROTATE:
            _rotate(home, asked, newest)
        else:
            _revoke(home, sorted(members))
        with Store(home) as store:
            epoch = store.epochs.newest()
        done = remedy.sign_done(
            signed, asked, epoch=epoch, revoked=len(members), unknown=unknown, now=cli.now(),
            key=config.read_keys(home).issuer,
        )  # fmt: skip
        cli.write_file(out, done)
        text = f"case {asked.case}: {asked.remedy.value} done; epoch {epoch}, {len(members)} members revoked"
        return Said(text=text, values=values | {"done": True, "epoch": epoch})


def _cosigner(home: Path) -> tuple[Directory, config.InsurerCosigner]:
    settings = config.load(home)
    cosigner = config.InsurerCosigner(name=settings.amc, signing_key=config.read_keys(home).issuer)
    return read_directory(home, settings.directory), cosigner


def _rotate(home: Path, asked: RemedyAsked, newest: int) -> None:
    """Leaves the epoch that is named; a request that comes again leaves no other one."""
    if newest < asked.epoch:
        raise InvalidConfiguration("this request names an epoch that this insurer has not opened")
    if newest == asked.epoch:
        rotate_portfolio(home, None, dry_run=False)
    if asked.end_former:
        asyncio.run(with_publisher(home, config.load(home), lambda publisher: publisher.end_epoch(asked.epoch)))


def _revoke(home: Path, members: list[str]) -> None:
    with Store(home) as store:
        for member in members:
            store.register.revoke(member, cli.now())
    asyncio.run(with_publisher(home, config.load(home), lambda publisher: publisher.publish_status_list()))
