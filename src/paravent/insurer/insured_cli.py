"""``paravent insurer number-lane``: the choice of a member who calls or writes (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.insurer.store import Store


def add_insured_verbs(group: click.Group) -> None:
    """Adds the verbs about one insured person to an insurer's group."""

    @verb(group, "Switch the number lane of a member on or off, as they ask; the next publication follows it.")
    @click.argument("member_id")
    @click.argument("choice", type=click.Choice(["on", "off"]))
    @dry_run_option
    def number_lane(home: Path, member_id: str, choice: str, dry_run: bool) -> Said:
        """Switches."""
        with Store(home) as store:
            store.require_member(member_id)
            if not dry_run:
                with store.commit():
                    store.insured.choose_number_lane(member_id, cli.now(), on=choice == "on")
            found = store.insured.number_lane(member_id)
        published = "published" if found.live else "not published"
        text = f"number lane of {member_id}: {'on' if found.wanted else 'off'} as chosen, {published} today"
        return Said(text=text, values={"wanted": found.wanted, "live": found.live})
