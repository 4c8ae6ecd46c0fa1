"""``paravent watch rules``: the shipped Sigma rules, written for a SIEM (docs/detection.md section 7)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access.cli import Said, dry_run_option, verb
from paravent.errors import InvalidConfiguration
from paravent.watch.rules_store import shipped_rules


def add_rules_verb(group: click.Group) -> None:
    """Adds ``rules``."""

    @verb(group, "Write the Sigma rules over the events of every service, one file each.", home_required=False)
    @click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write.")
    @dry_run_option
    def rules(home: Path | None, out: Path, dry_run: bool) -> Said:  # noqa: ARG001 - every verb takes a home
        """Writes the rules; a file that somebody changed there is not written over."""
        shipped = shipped_rules()
        changed = [
            name for name, text in shipped.items()
            if (out / name).exists() and (out / name).read_text(encoding="utf-8") != text
        ]  # fmt: skip
        if changed:
            raise InvalidConfiguration(f"{', '.join(changed)} was changed in {out}: give another folder")
        if not dry_run:
            out.mkdir(parents=True, exist_ok=True)
            for name, text in shipped.items():
                (out / name).write_text(text, encoding="utf-8")
        said = "would be written" if dry_run else "written"
        return Said(text=f"{len(shipped)} rules {said} to {out}", values={"rules": list(shipped), "folder": str(out)})
