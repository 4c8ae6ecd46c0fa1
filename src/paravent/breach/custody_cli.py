"""``paravent breach``: evidence, its custody, requests of authorities, what each was given (docs/operating.md)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach import case as cases
from paravent.breach import entries
from paravent.breach.case_cli import added, digest, instant
from paravent.breach.requests import require_request
from paravent.breach.store import Store

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_CASE = click.argument("case")
_ROLE = click.option("--role", default=cases.OPERATOR, show_default=True, help="By which role it is said.")


def add_custody_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: artefact, custody, request, hand-over."""

    @verb(group, "Keep a file as evidence, by its SHA-256.")
    @_CASE
    @click.argument("file", type=_EXISTING)
    @click.option("--source", required=True, help="Where it comes from.")
    @_ROLE
    def artefact(home: Path, case: str, file: Path, source: str, role: str) -> Said:
        content = file.read_bytes()
        with Store(home) as store:
            store.entries(case)
            kept = store.keep_file(content)
        said = entries.Artefact(name=file.name, sha256=kept, size=len(content), source=source)
        return added(home, case, said, role)

    @verb(group, "Record that an artefact changed hands.")
    @_CASE
    @click.argument("sha256")
    @click.option("--action", required=True, help="taken, copied, handed over, sealed, returned...")
    @click.option("--from", "giver", required=True, help="Role of who gave it.")
    @click.option("--to", "taker", required=True, help="Role of who took it.")
    def custody(home: Path, case: str, sha256: str, action: str, giver: str, taker: str) -> Said:
        kept = digest(sha256)
        with Store(home) as store:
            store.file(kept)
        return added(home, case, entries.Custody(sha256=kept, action=action, giver=giver, taker=taker), giver)

    @verb(group, "Record a request or réquisition of an authority: legal basis, due instant.")
    @_CASE
    @click.option("--authority", required=True)
    @click.option("--basis", required=True, help="Legal basis, as the request states it.")
    @click.option("--text", required=True, help="What is asked.")
    @click.option("--due", default=None, help="When it is due, UTC.")
    def request(home: Path, case: str, authority: str, basis: str, text: str, due: str | None) -> Said:
        said = entries.Requested(authority=authority, basis=basis, due_at=instant(due), text=text)
        return added(home, case, said, authority)

    @verb(group, "Record a piece handed over at a request: its SHA-256 and size, to whom, when; keep a copy here.")
    @_CASE
    @click.argument("request", type=click.IntRange(0))
    @click.argument("file", type=_EXISTING)
    @click.option("--to", "taker", required=True, help="Service and role of who took it; no name of a person.")
    @click.option("--at", default=None, help="When it was handed over, UTC; now by default.")
    @click.option("--more-to-come", is_flag=True, help="This piece alone does not answer the request.")
    @_ROLE
    @dry_run_option
    def hand_over(
        home: Path, case: str, request: int, file: Path, taker: str, at: str | None, more_to_come: bool, role: str,
        dry_run: bool,
    ) -> Said:  # fmt: skip
        content, now = file.read_bytes(), cli.now()
        with Store(home) as store:
            asked = require_request(store.entries(case), request)
            said = entries.HandedOver(
                request=request, name=file.name, sha256=hashlib.sha256(content).digest(), size=len(content),
                taker=taker, handed_at=instant(at) or now, complete=not more_to_come,
            )  # fmt: skip
            values = {"case": case, "request": request, "sha256": said.sha256.hex(), "size": said.size}
            if dry_run:
                return Said(text=f"{file} would be recorded; nothing was", values=values | {"recorded": False})
            store.keep_file(content)
        done = added(home, case, said, role)
        late = asked.said.due_at is not None and said.handed_at > asked.said.due_at
        text = f"{done.text}; handed over to {taker}{', after its due instant' if late else ''}"
        return Said(text=text, values={**done.values, **values, "recorded": True, "late": late})
