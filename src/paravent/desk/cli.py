"""``paravent desk``: create, join, enrol, classify, check, quote, agree, claim, correct, serve (docs/operating.md)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import to_builtins

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, join_options, verb
from paravent.access.config import read_directory
from paravent.access.devices import date_text
from paravent.access.doctor.doctor_cli import add_doctor_verb
from paravent.access.doctor.facts import PartyKind
from paravent.desk import config, trade
from paravent.desk.audit import KeptPrescription
from paravent.desk.audit_cli import add_audit_verb
from paravent.desk.bulletin_cli import add_bulletin_verbs
from paravent.desk.config import DeskConfig
from paravent.desk.doctor_store import observe
from paravent.desk.entitled import Entitled
from paravent.desk.settlement_cli import add_settlement_verbs
from paravent.errors import BadInput, ParaventError
from paravent.optics.grounds import ground_en, ground_fr
from paravent.optics.items import EquipmentClass
from paravent.optics.money import format_euros
from paravent.optics.store import shipped_rules_at
from paravent.person.identity import Holder, PersonIdentity
from paravent.person.nir import Nir
from paravent.person.store import shipped_lens_rules
from paravent.wire.claims import Act, Decision, DecisionsRequest
from paravent.wire.codec import decode
from paravent.wire.enrolment import DeviceActKind, DeviceState, EnrolledDevice

if TYPE_CHECKING:
    from paravent.desk.enrolment_client import EnrolmentClient

_ENROLMENT_SECONDS = 15.0
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(name="desk", help="The optician's own machine.")
def group() -> None:
    """Groups the verbs of the desk."""


@verb(group, "Create the device key and the configuration of a new desk.")
@click.option("--professional", required=True, help="Identifier of the professional (RPPS).")
@click.option("--shop", required=True, help="Identifier of the shop (FINESS).")
@click.option("--port", type=int, required=True, help="Loopback port of the desk's service.")
@click.option("--allow-single-operator", is_flag=True, help="Accept key servers of one operator (demonstrations).")
def init(home: Path, professional: str, shop: str, port: int, allow_single_operator: bool) -> Said:
    """Creates a home."""
    settings = DeskConfig(
        professional=professional, shop=shop, port=port, single_operator_allowed=allow_single_operator
    )
    keyid = config.initialise(home, settings, cli.rng).keyid
    return Said(
        text=f"desk created in {home}; its key, to be enrolled at every server: {keyid}", values={"keyid": keyid}
    )


@verb(group, "Join the directory of a platform: pin the key that signs it.")
@join_options
def join(home: Path, directory: Path, signer: str, key: str, anew: bool) -> Said:
    """Pins a directory."""
    pin = cli.pin_of(signer, key)
    return cli.join(home, config.load(home), directory, pin, anew=anew)


@verb(group, "Enrol this device at the hub and at every key server: the professional logs in, in a browser here.")
@click.option("--shop-codes", type=_EXISTING, help="JSON file of the codes printed for the shop, by verifier.")
@click.option("--verifier", "names", multiple=True, help="Only at this one; default: at all of the directory.")
@click.option("--browser", type=click.Choice(["open", "none"]), default="open", show_default=True,
              help="Open the first address, or only print it.")  # fmt: skip
def enrol(home: Path, shop_codes: Path | None, names: tuple[str, ...], browser: str) -> Said:
    """Enrols."""
    codes = {} if shop_codes is None else decode(shop_codes.read_bytes(), dict[str, str])
    shown: list[str] = []

    def show(name: str, address: str) -> None:
        click.echo(f"{name}: {address}", err=True)
        shown.append(address)
        if browser == "open" and len(shown) == 1:
            click.launch(address)

    async def run(client: EnrolmentClient) -> Said:
        outcomes = await client.enrol(_known(names, client), config.load(home).shop, codes, show)
        enrolled = {name: [device] for name, device in outcomes.items() if isinstance(device, EnrolledDevice)}
        refused = {name: error for name, error in outcomes.items() if isinstance(error, ParaventError)}
        if refused:
            # What succeeded stays: the same verb with --verifier goes on with the others.
            click.echo(_devices_said(enrolled).text, err=True)
            for name, error in refused.items():
                click.echo(f"{name}: {error.title_fr} / {error.title_en}: {error}", err=True)
            raise next(iter(refused.values()))
        return _devices_said(enrolled)

    return _speak(home, run)


@verb(group, "List the devices of this professional and this shop at every verifier: an unknown one is seen here.")
def devices(home: Path) -> Said:
    """Lists devices."""

    async def run(client: EnrolmentClient) -> Said:
        return _devices_said({name: (await client.devices(name)).devices for name in client.verifiers})

    return _speak(home, run)


@verb(group, "Countersign a device that waits: it becomes active at once, with the small quota of new ones.")
@click.argument("keyid")
def countersign(home: Path, keyid: str) -> Said:
    """Countersigns."""
    return _act(home, DeviceActKind.COUNTERSIGN, keyid)


@verb(group, "Object to a device that waits and is not yours: it is withdrawn for good.")
@click.argument("keyid")
def object_to(home: Path, keyid: str) -> Said:
    """Objects."""
    return _act(home, DeviceActKind.OBJECT, keyid)


@verb(group, "Give the lens categories of a FHIR R4 VisionPrescription; needs no home.", home_required=False)
@click.argument("file", type=_EXISTING)
def classify(home: Path | None, file: Path) -> Said:  # noqa: ARG001 - every verb takes a home; this one needs none
    """Classifies a prescription; nothing leaves the machine."""
    found = trade.prescribed(file.read_bytes(), shipped_lens_rules()).classification
    values = {"right": found.right, "left": found.left, "band": found.band, "focal": found.focal}
    text = (
        f"œil droit / right eye : {found.right or '-'}, œil gauche / left eye : {found.left or '-'}\n"
        f"équipement / band : {found.band or '-'} ({found.focal}), {'; '.join(found.articles)}"
    )
    return Said(text=text, values={name: None if value is None else value.value for name, value in values.items()})


def customer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say who the customer is, by card or by number."""
    for option in (
        click.option("--card", type=_EXISTING, help="Card lane: picture or text file of the QR code."),
        click.option("--insurer", help="Number lane: AMC number."),
        click.option("--nir", help="Number lane: 13 characters and key; prompted for when absent."),
        click.option("--rank", type=int, default=1, show_default=True, help="Number lane: rank."),
        click.option("--birth-date", required=True, help="As printed: DD/MM/YYYY or YYYY-MM-DD."),
        click.option("--name", required=True, help="Family name and given name as printed on the card."),
    ):
        command = option(command)
    return command


