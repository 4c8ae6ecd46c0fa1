"""``paravent insurer`` contacts, outbox: telling members that their right was used (docs/operating.md)."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.mail import require_address
from paravent.access.mail_client import SmtpSender
from paravent.errors import BadInput, InvalidConfiguration, InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.mail_client import deliver
from paravent.insurer.store import Store

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
COLUMNS = ["member_id", "email"]


def add_outbox_verbs(group: click.Group) -> None:
    """Adds the verbs about notices to an insurer's group."""

    @verb(group, "Take the members' e-mail addresses (CSV: member_id,email) in the place of those known.")
    @click.argument("file", type=_EXISTING)
    @dry_run_option
    def contacts(home: Path, file: Path, dry_run: bool) -> Said:
        """Takes contacts."""
        found = _contacts(file)
        if not dry_run:
            with Store(home) as store, store.commit():
                store.outbox.keep_contacts(found.items())
        return Said(text=f"{len(found)} addresses" + (" would be taken" if dry_run else " taken"), values={
            "contacts": len(found), "taken": not dry_run,
        })  # fmt: skip

    @verb(group, "Say how many notices to members wait and were sent in 30 days; with --send, send what is due.")
    @click.option("--send", is_flag=True, help="Send what is due now; serve does it by itself.")
    def outbox(home: Path, send: bool) -> Said:
        """Shows and sends."""
        settings = config.load(home)
        with Store(home) as store:
            if send:
                if settings.mail is None:
                    raise InvalidConfiguration("there is no mail server: set [mail]")
                deliver(store, SmtpSender(settings.mail, home / config.SECRETS), settings.name, settings.mail.sender,
                        cli.now())  # fmt: skip
            waiting, sent = store.outbox.counts()
        return Said(text=f"{waiting} notices wait, {sent} sent", values={"waiting": waiting, "sent": sent})


def _contacts(file: Path) -> dict[str, str]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            if next(reader, []) != COLUMNS:
                raise InvalidMemberFile(f"the first line is: {','.join(COLUMNS)}")
            return dict(_contact(row, reader.line_num) for row in reader)
        except csv.Error:
            raise InvalidMemberFile(f"line {reader.line_num} is not CSV: check its quotes") from None


def _contact(row: list[str], line: int) -> tuple[str, str]:
    try:
        member, address = row
        return member, require_address(address)
    except (ValueError, BadInput):
        raise InvalidMemberFile(f"line {line}: a member identifier and an e-mail address; nothing was taken") from None
