"""``paravent insurer``: what a case of the breach desk asks, and what it says of one's own members (operating.md)."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.errors import InvalidConfiguration, InvalidMemberFile
from paravent.insurer import case as cases
from paravent.insurer import config
from paravent.insurer.incident import read_incident
from paravent.insurer.store import Store
from paravent.wire.case import CASE_BYTES_MAX, OpeningsAsked
from paravent.wire.codec import decode
from paravent.wire.statements import Signed

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_REFERENCE = "member_id"


def add_case_verbs(group: click.Group) -> None:
    """Adds the verbs that a case needs of an insurer to a group."""

    @verb(group, "Open, for a case, the labels of the leaves that the breach desk asks about; sign the distinct count.")
    @click.argument("file", type=_EXISTING)
    @click.option("--out", type=_FILE, required=True)
    @dry_run_option
    def answer(home: Path, file: Path, out: Path, dry_run: bool) -> Said:
        settings, keys = config.load(home), config.read_keys(home)
        asked = decode(file.read_bytes().strip(), OpeningsAsked, bytes_max=CASE_BYTES_MAX)
        with Store(home) as store:
            trap_of = cases.no_trap if store.traps is None else store.traps.of_handle
            signed = cases.answer(asked, settings.amc, store.journal, keys.issuer, trap_of)
        if not dry_run:
            cli.write_file(out, signed)
        text = f"case {asked.case}: {len(asked.leaves)} leaves asked about; no member is named in the answer"
        return Said(text=text, values={"case": asked.case, "leaves": len(asked.leaves), "written": not dry_run})

    @verb(group, "Sign, for a case, what a clear-text file that left this insurer holds: rows, members, labels.")
    @click.argument("file", type=_EXISTING)
    @click.option("--case", required=True)
    @click.option("--out", type=_FILE, required=True)
    @dry_run_option
    def leaked(home: Path, file: Path, case: str, out: Path, dry_run: bool) -> Said:
        settings, keys = config.load(home), config.read_keys(home)
        content = file.read_bytes()
        members = references(content)
        with Store(home) as store:
            epoch = store.epochs.newest()
            batch = max(store.epochs.announced(epoch), default=0)
            signed = cases.leaked(case, settings.amc, content, members, store.journal, (epoch, batch), keys.issuer)
        if not dry_run:
            cli.write_file(out, signed)
        text = f"case {case}: {len(members)} rows, {len(set(members))} members; none is named in the statement"
        return Said(
            text=text, values={"case": case, "rows": len(members), "persons": len(set(members)), "written": not dry_run}
        )

    @verb(group, "Take what the breach desk tells of a case, so that members can ask whether they are concerned.")
    @click.argument("file", type=_EXISTING)
    @dry_run_option
    def incident(home: Path, file: Path, dry_run: bool) -> Said:
        settings = config.load(home)
        signed = decode(file.read_bytes().strip(), Signed, bytes_max=CASE_BYTES_MAX)
        told = read_incident(signed, read_directory(home, settings.directory), settings.amc)
        with Store(home) as store:
            members = cases.resolve(told.labels, settings.amc, store.journal)
            nobody = len(members.pop("", []))
            taken = False
            if not dry_run:
                with store.commit():
                    taken = store.incidents.keep(told)
        text = f"case {told.case}: {len(members)} members are concerned, {nobody} labels are no member's"
        return Said(text=text + ("" if taken or dry_run else "; a later telling is kept"), values={
            "case": told.case, "members": len(members), "unknown_labels": nobody, "taken": taken,
        })  # fmt: skip

    @verb(group, "Turn the labels of a case into one's own members: a CSV that stays here.")
    @click.argument("labels", type=_EXISTING)
    @click.option("--out", type=_FILE, required=True, help="CSV of member references.")
    def resolve(home: Path, labels: Path, out: Path) -> Said:
        settings = config.load(home)
        with Store(home) as store:
            found = cases.resolve(_labels(labels), settings.amc, store.journal)
        nobody = len(found.pop("", []))
        with out.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([_REFERENCE, "labels"])
            rows.writerows([member, len(behind)] for member, behind in sorted(found.items()))
        text = f"{len(found)} members written to {out}; {nobody} labels are no member's"
        return Said(text=text, values={"members": len(found), "unknown_labels": nobody, "file": str(out)})


def references(content: bytes) -> list[str]:
    """Lists the member references of a CSV; raises InvalidMemberFile when it has no such column."""
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    if _REFERENCE not in (rows.fieldnames or ()):
        raise InvalidMemberFile(f"the file has no column {_REFERENCE}")
    return [row[_REFERENCE] for row in rows]


def _labels(path: Path) -> list[bytes]:
    try:
        return [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except ValueError:
        raise InvalidConfiguration("a list of labels is hexadecimal, one a line") from None
