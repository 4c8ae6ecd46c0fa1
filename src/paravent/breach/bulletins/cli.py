"""``paravent breach`` draft-bulletin, publish-bulletin, bulletins, mail-bulletin (docs/operating.md)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import row
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.mail_client import Sender, SmtpSender
from paravent.breach import config
from paravent.breach.alarms import read_any_alarm
from paravent.breach.bulletins.client import BulletinClient
from paravent.breach.bulletins.draft import (
    Draft,
    bulletin_of,
    from_alarms,
    from_incident,
    from_kind,
    read_draft,
    write_draft,
)
from paravent.breach.bulletins.mailing import read_contacts, write_mail
from paravent.breach.bulletins.store import Store, shipped_templates
from paravent.breach.case_cli import directory_of
from paravent.breach.observatory.store import Store as Observatory
from paravent.errors import BadInput, InvalidConfiguration, MalformedMessage, ParaventError
from paravent.pages.bulletin_text import ENGLISH, FRENCH, in_language
from paravent.wire.bulletins import Audience, Bulletin, BulletinCounts, BulletinHead, follow
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Signed

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_AUDIENCES = click.Choice([audience.value for audience in Audience])


def add_bulletin_verbs(group: click.Group) -> None:  # noqa: C901 - one short function per verb
    """Adds the verbs of bulletins to the group of the breach desk."""

    @verb(
        group, "Draft a bulletin from an alarm, an incident of the observatory or a kind of attack; publishes nothing."
    )
    @click.option(
        "--alarm", type=_EXISTING, help="A signed alarm (alarm-VERIFIER-NUMBER.json), or the line of `alarms --json`."
    )
    @click.option("--incident", help="Identifier of an incident that the observatory keeps.")
    @click.option("--observatory", type=_FOLDER, help="Home of the observatory; default: this home.")
    @click.option("--attack", help="Name of a template.")
    @click.option("--audience", type=_AUDIENCES, default=Audience.OPTICIANS.value, show_default=True)
    @click.option("--out", type=_FILE, required=True, help="Where to write the draft (TOML).")
    def draft_bulletin(
        home: Path, alarm: Path | None, incident: str | None, observatory: Path | None, attack: str | None,
        audience: str, out: Path,
    ) -> Said:  # fmt: skip
        """Drafts."""
        if sum(given is not None for given in (alarm, incident, attack)) != 1:
            raise InvalidConfiguration("give one of --alarm, --incident and --attack")
        drafted = _draft(home, alarm, incident, observatory or home, attack, Audience(audience))
        out.write_bytes(write_draft(drafted))
        text = f"{out}: {drafted.attack}, for {drafted.audience.value}; complete it, add its author, publish it"
        return Said(text=text, values={"file": str(out), "attack": drafted.attack, "audience": drafted.audience.value})

    @verb(group, "Sign and publish a completed draft at the hub; without a draft, confirm the list as it stands.")
    @click.argument("draft", type=_EXISTING, required=False)
    @dry_run_option
    def publish_bulletin(home: Path, draft: Path | None, dry_run: bool) -> Said:
        """Publishes."""
        client, now = BulletinClient(directory_of(home), config.read_key(home), cli.rng), cli.now()
        with Store(home) as store:
            known, contents = store.list.known(), tuple[bytes, ...]()
            if draft is not None:
                contents = (encode(bulletin_of(read_draft(draft.read_bytes()), known.count + 1, now)),)
            if dry_run:
                return Said(text="nothing was published", values={"number": known.count + 1, "published": False})
            digest = follow(known.digest, contents[0]) if contents else known.digest
            head = BulletinHead(count=known.count + len(contents), digest=digest, issued_at=now)
            # Kept first: what the hub was sent and did not answer is sent again as it is.
            store.keep(client.sign(head), known.count + 1, contents)
            served = asyncio.run(client.publish(store))
        return Said(text=f"{served} bulletins are served", values={"number": head.count, "published": True})

    @verb(group, "List the bulletins with how many shops acknowledged each; --out writes them as PDF.")
    @click.option("--lang", type=click.Choice([FRENCH, ENGLISH]), default=FRENCH, show_default=True)
    @click.option("--out", type=_FOLDER, default=None)
    def bulletins(home: Path, lang: str, out: Path | None) -> Said:
        """Lists."""
        with Store(home) as store:
            found = store.list.all()
        counts = asyncio.run(BulletinClient(directory_of(home), config.read_key(home), cli.rng).counts())
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            for one in found:
                (out / f"bulletin-{one.number:04d}.pdf").write_bytes(_pdf(one, lang, config.load(home).operator))
        return _listed(found, counts, lang)

    @verb(group, "Queue a bulletin for the e-mail addresses of shops (CSV, column email); --send sends what is due.")
    @click.argument("number", type=click.IntRange(min=1), required=False)
    @click.option("--contacts", type=_EXISTING, help="Addresses to queue the bulletin for.")
    @click.option("--send", is_flag=True, help="Send what is due now.")
    @dry_run_option
    def mail_bulletin(home: Path, number: int | None, contacts: Path | None, send: bool, dry_run: bool) -> Said:
        """Queues and sends."""
        if (number is None) is not (contacts is None):
            raise InvalidConfiguration("a number and --contacts go together")
        addresses = [] if contacts is None else read_contacts(contacts.read_text(encoding="utf-8"))
        queued = 0
        with Store(home) as store:
            if number is not None and number > store.list.known().count:
                raise BadInput("there is no bulletin of this number")
            if number is not None and not dry_run:
                queued = store.queue(number, addresses, cli.now())
            if send and not dry_run:
                _send(home, store)
            waiting, sent = store.mail_counts()
        return Said(text=f"{queued} queued; {waiting} wait, {sent} sent", values={
            "addresses": len(addresses), "queued": queued, "waiting": waiting, "sent": sent,
        })  # fmt: skip


def deliver(store: Store, sender: Sender, address: str, operator: str, now: int) -> tuple[int, int]:
    """Sends what is due; returns how many were taken and how many were put off."""
    sent = failed = 0
    found = {bulletin.number: bulletin for bulletin in store.list.all()}
    due = store.due(now)
    pdfs = {number: _pdf(found[number], FRENCH, operator) for number in {mail.bulletin for mail in due}}
    for mail in due:
        message = write_mail(found[mail.bulletin], pdfs[mail.bulletin], mail.address, address, operator)
        try:
            sender.send(message)
        except ParaventError:
            store.keep_failed(mail, now)
            failed += 1
        else:
            store.keep_sent(mail, now)
            sent += 1
    store.forget(now)
    return sent, failed


def _send(home: Path, store: Store) -> None:
    settings = config.load(home)
    if settings.mail is None:
        raise InvalidConfiguration("there is no mail server: set [mail]")
    deliver(store, SmtpSender(settings.mail, home / "secrets"), settings.mail.sender, settings.operator, cli.now())


def _of_alarm(home: Path, content: bytes) -> Draft:
    """Drafts from a verifier's signed alarm, once it is verified, or from what a verb said of several."""
    try:
        signed = decode(content, Signed)
    except MalformedMessage:
        return from_alarms(content, shipped_templates())
    alarm = read_any_alarm(signed, directory_of(home))
    return from_alarms(encode({"alarms": [row(alarm)]}), shipped_templates())


