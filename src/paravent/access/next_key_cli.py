"""The verb by which a party draws its next key (docs/operating.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.next_key_store import KeyFile
from paravent.crypto.signing import VerifyKey, key_id
from paravent.wire.codec import Message

Entry = Callable[[Path, VerifyKey], tuple[Message, tuple[bytes, ...]]]
"""Gives the entry of a home with another key, and the party's further keys."""
_FILE = click.Path(path_type=Path, dir_okay=False)


def add_next_key_verb(group: click.Group, key_file: Callable[[Path], KeyFile], entry_of: Entry) -> None:
    """Adds next-key to a party's group."""

    @verb(group, "Draw this party's next key, announced by the present one; it is taken when a directory lists it.")
    @click.option("--change", type=_FILE, required=True, help="Where to write the change, for hub directory --change.")
    @click.option("--entry", type=_FILE, required=True, help="Where to write the entry with the next key.")
    @dry_run_option
    def next_key(home: Path, change: Path, entry: Path, dry_run: bool) -> Said:
        """Draws and announces."""
        file = key_file(home)
        present = key_id(file.present().public)
        if dry_run:
            return Said(text=f"the next key of {file.party} would follow {present}", values={"present": present})
        _, others = entry_of(home, file.present().public)
        drawn, signed = file.draw(others, cli.rng)
        cli.write_file(change, signed)
        cli.write_file(entry, entry_of(home, drawn.public)[0])
        following = key_id(drawn.public)
        text = (
            f"{file.party}: key {following} follows {present}; sign a directory with {change} and {entry}, then join it"
        )
        return Said(
            text=text, values={"present": present, "next": following, "change": str(change), "entry": str(entry)}
        )
