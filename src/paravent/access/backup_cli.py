"""The verb ``backup`` of every party that keeps databases (docs/operating.md section 6)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import backup_store, cli
from paravent.access.cli import Said, verb
from paravent.errors import InvalidConfiguration

_FOLDER = click.Path(path_type=Path, file_okay=False)


def add_backup_verb(group: click.Group) -> None:
    """Adds to a party's group: backup."""

    @verb(group, "Copy the databases of this home while it is served, or try a copy by restoring it; recorded.")
    @click.option("--to", "target", type=_FOLDER, default=None, help="New folder, outside the home.")
    @click.option("--restore", "copy", type=_FOLDER, default=None, help="A copy to be tried; nothing of it is kept.")
    def backup(home: Path, target: Path | None, copy: Path | None) -> Said:
        """Backs up, or tries a backup."""
        if target is not None and copy is None:
            record, rows = backup_store.make(home, target, cli.now())
            said = f"{rows} rows copied to {target} and read back; no secret file is in it"
        elif copy is not None and target is None:
            record, rows = backup_store.try_restore(home, copy, cli.now())
            said = f"{copy} was put back in a temporary folder and read whole: {rows} rows"
        else:
            raise InvalidConfiguration("give --to FOLDER, or --restore FOLDER")
        return Said(text=said, values={
            "made_at": record.made_at, "restored_at": record.restored_at, "sha256": record.sha256.hex(), "rows": rows,
        })  # fmt: skip
