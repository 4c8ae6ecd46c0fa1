"""``paravent breach request-rotation``, ``request-revocation``: signed requests that an insurer executes."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, require_agreement, verb
from paravent.breach import case as cases
from paravent.breach import config, remedy
from paravent.breach.case_cli import directory_of
from paravent.breach.entries import Switched
from paravent.breach.measured import handle_of
from paravent.breach.store import Store
from paravent.errors import BadInput, InvalidConfiguration
from paravent.wire.case import CASE_BYTES_MAX, Remedy, RemedyAsked
from paravent.wire.codec import encode

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_CASE = click.argument("case")
_INSURER = click.argument("insurer")
_OUT = click.option("--out", type=_FILE, required=True, help="Signed request, for the insurer.")
_YES = click.option("--yes", is_flag=True, help="Do not ask before it is signed.")


def add_remedy_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: request-rotation, request-revocation."""

    @verb(group, "Ask an insurer, for a case, to leave its epoch: states the effect, signs a file, sends nothing.")
    @_CASE
    @_INSURER
    @click.option("--end-former", is_flag=True, help="And to end the epoch that it leaves at once, not in 48 hours.")
    @_OUT
    @_YES
    @dry_run_option
    def request_rotation(
        home: Path, case: str, insurer: str, end_former: bool, out: Path, yes: bool, dry_run: bool
    ) -> Said:  # fmt: skip
        with Store(home) as store:
            published = cases.measure(store, case, directory_of(home), cli.now()).newest(insurer)
        if published is None:
            raise InvalidConfiguration("which epoch this insurer is in was not measured: add the file of hub counts")
        asked = RemedyAsked(
            case=case, insurer=insurer, remedy=Remedy.ROTATE, epoch=published.epoch, end_former=end_former, labels=(),
            asked_at=cli.now(),
        )  # fmt: skip
        return _signed(home, asked, out, yes=yes, dry_run=dry_run)

    @verb(group, "Ask an insurer, for a case, to revoke who stands behind labels: states the effect, signs a file.")
    @_CASE
    @_INSURER
    @click.argument("labels", type=_EXISTING)
    @_OUT
    @_YES
    @dry_run_option
    def request_revocation(
        home: Path, case: str, insurer: str, labels: Path, out: Path, yes: bool, dry_run: bool
    ) -> Said:  # fmt: skip
        asked = RemedyAsked(
            case=case, insurer=insurer, remedy=Remedy.REVOKE, epoch=0, end_former=False,
            labels=_labels(labels, insurer), asked_at=cli.now(),
        )  # fmt: skip
        return _signed(home, asked, out, yes=yes, dry_run=dry_run)


def _labels(path: Path, insurer: str) -> tuple[bytes, ...]:
    """Reads the list that ``affected --labels`` writes; raises BadInput when a label is not this insurer's."""
    try:
        found = tuple(bytes.fromhex(line) for line in path.read_text(encoding="ascii").split())
    except ValueError:
        raise BadInput("labels are hexadecimal, one a line") from None
    if not found or any(handle_of(label)[0] != insurer for label in found):
        raise BadInput("the file holds no label, or one of another insurer")
    return found


def _signed(home: Path, asked: RemedyAsked, out: Path, *, yes: bool, dry_run: bool) -> Said:
    signed = remedy.ask(asked, directory_of(home), config.read_key(home))
    content, stated = encode(signed), remedy.effect(asked)
    if len(content) > CASE_BYTES_MAX:
        raise BadInput("too many labels for one request: split the file")
    values = {"case": asked.case, "insurer": asked.insurer, "remedy": asked.remedy.value, "labels": len(asked.labels),
              "effect": [english for _, english in stated], "signed": not dry_run}  # fmt: skip
    text = "\n".join(f"{french}.\n{english}." for french, english in stated)
    if dry_run:
        return Said(text=text, values=values)
    require_agreement(stated, yes=yes)
    with Store(home) as store:
        said = Switched(
            target=f"{asked.remedy.value} {asked.insurer}", effect=" ".join(english for _, english in stated),
            sha256=store.keep_file(content),
        )  # fmt: skip
        placed = store.add(asked.case, said, role=cases.OPERATOR, now=asked.asked_at)
    out.write_bytes(content + b"\n")
    return Said(text=text, values=values | {"position": placed.position})