def _draft(
    home: Path, alarm: Path | None, incident: str | None, observatory: Path, attack: str | None, audience: Audience
) -> Draft:  # fmt: skip
    templates = shipped_templates()
    if alarm is not None:
        return _of_alarm(home, alarm.read_bytes())
    if attack is not None:
        return from_kind(templates.of_attack(attack))
    with Observatory(observatory) as store:
        found = next((one for one in store.incidents() if one.identifier == incident), None)
    if found is None:
        raise BadInput("the observatory has no incident of this identifier: import it first")
    return from_incident(found, templates, audience)


def _listed(found: list[Bulletin], counts: BulletinCounts, language: str) -> Said:
    acknowledged = {one.number: one.shops for one in counts.acknowledged}
    rows = [
        {"number": one.number, "issued_at": one.issued_at, "audience": one.audience.value, "attack": one.attack,
         "urgent": one.urgent, "title": in_language(one, language).title,
         "acknowledged": acknowledged.get(one.number, 0), "shops": counts.shops}
        for one in found
    ]  # fmt: skip
    text = [
        f"{row['number']:4} {datetime.fromtimestamp(one.issued_at, UTC):%Y-%m-%d} {row['title']}"
        f" : {row['acknowledged']} / {row['shops']} magasins / shops"
        for row, one in zip(rows, found, strict=True)
    ]
    values = {"bulletins": rows, "shops": counts.shops, "served": counts.count, "counted_at": counts.counted_at}
    return Said(text="\n".join(text) or "aucun bulletin / no bulletin", values=values)


def _pdf(bulletin: Bulletin, language: str, operator: str) -> bytes:
    # Imported here so that only a printed bulletin loads the typesetter.
    from paravent.pages.bulletin import bulletin_pdf

    return bulletin_pdf(bulletin, language, operator)
