"""For each code of the error tree, a real path of the code that raises it, or a decision that carries it.

``PROVOKED`` is what test_error_catalogue.py plays. A code without a line here is a code that no path reaches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from tests.unit.access.test_enrolment import Scene
from tests.unit.parties.life import Insurer
from tests.unit.parties.shop import BASKET, PRESCRIPTION, Shop
from tests.unit.parties.suspension_properties import asked, carried_out
from tests.unit.parties.test_lying_server import lie
from tests.unit.parties.test_witness_log import log_of, opened, remembered
from tests.unit.parties.world import AMC, DAY, NOW, World

from paravent.access import app as access_app
from paravent.access.admission_app import IN_PROGRESS_MAX, WAITING_MAX, Turns
from paravent.access.client import SignedClient
from paravent.access.devices import Bar, BarReason, Standing, check_standing
from paravent.access.enrolment import act_on
from paravent.access.parties import authenticate_insurer, authenticate_party
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import verify_request
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk import config, trade
from paravent.desk.app import build as build_desk
from paravent.desk.checks_store import Checks
from paravent.desk.config import DeskConfig
from paravent.desk.entitled import judge_card
from paravent.desk.epoch import verify_bundle
from paravent.desk.waiting import require_room
from paravent.errors import ParaventError
from paravent.hub.vault import ActId
from paravent.insurer.act_client import send_act
from paravent.insurer.books import open_books
from paravent.insurer.card import card_of
from paravent.insurer.leak.sample import read_sample
from paravent.insurer.reconciliation import balance_books, require_balanced
from paravent.insurer.sign_in import read_claims
from paravent.insurer.space_config import person_profile
from paravent.keyserver.config import WatchSettings
from paravent.keyserver.cosigning import require_not_rolled_back
from paravent.keyserver.witness_app import Witness
from paravent.optics.claim_states import REVERSAL_SECONDS, ClaimRecord, ClaimState, Paid, change_claim
from paravent.optics.decision import adjudicate
from paravent.optics.guarantee import read_guarantees
from paravent.optics.items import equipment_of
from paravent.optics.rules import read_rules
from paravent.optics.settlement import require_iban
from paravent.optics.store import shipped_rules
from paravent.pages.screens.forms import Form, require_csrf
from paravent.person.fhir.coverage import Coverage
from paravent.person.fhir.document import read_resource
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir
from paravent.person.store import shipped_class_a_tariff
from paravent.wire.card import read_card
from paravent.wire.claims import ActKind, Decision, Ground
from paravent.wire.codec import decode
from paravent.wire.enrolment import DEVICE_ACTS_PATH, DeviceAct, DeviceActKind
from paravent.wire.problem import Problem
from paravent.wire.statements import Signed, open_statement
from paravent.wire.suspension import Measure, SubjectKind

Provocation = Callable[[World], object]


def _raise_refusal(shop: Shop, act: Any) -> None:
    """Sends an act and raises the refusal that its signed decision carries, as its code names it."""
    decision = shop.decide(act)
    raise_code(decision.reason)


def raise_code(code: str) -> None:
    """Raises the error of a code that came in a decision or a problem, by the catalogue's own table."""
    raise CarriedCode(code)


class CarriedCode(Exception):
    """A code that a real decision or a real answer carried."""

    def __init__(self, code: str) -> None:
        """Keeps the code."""
        super().__init__(code)
        self.code = code


def _shop(world: World) -> Shop:
    return Shop.of(world, world.covered())


def _bought(world: World) -> tuple[Shop, bytes]:
    shop = _shop(world)
    shop.decide(shop.reservation())
    return shop, shop.decide(shop.claim()[0]).claim_id or b""


