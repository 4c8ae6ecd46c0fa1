"""Members are told by mail, at least once, without a word that a mailbox should not hold (11.12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from msgspec.structs import replace as changed
from tests.unit.parties.shop import Shop
from tests.unit.parties.test_insurer_review import reviewer
from tests.unit.parties.world import AMC, World

from paravent.access.mail import RETRY_SECONDS, RETRY_SECONDS_MAX, MailConfig, require_address
from paravent.access.mail_client import SmtpSender
from paravent.breach.bulletins.draft import bulletin_of, from_kind
from paravent.breach.bulletins.store import shipped_templates
from paravent.crypto.labels import Label
from paravent.drill.platform import free_ports
from paravent.errors import BadInput, InvalidConfiguration, Unreachable
from paravent.insurer.mail_client import deliver
from paravent.insurer.outbox_store import KEPT_SECONDS
from paravent.insurer.store import Store
from paravent.insurer.warnings import for_members
from paravent.wire.bulletins import BulletinHead, KnownList, follow
from paravent.wire.codec import encode
from paravent.wire.statements import sign_statement

ADDRESS = "anne.exemple@example.org"
SENDER = "droits@mutuelle.example"


@dataclass(slots=True)
class Sink:
    """A mail server on loopback that keeps what it takes, and can refuse."""

    taken: list[bytes] = field(default_factory=list)
    refuses: bool = False

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - the name that aiosmtpd calls
        if self.refuses:
            return "451 try again later"
        self.taken.append(envelope.content)
        return "250 taken"

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=policy.default) for content in self.taken]


@pytest.fixture
def sink() -> Iterator[tuple[Sink, MailConfig]]:
    """A server, and how to reach it."""
    found = Sink()
    (port,) = free_ports(1)
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield found, MailConfig(server="127.0.0.1", server_port=port, sender=SENDER, security="none")
    finally:
        controller.stop()


@pytest.fixture
def used(world: World) -> World:
    """A member with an address, whose right was reserved and consumed."""
    store = world.insurers[AMC].store
    with store.commit():
        store.outbox.keep_contacts([(world.insurers[AMC].members[0].member_id, ADDRESS)])
    shop = Shop.of(world, world.covered())
    shop.send(shop.reservation())
    shop.send(shop.claim()[0])
    review(world)
    return world


def review(world: World) -> None:
    for event in world.hub_store.claims.events(AMC, 0).events:
        world.insurers[AMC].store.claims.keep(reviewer(world).review(event, world.now))


def send(world: World, mail: MailConfig, at: int = 0) -> tuple[int, int]:
    sender = SmtpSender(mail, Path("/nonexistent"))
    return deliver(world.insurers[AMC].store, sender, "Mutuelle Horizon", SENDER, world.now + at)


def test_a_member_is_told_of_the_reservation_and_of_the_claim(used: World, sink: tuple[Sink, MailConfig]) -> None:
    server, mail = sink
    assert send(used, mail) == (2, 0)
    reserved, claimed = server.messages()
    assert (reserved["To"], reserved["From"]) == (ADDRESS, SENDER)
    text = claimed.get_content()
    assert text.index("un équipement a été facturé") < text.index("an equipment was claimed")
    assert "580000001" in text
    assert "15/06/2026" in text
    assert "Si ce n'est pas vous" in text
    assert send(used, mail) == (0, 0)


def test_a_mail_holds_no_person_and_no_health_datum(used: World, sink: tuple[Sink, MailConfig]) -> None:
    server, mail = sink
    send(used, mail)
    identity = used.covered()
    shop = Shop.of(used, identity)
    for message in server.messages():
        whole = message.as_string() + message.get_content()
        for secret in (identity.nir.thirteen, str(identity.name), str(identity.birth_date), "V-c-B", "MONT",
                       str(shop.quoted.quote.amc_cents)):  # fmt: skip
            assert secret not in whole


def test_the_same_event_again_is_told_once(used: World, sink: tuple[Sink, MailConfig]) -> None:
    review(used)
    assert send(used, sink[1]) == (2, 0)
    review(used)
    assert send(used, sink[1]) == (0, 0)


def test_what_the_server_does_not_take_is_sent_again_later_and_later(
    used: World, sink: tuple[Sink, MailConfig]
) -> None:
    server, mail = sink
    server.refuses = True
    assert send(used, mail) == (0, 2)
    assert send(used, mail, RETRY_SECONDS - 1) == (0, 0)
    assert send(used, mail, RETRY_SECONDS) == (0, 2)
    assert send(used, mail, 2 * RETRY_SECONDS) == (0, 0)
    server.refuses = False
    assert send(used, mail, 3 * RETRY_SECONDS) == (2, 0)
    assert used.insurers[AMC].store.outbox.counts() == (0, 2)


def test_a_crash_after_the_server_took_a_mail_sends_the_same_message_again(
    used: World, sink: tuple[Sink, MailConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, mail = sink

    class Killed(Exception):
        """The process ends."""

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("paravent.insurer.outbox_store.Outbox.keep_sent", killed)
    with pytest.raises(Killed):
        send(used, mail)
    monkeypatch.undo()
    assert send(used, mail) == (2, 0)
    first, again, _ = server.messages()
    assert first["Message-ID"] == again["Message-ID"]


def test_a_server_that_is_away_loses_nothing(used: World, sink: tuple[Sink, MailConfig]) -> None:
    closed = MailConfig(server="127.0.0.1", server_port=1, sender=SENDER, security="none")
    assert send(used, closed) == (0, 2)
    assert send(used, sink[1], RETRY_SECONDS) == (2, 0)


def test_a_mail_is_never_sent_in_clear_when_tls_was_asked(used: World, sink: tuple[Sink, MailConfig]) -> None:
    server, mail = sink
    for security in ("tls", "starttls"):
        asked = MailConfig(server=mail.server, server_port=mail.server_port, sender=SENDER, security=security)
        assert send(used, asked, at=RETRY_SECONDS_MAX * (security == "starttls")) == (0, 2)
    assert server.taken == []


def test_a_password_never_travels_in_clear(tmp_path: Path) -> None:
    mail = MailConfig(server="127.0.0.1", server_port=25, sender=SENDER, security="none", user="mutuelle")
    with pytest.raises(InvalidConfiguration):
        SmtpSender(mail, tmp_path)


def test_without_an_address_nothing_is_queued_and_old_news_is_forgotten(used: World) -> None:
    store: Store = used.insurers[AMC].store
    with store.commit():
        store.outbox.keep_contacts([])
    assert store.outbox.due(used.now) == []
    with store.commit():
        store.outbox.forget(used.now + KEPT_SECONDS + 1)
    assert store.outbox.counts() == (0, 0)


def test_a_refused_act_is_not_told(used: World) -> None:
    store = used.insurers[AMC].store
    line = store.claims.all()[-1]
    before = store.outbox.counts()
    with store.commit():
        store.outbox.add(replace(line, number=900, decision=bytes(16), state=type(line.state)("refused")))
    assert store.outbox.counts() == before


@pytest.mark.parametrize("text", ["", "a@b", "a b@example.org", "a@example.org\nBcc: b@example.org", "é@example.org"])
def test_what_cannot_stand_in_a_header_is_no_address(text: str) -> None:
    with pytest.raises(BadInput):
        require_address(text)


def test_a_failure_says_nothing_of_the_message() -> None:
    closed = SmtpSender(MailConfig(server="127.0.0.1", server_port=1, sender=SENDER, security="none"), Path("/x"))
    message = EmailMessage()
    message["To"] = ADDRESS
    with pytest.raises(Unreachable) as raised:
        closed.send(message)
    assert ADDRESS not in str(raised.value)


# --- warnings ----------------------------------------------------------------------------------------


@pytest.fixture
def warned(used: World) -> World:
    """An insurer that keeps a bulletin for insured persons, and one for opticians."""
    templates, contents = shipped_templates(), []
    for number, attack in ((1, "scams-after-leak"), (2, "phishing")):
        drafted = from_kind(templates.of_attack(attack))
        gapless = changed(drafted.fr, what="Des données ont été volées."), changed(drafted.en, what="Data were stolen.")
        drafted = changed(drafted, author="DPO", fr=gapless[0], en=gapless[1])
        contents.append(encode(bulletin_of(drafted, number, used.now)))
    store = used.insurers[AMC].store
    digest = follow(follow(KnownList().digest, contents[0]), contents[1])
    head = BulletinHead(count=2, digest=digest, issued_at=used.now)
    with store.commit():
        store.bulletins.keep(sign_statement(head, Label.BULLETIN_HEAD, "breach-desk", used.breach_key), 1, contents)
    return used


def test_chosen_members_are_warned_once_and_others_are_not(warned: World, sink: tuple[Sink, MailConfig]) -> None:
    found, mail = sink
    send(warned, mail)  # what is due of their rights
    found.taken.clear()
    store, members = warned.insurers[AMC].store, warned.insurers[AMC].members
    chosen = [members[0].member_id, members[1].member_id]
    with store.commit():
        assert [store.warnings.queue(1, chosen, warned.now) for _ in range(2)] == [1, 0]
    assert store.warnings.reachable(chosen) == 1
    found.refuses = True
    assert send(warned, mail, 1) == (0, 1)
    found.refuses = False
    assert send(warned, mail, 1) == (0, 0)
    assert send(warned, mail, 1 + RETRY_SECONDS) == (1, 0)
    assert send(warned, mail, 2 * RETRY_SECONDS) == (0, 0)
    (message,) = found.messages()
    assert message["To"] == ADDRESS
    body = message.get_body()
    assert body is not None
    text = body.get_content()
    assert "http" not in text
    assert members[0].member_id not in text
    with store.commit():
        store.warnings.forget(warned.now + KEPT_SECONDS + 1)
    assert store.warnings.counts(1) == (0, 0)


def test_only_a_bulletin_for_insured_persons_is_sent_to_members(warned: World) -> None:
    bulletins = warned.insurers[AMC].store.bulletins.all()
    assert for_members(bulletins, 1).attack == "scams-after-leak"
    for number in (2, 3):
        with pytest.raises(BadInput):
            for_members(bulletins, number)