def basket_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the prescription and the prices, in cents."""
    kinds = click.Choice([kind.value for kind in EquipmentClass])
    for option in (
        click.option("--prescription", type=_EXISTING, required=True, help="FHIR R4 VisionPrescription."),
        click.option("--frame-class", type=kinds, default="B", show_default=True),
        click.option("--frame-cents", type=int, required=True),
        click.option("--lens-class", type=kinds, default="B", show_default=True),
        click.option("--right-cents", type=int, required=True),
        click.option("--left-cents", type=int, required=True),
    ):
        command = option(command)
    return command


@verb(group, "Check a customer's cover, by card or by number.")
@customer_options
def check(home: Path, **customer: Any) -> Said:
    """Checks cover."""

    async def run(session: Session) -> Said:
        entitled = await session.entitled(customer)
        part = entitled.part
        text = f"Couvert / covered: {part.guarantee}, payable from {part.free_from} ({entitled.lane} lane)"
        return Said(text=text, values={
            "covered": True, "lane": entitled.lane.value, "insurer": part.insurer, "guarantee": part.guarantee,
            "valid_until": part.valid_until, "payable_from": part.free_from, "degraded": entitled.degraded,
        })  # fmt: skip

    return _run(home, run)


_NEEDED = ("home", "name", "birth_date", "prescription", "frame_cents", "right_cents", "left_cents")


@verb(group, "Compute a quote: before the sale from FILE alone, or for a checked customer.", home_required=False)
@click.argument("file", type=_EXISTING, required=False)
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="With FILE: print the quote there.")
@customer_options
@basket_options
def quote(home: Path | None, file: Path | None, pdf: Path | None, **options: Any) -> Said:
    """Quotes."""
    if file is not None:
        # Imported here so that no other verb loads what a quote before the sale needs.
        from paravent.desk.quote_cli import quote_file

        return quote_file(home, file, pdf)
    if home is None or pdf is not None or any(options[name] is None for name in _NEEDED[1:]):
        raise BadInput("give FILE, or --" + ", --".join(_NEEDED).replace("_", "-"))

    async def run(session: Session) -> Said:
        _, quoted = session.quoted(await session.entitled(options), options)
        total = quoted.quote
        lines = [
            f"{item.code:8} {format_euros(item.price_cents):>12} AMO {format_euros(item.amo_cents):>10}"
            f" AMC {format_euros(item.amc_cents):>12} reste {format_euros(item.rest_cents):>12}  {item.why}"
            for item in total.items
        ]
        return Said(text="\n".join(lines), values={
            "band": total.band, "amo_cents": total.amo_cents, "amc_cents": total.amc_cents,
            "rest_cents": total.rest_cents, "rules": total.rules,
        })  # fmt: skip

    return _run(home, run)


# FILE stands for all of them.
for _option in quote.params:
    _option.required = False


@verb(group, "Request a prise en charge.")
@customer_options
@click.option("--early-renewal", is_flag=True)
@dry_run_option
def agree(home: Path, early_renewal: bool, dry_run: bool, **customer: Any) -> Said:
    """Reserves."""

    async def run(session: Session) -> Said:
        entitled = await session.entitled(customer)
        act = trade.reservation(entitled, early_renewal=early_renewal, rng=cli.rng)
        return await session.act(act, dry_run=dry_run)

    return _run(home, run)


@verb(group, "Send the claim of delivered equipment.")
@customer_options
@basket_options
@click.option("--early-renewal", is_flag=True)
@dry_run_option
def claim(home: Path, dry_run: bool, **options: Any) -> Said:
    """Claims."""
    return _claim(home, options, None, dry_run=dry_run)


@verb(group, "Correct a claim of this shop: another one, with other items or amounts, takes its place.")
@click.argument("claim_id")
@customer_options
@basket_options
@click.option("--early-renewal", is_flag=True)
@dry_run_option
def correct(home: Path, claim_id: str, dry_run: bool, **options: Any) -> Said:
    """Corrects."""
    return _claim(home, options, cli.identifier(claim_id), dry_run=dry_run)


def _claim(home: Path, options: dict[str, Any], corrects: bytes | None, *, dry_run: bool) -> Said:
    async def run(session: Session) -> Said:
        entitled = await session.entitled(options)
        taken, quoted = session.quoted(entitled, options)
        act, kept = trade.claim(
            entitled, quoted, taken, config.load(home).payee(), early_renewal=options["early_renewal"],
            key=config.device_key(home), rng=cli.rng, corrects=corrects,
        )  # fmt: skip
        return await session.act(act, kept, dry_run=dry_run)

    return _run(home, run)


@verb(group, "Cancel a prise en charge.")
@customer_options
@dry_run_option
def cancel(home: Path, dry_run: bool, **customer: Any) -> Said:
    """Cancels."""

    async def run(session: Session) -> Said:
        return await session.act(trade.cancellation(await session.entitled(customer), cli.rng), dry_run=dry_run)

    return _run(home, run)


@verb(group, "Say for how many persons the number lane can still be used today.")
def quota(home: Path) -> Said:
    """Reads the quota."""

    async def run(session: Session) -> Said:
        return await session.quota()

    return _run(home, run)


@verb(group, "Fetch the status lists and guarantees of every insurer.")
def refresh(home: Path) -> Said:
    """Refreshes."""

    async def run(session: Session) -> Said:
        return await session.refreshed()

    return _run(home, run)


@verb(group, "Say what was decided on a claim of this shop, or on an act of this desk.")
@click.option("--claim", "claim_id", default=None, help="Identifier of the claim, as its decision gave it.")
@click.option("--act", default=None, help="Idempotency key of the act.")
def decisions(home: Path, claim_id: str | None, act: str | None) -> Said:
    """Asks."""
    asked = DecisionsRequest(
        act=None if act is None else cli.identifier(act), claim=None if claim_id is None else cli.identifier(claim_id)
    )

    async def run(session: Session) -> Said:
        return await session.decisions(asked)

    return _run(home, run)


@verb(group, "List the acts that got no answer, and ask the hub whether it decided them; sends none again.")
def pending(home: Path) -> Said:
    """Asks."""

    async def run(session: Session) -> Said:
        return await session.pending()

    return _run(home, run)


@verb(group, "Send again what got no answer, byte for byte: the same decision comes back.")
def resend(home: Path) -> Said:
    """Sends again."""

    async def run(session: Session) -> Said:
        said = [await session.act(act) for act in session.undecided()]
        return Said(
            text="\n".join(one.text for one in said) or "nothing to send again",
            values={"decisions": [dict(one.values) for one in said]},
        )

    return _run(home, run)


@verb(group, "Serve shop software and screens on loopback until stopped.")
def serve(home: Path) -> None:
    """Runs the desk's service."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.desk.app import build

    app = build(home)
    if sys.stdout.isatty():
        # A secret until it is used: for who sits here, never for a log.
        click.echo(app.state.counter.link())
    run(app, host="127.0.0.1", port=config.load(home).port)


