"""Security bulletins: each property holds, and fails when one check is taken out of the code; drafts and mails."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace as changed
from pypdf import PdfReader
from tests import engines
from tests.unit.crypto.mutation import FAILURES, Defect, properties_of
from tests.unit.parties import bulletin_properties as properties
from tests.unit.parties.world import World

from paravent.access.alarm_cli import said
from paravent.access.mail import RETRY_SECONDS
from paravent.breach.bulletins import cli as verbs
from paravent.breach.bulletins.cli import deliver
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
from paravent.breach.bulletins.store import KEPT_SECONDS, Store, shipped_templates
from paravent.breach.observatory.incident import Incident
from paravent.breach.observatory.sector import read_sector
from paravent.breach.observatory.store import SHIPPED
from paravent.crypto.labels import Label
from paravent.errors import BadInput, ProofFailure, Unreachable
from paravent.hub import bulletins as hub
from paravent.hub.acknowledgements_store import Acknowledgements
from paravent.hub.vault import DatabaseKey
from paravent.pages.bulletin import bulletin_pdf
from paravent.wire import bulletins as wire
from paravent.wire.alarm import Alarm, AlarmSubject, Finding, Sign
from paravent.wire.bulletins import Audience, BulletinHead, KnownList, follow
from paravent.wire.codec import encode
from paravent.wire.statements import sign_statement

pytestmark = engines.BOTH
PROPERTIES = properties_of(properties)

DEFECTS = [
    Defect(
        name="whoever asks is the breach desk", owner=hub, attribute="authenticate_desk",
        replacement=lambda *_: SimpleNamespace(digest=bytes(32)), broken=properties.only_the_breach_desk_publishes,
    ),
    Defect(
        name="a device counts", owner=hub, attribute="authenticate_desk",
        replacement=lambda *_: SimpleNamespace(digest=bytes(32)), broken=properties.only_the_breach_desk_counts,
    ),
    Defect(
        name="a list may go back", owner=wire, attribute="open_list",
        old="newest.count < known.count or newest.issued_at < known.issued_at", new="False",
        broken=properties.a_list_never_goes_back,
    ),
    Defect(
        name="a list may have a gap", owner=wire, attribute="open_list",
        old="newest.count != known.count + len(bulletins)", new="False", broken=properties.a_list_has_no_gap,
    ),
    Defect(
        name="what was altered is kept", owner=wire, attribute="open_list",
        old="if digest != newest.digest:", new="if False:", broken=properties.a_bulletin_that_was_altered_is_refused,
    ),
    Defect(
        name="a fork is kept", owner=wire, attribute="open_list",
        old="if digest != newest.digest:", new="if False:", broken=properties.a_fork_is_refused,
    ),
    Defect(
        name="any number in any place", owner=wire, attribute="open_list",
        old="bulletin.number != number", new="False", broken=properties.a_number_is_a_place,
    ),
    Defect(
        name="the hub keeps what it is sent", owner=hub, attribute="open_list",
        replacement=lambda *given: (given[2], []), broken=properties.the_hub_only_adds,
    ),
    Defect(
        name="each device counts", owner=hub, attribute="admit_acknowledgement",
        old="acknowledging(device.shop)", new="acknowledging(device.keyid)",
        broken=properties.a_shop_counts_once_for_a_bulletin,
    ),
    Defect(
        name="a bulletin that is not there is acknowledged", owner=hub, attribute="acknowledge",
        old="not 1 <= admitted.number <= store.bulletins.known().count", new="False",
        broken=properties.only_an_enrolled_device_acknowledges_what_is_there,
    ),
    Defect(
        name="nobody is counted", owner=Acknowledgements, attribute="counts",
        replacement=lambda *_: (), broken=properties.a_shop_counts_once_for_a_bulletin,
    ),
    Defect(
        name="one pseudonym for letterbox and bulletins", owner=DatabaseKey, attribute="acknowledging",
        replacement=DatabaseKey.letterbox, broken=properties.the_database_names_no_shop_that_acknowledged,
    ),
]  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_each_property_holds(holds: Callable[[World], None], world: World) -> None:
    holds(world)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_property_notices_its_defect(defect: Defect, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if defect.owner is wire:
        # The properties call the function by the name that they imported.
        defect.seed(monkeypatch)
        monkeypatch.setattr(properties, defect.attribute, getattr(wire, defect.attribute))
    else:
        defect.seed(monkeypatch)
    with pytest.raises(FAILURES):
        defect.broken(world)


# --- drafts ------------------------------------------------------------------------------------------


def complete(draft: Draft) -> Draft:
    return changed(draft, author="Responsable de la sécurité")


def test_every_template_is_whole_dated_and_sourced() -> None:
    templates = shipped_templates()
    assert {kind.audience for kind in templates.kind} == set(Audience)
    for kind in templates.kind:
        assert kind.source
        drafted = complete(from_kind(kind))
        assert read_draft(write_draft(drafted)) == drafted


def test_an_alarm_becomes_a_draft_without_its_professional() -> None:
    line = json.dumps({"alarms": [{"professional": "80000000001", "sign": "volume", "day": 1}], "suspended": []})
    drafted = from_alarms(line.encode(), shipped_templates())
    assert drafted.attack == "stolen-account"
    assert b"80000000001" not in write_draft(drafted)
    drilled = b'{"alarms": [{"sign": "canary-credential", "drill": true}]}'
    for content in (
        drilled,
        b'{"alarms": []}',
        b"[]",
        b'{"alarms": [{"sign": 3}]}',
        b'{"alarms": [{"sign": "unheard"}]}',
    ):
        with pytest.raises(BadInput):
            from_alarms(content, shipped_templates())


@pytest.mark.parametrize("sign", Sign)
def test_every_sign_of_a_detector_has_its_draft_or_none_on_purpose(sign: Sign) -> None:
    finding = Finding(
        sign=sign, kind=AlarmSubject.PROFESSIONAL, subject="80000000001", day=1, observed=1, whole=1, usual="1",
        statistic="1", limit="1",
    )  # fmt: skip
    alarm = Alarm(
        verifier="hub", number=1, raised_at=1, finding=finding, budget=12, suspended=False, drill=False,
    )  # fmt: skip
    line = json.dumps(said([alarm]).values).encode()
    if sign is Sign.CLAIMS_MIX:
        # What it says is about claims of one shop: nothing that every optician can watch for.
        with pytest.raises(BadInput, match="attack"):
            from_alarms(line, shipped_templates())
    else:
        assert b"80000000001" not in write_draft(from_alarms(line, shipped_templates()))


def test_a_signed_alarm_is_verified_before_anything_is_drafted(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding(
        sign=Sign.NEW_DEVICES, kind=AlarmSubject.PROFESSIONAL, subject="80000000001", day=1, observed=1, whole=1,
        usual="1", statistic="1", limit="1",
    )  # fmt: skip
    alarm = Alarm(verifier="hub", number=1, raised_at=1, finding=finding, budget=12, suspended=False, drill=False)
    monkeypatch.setattr(verbs, "directory_of", lambda _: world.directory)
    signed = sign_statement(alarm, Label.ALARM, "hub", world.hub.signing_key)
    assert verbs._of_alarm(tmp_path, encode(signed)).attack == "new-device"
    forged = sign_statement(alarm, Label.ALARM, "hub", world.device_key)
    with pytest.raises(ProofFailure):
        verbs._of_alarm(tmp_path, encode(forged))


def test_every_incident_of_the_sector_by_stolen_account_becomes_a_draft() -> None:
    text = (SHIPPED / "sector-incidents.csv").read_text(encoding="utf-8")
    found = [one for one in read_sector(text) if isinstance(one, Incident)]
    stolen = [one for one in found if "hacking.Use of stolen creds" in one.varieties]
    assert stolen
    for one in stolen:
        drafted = from_incident(one, shipped_templates(), Audience.OPTICIANS)
        assert drafted.attack == "stolen-account"
        assert len(drafted.sources) == 2
        told = from_incident(one, shipped_templates(), Audience.INSURED)
        assert told.attack == "scams-after-leak"
        assert one.organisation in told.fr.what
        bulletin_of(complete(told), 1, 0)


def test_a_draft_without_its_author_or_with_a_gap_is_not_published() -> None:
    drafted = from_kind(shipped_templates().of_attack("vendor-breach"))
    with pytest.raises(BadInput, match="author"):
        bulletin_of(drafted, 1, 0)
    with pytest.raises(BadInput, match="brackets"):
        bulletin_of(complete(drafted), 1, 0)
    with pytest.raises(BadInput):
        bulletin_of(changed(complete(from_kind(shipped_templates().of_attack("phishing"))), sources=("",)), 1, 0)


def test_a_bulletin_is_a_mail_with_its_pdf_and_says_nothing_of_the_shop() -> None:
    drafted = complete(from_kind(shipped_templates().of_attack("stolen-account")))
    bulletin = bulletin_of(drafted, 7, 1_700_000_000)
    pdf = bulletin_pdf(bulletin, "fr", "Opérateur")
    text = " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    assert "pdfuaid" in pdf.decode("latin-1")
    for sentence in (bulletin.fr.title, *bulletin.fr.act):
        assert sentence[:40] in text
    mail = write_mail(bulletin, pdf, "magasin@example.org", "alerte@operateur.example", "Opérateur")
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    body = read.get_body()
    assert body is not None
    content = body.get_content()
    assert "http" not in content
    for sentence in (*bulletin.fr.act, *bulletin.en.act):
        assert sentence in content
    assert [part.get_content() for part in read.iter_attachments()] == [pdf]
    again = write_mail(bulletin, pdf, "magasin@example.org", "alerte@operateur.example", "Opérateur")
    assert again["Message-ID"] == mail["Message-ID"]


class Post:
    """A mail server that refuses, then takes."""

    def __init__(self) -> None:
        self.refuses, self.taken = True, list[EmailMessage]()

    def send(self, message: EmailMessage) -> None:
        if self.refuses:
            raise Unreachable("the mail server did not take a message")
        self.taken.append(message)


def test_a_mail_is_sent_until_it_is_taken_and_its_address_forgotten(world: World, tmp_path: Path) -> None:
    drafted = complete(from_kind(shipped_templates().of_attack("phishing")))
    content = encode(bulletin_of(drafted, 1, world.now))
    post = Post()
    with Store(tmp_path / "breach") as store:
        digest = follow(KnownList().digest, content)
        head = BulletinHead(count=1, digest=digest, issued_at=world.now)
        store.keep(sign_statement(head, Label.BULLETIN_HEAD, "breach-desk", world.breach_key), 1, [content])
        assert store.digest_at(1) == digest
        assert [store.queue(1, ["a@example.org", "b@example.org"], world.now) for _ in range(2)] == [2, 0]

        def send(at: int) -> tuple[int, int]:
            return deliver(store, post, "alerte@operateur.example", "Opérateur", world.now + at)

        assert send(0) == (0, 2)
        post.refuses = False
        assert send(1) == (0, 0)
        assert send(RETRY_SECONDS) == (2, 0)
        assert store.mail_counts() == (0, 2)
        assert send(KEPT_SECONDS + 1) == (0, 0)
        assert store.mail_counts() == (0, 0)
    assert {message["To"] for message in post.taken} == {"a@example.org", "b@example.org"}


def test_addresses_are_read_or_nothing_is() -> None:
    out = io.StringIO()
    csv.writer(out).writerows(
        [["shop", "email"], ["1", "a@example.org"], ["2", "a@example.org"], ["3", "b@example.org"]]
    )
    assert read_contacts("\ufeff" + out.getvalue()) == ["a@example.org", "b@example.org"]
    with pytest.raises(BadInput, match="line 3"):
        read_contacts("email\na@example.org\nnobody\n")
    with pytest.raises(BadInput, match="email"):
        read_contacts("address\na@example.org\n")