def _ask(app: Starlette, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Asks an application as a server would, and raises the code of the problem that it answers."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(access_app, "log_event", lambda *_, **__: None)
        try:
            asyncio.run(app(scope, receive, send))
        except ZeroDivisionError:
            assert sent, "an unforeseen fault is answered before it goes to the server"
    problem = json.loads(b"".join(message.get("body", b"") for message in sent))
    raise_code(str(problem["type"]).removeprefix("urn:paravent:error:"))


def _application(handler: Callable[[Request], Any] | None = None) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield

    routes = [] if handler is None else [Route("/v1/faulty", handler, methods=["POST"])]
    return access_app.application("hub", routes, lifespan=lifespan)


# --- bad input ---------------------------------------------------------------------------------


def slow(_: World) -> None:
    """A body that never ends its first byte."""

    async def receive() -> Any:
        await asyncio.sleep(60)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(access_app, "BODY_SECONDS_MAX", 0.01)
        asyncio.run(access_app.read_body(Request({"type": "http", "method": "POST", "headers": []}, receive)))


def another_insurer(world: World) -> None:
    """A request to publish, under the key of a device."""
    request, _ = world.signed(world.hub.base_url, "/v1/statements/guarantees", Signed(
        payload=b"", signer="", signature=bytes(64)))  # fmt: skip
    authenticate_insurer(request, world.directory, base_url=world.hub.base_url, now=world.now)


# --- refusals ------------------------------------------------------------------------------------


def revoked(world: World) -> None:
    shop = _shop(world)
    world.hand_over(AMC, revoked=[world.insurers[AMC].members[0].member_id])
    _raise_refusal(shop, shop.reservation())


def expired(world: World) -> None:
    shop = _shop(world)
    world.now += 1_500 * DAY
    _raise_refusal(shop, shop.reservation())


def somebody_elses_card(world: World) -> None:
    """A card shown by another member."""
    insurer = world.insurers[AMC]
    member = insurer.members[0]
    numbers = insurer.store.register.rights([member.member_id], world.rng)[member.member_id]
    card = read_card(card_of(AMC, insurer.keys.issuer, member, numbers, world.rng))
    judge_card(card, world.covered(2).holder, world.judgement())


def too_dear_while_degraded(world: World) -> None:
    shop = _shop(world)
    stale = replace(shop.entitled, degraded=True)
    trade.quote(BASKET, shop.taken, stale, world.insurers[AMC].tables, shipped_rules(), 0, shipped_class_a_tariff())


def too_many_euros_wait(world: World) -> None:
    claim, _ = _shop(world).claim()
    require_room([claim], changed(claim, idempotency_key=bytes(16)), 0)


def a_second_pair(world: World) -> None:
    shop, _ = _bought(world)
    _raise_refusal(shop, shop.reservation())


def another_shop(world: World) -> None:
    shop = _shop(world)
    shop.decide(shop.reservation())
    other = shop.other()
    _raise_refusal(other, other.reservation())


def nothing_reserved(world: World) -> None:
    shop = _shop(world)
    _raise_refusal(shop, shop.cancellation())


def no_such_claim(world: World) -> None:
    shop = _shop(world)
    _raise_refusal(shop, shop.claim(corrects=bytes(16))[0])


def reversed_already(world: World) -> None:
    shop, claim = _bought(world)
    insurer = Insurer(world)
    insurer.decide(insurer.on_claim(ActKind.REVERSE, claim))
    _raise_refusal(shop, shop.claim(corrects=claim)[0])


def after_a_month(_: World) -> None:
    record = ClaimRecord(
        state=ClaimState.ACCEPTED, paid=Paid(month=202606, early=False), amc_cents=1, decided_at=NOW,
        first_decided_at=NOW,
    )  # fmt: skip
    change_claim(record, ActKind.REVERSE, NOW + REVERSAL_SECONDS)


def one_key_for_two(world: World) -> None:
    shop = _shop(world)
    act = shop.reservation()
    shop.send(act)
    shop.send(changed(act, early_renewal=True))


def one_cent_more(world: World) -> None:
    shop = _shop(world)
    _, claim = shop.claim()
    adjudicate(changed(claim, rest_cents=claim.rest_cents + 1), world.insurers[AMC].tables.guarantees[0],
               shipped_rules())  # fmt: skip


def act_after_act(world: World) -> None:
    shop = _shop(world)
    for _ in range(QuotaLimits().acts_per_day_max + 1):
        shop.send(shop.cancellation())


def a_stranger(world: World) -> None:
    shop = _shop(world)
    replace(shop, key=SigningKey.generate(world.rng)).admit(shop.reservation())


def in_three_days(world: World) -> None:
    check_standing(Standing(active_from=world.now + 1, limited_until=0, bar=None), world.now)


def barred(world: World) -> None:
    bar = Bar(kind=SubjectKind.DEVICE, since=0, reason=BarReason.INQUIRY, final=False)
    check_standing(Standing(active_from=0, limited_until=0, bar=bar), world.now)


def in_a_closed_lane(world: World) -> None:
    known = world.known(world.covered(amc=AMC), AMC)
    carried_out(world, asked(world, Measure.SUSPEND, SubjectKind.LANE))
    world.fetch(known)


def put_back(world: World) -> None:
    with world.hub_store.commit():
        world.hub_store.recovery.begin(0, NOW)
    _bought(world)


def one_too_many(_: World) -> None:
    async def crowd() -> None:
        turns = Turns()
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for _ in range(IN_PROGRESS_MAX + WAITING_MAX):
                group.create_task(turns.take())
            await asyncio.sleep(0)
            await turns.take()

    try:
        asyncio.run(crowd())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def nobody_to_countersign(_: World) -> None:
    scene = Scene()
    key = scene.key()
    scene.enrolled(key, scene.code())
    act = DeviceAct(kind=DeviceActKind.COUNTERSIGN, keyid="0" * 32)
    act_on(scene.signed(key, DEVICE_ACTS_PATH, act), scene.enroller, scene.ledger, scene.now)


def without_a_token(world: World) -> None:
    home = world.home / "counter"
    home.mkdir()
    settings = DeskConfig(professional="80000000001", shop="580000001", port=8_123)
    config.initialise(home, settings, world.rng)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("paravent.desk.app.read_directory", lambda *_: world.directory)
        patched.setattr("paravent.desk.app.config.load", lambda _: settings)
        _ask(build_desk(home), "/v1/pending", [(b"host", b"127.0.0.1:8123")])


def a_device_among_servers(world: World) -> None:
    request, _ = world.signed(world.hub.base_url, "/v1/log/seen", world.directory)
    authenticate_party(request, world.directory, base_url=world.hub.base_url, now=world.now)


def a_minute_later(world: World) -> None:
    request, _ = world.signed(world.hub.base_url, "/v1/acts", world.directory)
    verify_request(request, key=world.device_key.public, authority="hub.example:8000", now=world.now + 3_600)


# --- technical failures ----------------------------------------------------------------------------


def unforeseen(_: World) -> None:
    async def faulty(_: Request) -> Any:
        return 1 // 0

    _ask(_application(faulty), "/v1/faulty", [])


def alone(world: World) -> None:
    bundle = world.bundle()
    verify_bundle(
        changed(bundle, epoch=changed(bundle.epoch, receipts=())), AMC, world.directory, now=world.now,
        single_operator_allowed=False,
    )  # fmt: skip


def nobody_listens(world: World) -> None:
    async def ask() -> None:
        async with SignedClient(world.device_key, world.rng, timeout_seconds=1.0) as client:
            await client.get("hub", "http://127.0.0.1:1/v1/status", Problem)

    asyncio.run(ask())


def no_answer(world: World) -> None:
    _, claim = _bought(world)
    insurer = Insurer(world)
    signed = insurer.actor.sign(insurer.on_claim(ActKind.DISPUTE, claim, Ground.AMOUNT))
    away = changed(world.directory, hub=changed(world.directory.hub, address="http://127.0.0.1:1"))

    async def ask() -> None:
        async with SignedClient(insurer.party.keys.issuer, world.rng, timeout_seconds=1.0) as client:
            await send_act(signed, away, insurer.party.store, client)

    asyncio.run(ask())


def starting(world: World) -> None:
    server = world.servers[1]
    client: Any = None
    Witness(server.identity, world.directory, server.store, client, WatchSettings()).require_ready()


def gone_back(world: World) -> None:
    opened(world)
    seen = remembered(world)
    world.servers[1].store._connection.execute("DELETE FROM leaf WHERE position = (SELECT MAX(position) FROM leaf)")
    require_not_rolled_back(seen, world.names()[2], world.servers[1].identity, log_of(world))


def another_signer(world: World) -> None:
    shop = _shop(world)
    signed = shop.send(shop.reservation())
    open_statement(signed, Decision, Label.DECISION, world.hub.name, world.device_key.public)


def a_lying_server(world: World) -> None:
    blinding = world.blind(world.covered())
    server, honest, digest = world.evaluate(blinding, 2)
    blinding.take(server, lie("another key, proved for that key", world, blinding, digest, honest), digest)


def a_cent_more_in_the_books(world: World) -> None:
    """Somebody altered the insurer's ledger: a line is payable for more than it claimed."""
    _bought(world)
    insurer = Insurer(world)
    insurer.pull()
    insurer.party.store._connection.execute(
        "UPDATE claim SET payable_cents = payable_cents + 1 WHERE payable_cents > 0"
    )
    books = open_books(insurer.party.store, insurer.party.keys, AMC)
    require_balanced(balance_books(books, AMC, world.now))


def _decoded(kind: type[Any], body: bytes, bytes_max: int = 64) -> Provocation:
    return lambda _: decode(body, kind, bytes_max=bytes_max)


PROVOKED: dict[str, Provocation] = {
    "bad-input": lambda _: Checks().find("nothing"),
    "malformed-message": _decoded(Signed, b"{"),
    "body-too-large": _decoded(Signed, b"{}", 1),
    "body-too-slow": slow,
    "unknown-address": lambda _: _ask(_application(), "/nowhere", []),
    "invalid-nir": lambda _: Nir.parse("1"),
    "invalid-identity": lambda world: PersonIdentity.from_card(
        name="", birth_date="19700101", nir=world.covered().nir),
    "unknown-insurer": another_insurer,
    "unreadable-card": lambda _: read_card("nothing"),
    "unsupported-prescription": lambda _: read_vision_prescription(
        PRESCRIPTION.read_bytes().replace(b'"lens"', b'"contact"')),
    "unsupported-resource": lambda _: read_resource(b'{"resourceType":"Patient"}', Coverage),
    "invalid-basket": lambda _: equipment_of(()),
    "invalid-member-file": lambda world: world.insurers[AMC].store.register.require_member("nobody"),
    "invalid-bank-details": lambda _: require_iban("FR00"),
    "invalid-leak-sample": lambda _: read_sample(b""),
    "invalid-configuration": lambda _: read_rules(b"="),
    "not-covered": lambda world: world.row(world.known(world.stranger())),
    "holder-mismatch": somebody_elses_card,
    "outside-validity": expired,
    "entitlement-revoked": revoked,
    "degraded-limit-exceeded": too_dear_while_degraded,
    "renewal-not-due": a_second_pair,
    "already-reserved": another_shop,
    "no-reservation": nothing_reserved,
    "unknown-claim": no_such_claim,
    "claim-closed": reversed_already,
    "too-late": after_a_month,
    "idempotency-conflict": one_key_for_two,
    "amount-mismatch": one_cent_more,
    "overcollection-refused": lambda _: read_guarantees(
        b'insurer = "99000001"\n[[guarantee]]\ncode = "A"\nsphere = 1\n'),
    "quota-exceeded": act_after_act,
    "unknown-device": a_stranger,
    "device-pending": in_three_days,
    "device-suspended": barred,
    "lane-suspended": in_a_closed_lane,
    "enrolment-refused": nobody_to_countersign,
    "local-token-required": without_a_token,
    "session-required": lambda _: require_csrf(Form(), "a token of the session"),
    "unknown-party": a_device_among_servers,
    "request-not-authentic": a_minute_later,
    "technical-failure": unforeseen,
    "too-few-servers": alone,
    "unreachable": nobody_listens,
    "overloaded": one_too_many,
    "unanswered-act": no_answer,
    "waiting-limit-reached": too_many_euros_wait,
    "hub-recovering": put_back,
    "sign-in-refused": lambda _: read_claims({}, person_profile("franceconnect")),
    "stale-data": lambda world: world.insurers[AMC].store.guarantees(),
    "epoch-not-live": lambda world: world.hub_store.staged(99, AMC),
    "witness-not-ready": starting,
    "log-rolled-back": gone_back,
    "books-unbalanced": a_cent_more_in_the_books,
    "storage-down": lambda world: world.hub.database_key.open(ActId(b"name"), b"altered"),
    "proof-failure": another_signer,
    "signed-lie": a_lying_server,
}  # fmt: skip


def raised(provocation: Provocation, world: World) -> ParaventError | CarriedCode:
    """Plays a provocation and returns the error that it met."""
    with pytest.raises((ParaventError, CarriedCode)) as found:
        provocation(world)
    met = found.value
    assert isinstance(met, (ParaventError, CarriedCode))
    return met