@verb(group, "Open the screens of the running service in a browser, with a link that serves once.", name="open")
@click.option("--browser", type=click.Choice(["open", "none"]), default="open", show_default=True,
              help="Open the link, or only print it.")  # fmt: skip
def open_screens(home: Path, browser: str) -> Said:
    """Opens the screens."""
    link = asyncio.run(_link(home))
    if browser == "open":
        click.launch(link)
    return Said(text=link, values={"link": link})


async def _link(home: Path) -> str:
    # Imported here so that no other verb loads an HTTP client.
    from paravent.desk.screens.link_client import ask_link

    return await ask_link(config.load(home).port, config.token(home))


class Session:
    """One command's work: a client, and what the options say."""

    def __init__(self, client: Any, degraded_cents_max: int) -> None:
        """Works with a desk client."""
        self._client = client
        self._degraded_cents_max = degraded_cents_max

    async def entitled(self, customer: dict[str, Any]) -> Entitled:
        """Checks the customer by card or by number."""
        holder = Holder.from_card(name=customer["name"], birth_date=customer["birth_date"])
        if customer["card"] is not None:
            entitled: Entitled = self._client.check_card(_card_text(customer["card"]), holder)
            return entitled
        if customer["insurer"] is None:
            raise BadInput("give --card, or --insurer and --nir")
        nir = Nir.parse(customer["nir"] or click.prompt("NIR", hide_input=True))
        found: Entitled = await self._client.check_number(
            customer["insurer"],
            PersonIdentity(name=holder.name, birth_date=holder.birth_date, nir=nir, rank=customer["rank"]),
        )
        return found

    def quoted(self, entitled: Entitled, options: dict[str, Any]) -> tuple[trade.Prescribed, trade.Quoted]:
        """Computes the quote of the options."""
        taken = trade.prescribed(options["prescription"].read_bytes(), shipped_lens_rules())
        basket = trade.Basket(
            frame_class=EquipmentClass(options["frame_class"]), frame_cents=options["frame_cents"],
            lens_class=EquipmentClass(options["lens_class"]), right_cents=options["right_cents"],
            left_cents=options["left_cents"],
        )  # fmt: skip
        tables = self._client.guarantees(entitled.part.insurer)
        return taken, trade.quote(
            basket,
            taken,
            entitled,
            tables,
            shipped_rules_at(cli.now()),
            self._degraded_cents_max,
            self._client.class_a_tariff(),
        )

    async def act(self, act: Act, kept: KeptPrescription | None = None, *, dry_run: bool = False) -> Said:
        """Sends an act and tells the decision; a dry run sends nothing."""
        if dry_run:
            return Said(text=f"{act.kind}: nothing was sent", values={"kind": act.kind.value, "sent": False})
        return _told(await self._client.act(act, kept))

    async def decisions(self, asked: DecisionsRequest) -> Said:
        """Tells what was decided on an act or a claim."""
        said = [_told(decision) for decision in await self._client.decisions(asked)]
        text = "\n".join(one.text for one in said) or "aucune décision / nothing was decided"
        return Said(text=text, values={"decisions": [dict(one.values) for one in said]})

    async def pending(self) -> Said:
        """Asks of every act without an answer whether it was decided."""
        waiting = [
            {"kind": act.kind.value, "idempotency_key": act.idempotency_key.hex()} for act in self._client.undecided()
            if not await self._client.decisions(DecisionsRequest(act=act.idempotency_key, claim=None))
        ]  # fmt: skip
        lines = [f"{act['kind']} {act['idempotency_key']}: resend" for act in waiting]
        return Said(text="\n".join(lines) or "nothing waits", values={"pending": waiting})

    async def quota(self) -> Said:
        """Asks every verifier what is left."""
        persons, servers = await self._client.quota()
        lines = [f"{name}: {left.lookups} look-ups, {left.openings} openings" for name, left in servers]
        return Said(
            text="\n".join([*lines, f"{persons} persons"]),
            values={"persons": persons, "servers": {name: msgspec.to_builtins(left) for name, left in servers}},
        )

    async def refreshed(self) -> Said:
        """Fetches the lists of every insurer."""
        insurers = await self._client.refresh_all()
        return Said(text=f"lists of {insurers} insurers fetched", values={"insurers": insurers})

    def undecided(self) -> list[Act]:
        """Lists the acts that got no answer."""
        acts: list[Act] = self._client.undecided()
        return acts


def _told(decision: Decision) -> Said:
    """Tells a decision."""
    amount = f" {format_euros(decision.amc_cents)}" if decision.amc_cents else ""
    ground = f" {ground_fr(decision.ground)} / {ground_en(decision.ground)}" if decision.ground else ""
    text = f"{decision.kind}: {decision.outcome}{amount}{ground} {decision.reason} {decision.detail}".rstrip()
    claim = decision.claim_id
    return Said(text=text, values={
        "kind": decision.kind.value, "outcome": decision.outcome.value, "reason": decision.reason,
        "detail": decision.detail, "payable_from": decision.payable_from, "amc_cents": decision.amc_cents,
        "decision_id": decision.decision_id.hex(), "claim_id": None if claim is None else claim.hex(),
        "ground": decision.ground,
    })  # fmt: skip


def _run(home: Path, work: Callable[[Session], Coroutine[None, None, Said]]) -> Said:
    # Imported here so that classify loads no HTTP client.
    from paravent.access.client import SignedClient
    from paravent.desk.client import DeskClient
    from paravent.desk.store import Store

    async def inner() -> Said:
        settings, key = config.load(home), config.device_key(home)
        directory = read_directory(home, settings.directory)
        with Store(home) as store:
            async with SignedClient(key, cli.rng) as http:
                return await work(
                    Session(DeskClient(settings, key, directory, store, http), settings.degraded_cents_max)
                )

    return asyncio.run(inner())


def _speak(home: Path, work: Callable[[EnrolmentClient], Coroutine[None, None, Said]]) -> Said:
    # Imported here so that classify loads no HTTP client.
    from paravent.access.client import SignedClient
    from paravent.desk.enrolment_client import EnrolmentClient

    async def inner() -> Said:
        settings, key = config.load(home), config.device_key(home)
        directory = read_directory(home, settings.directory)
        # A verifier asks its provider before it answers.
        async with SignedClient(key, cli.rng, timeout_seconds=_ENROLMENT_SECONDS) as http:
            return await work(EnrolmentClient(directory, key, http, cli.rng))

    return asyncio.run(inner())


def _known(names: tuple[str, ...], client: EnrolmentClient) -> list[str]:
    if unknown := [name for name in names if name not in client.verifiers]:
        raise BadInput(f"the directory has no verifier of this name: {', '.join(unknown)}")
    return list(names or client.verifiers)


def _act(home: Path, kind: DeviceActKind, keyid: str) -> Said:
    async def run(client: EnrolmentClient) -> Said:
        found = [(name, (await client.devices(name)).devices) for name in client.verifiers]
        waiting = [name for name, seen in found if any(_waits(device, keyid) for device in seen)]
        if not waiting:
            raise BadInput("no device of this professional or this shop waits under this key")
        return _devices_said({name: [await client.act(name, kind, keyid)] for name in waiting})

    return _speak(home, run)


def _waits(device: EnrolledDevice, keyid: str) -> bool:
    return device.keyid == keyid and device.state is DeviceState.PENDING


def _devices_said(found: Mapping[str, Sequence[EnrolledDevice]]) -> Said:
    lines = [
        f"{name}: {device.keyid} {device.state} professionnel / professional {device.professional},"
        f" magasin / shop {device.shop}" + (f", {date_text(device.active_from)}" if device.active_from else "")
        for name, seen in found.items()
        for device in seen
    ]
    values = {name: [to_builtins(device) for device in seen] for name, seen in found.items()}
    return Said(text="\n".join(lines), values={"verifiers": values})


def _card_text(path: Path) -> str:
    if path.suffix == ".txt":
        return path.read_text(encoding="ascii", errors="replace")
    # Imported here so that only a picture loads the reader.
    from paravent.desk.card_picture import read_picture

    return read_picture(path.read_bytes())


add_audit_verb(group)
add_bulletin_verbs(group)
add_settlement_verbs(group)
add_doctor_verb(group, PartyKind.DESK, observe)
