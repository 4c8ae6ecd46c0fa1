"""``paravent desk``: create, join, classify, check, quote, agree, claim, cancel, serve (docs/operating.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from paravent.access import cli
from paravent.access.cli import clear_errors, home_option, join_options, json_option
from paravent.access.config import join_directory, read_directory
from paravent.desk import config, trade
from paravent.desk.config import DeskConfig
from paravent.desk.entitled import Entitled
from paravent.errors import BadInput, UnreadableCard
from paravent.optics.items import EquipmentClass
from paravent.optics.store import shipped_rules
from paravent.person.identity import Holder, PersonIdentity
from paravent.person.nir import Nir
from paravent.person.store import shipped_lens_rules

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(name="desk", help="The optician's own machine.")
def group() -> None:
    """Groups the verbs of the desk."""


@group.command(help="Create the device key and the configuration of a new desk.")
@home_option
@click.option("--professional", required=True, help="Identifier of the professional (RPPS).")
@click.option("--shop", required=True, help="Identifier of the shop (FINESS).")
@click.option("--port", type=int, required=True, help="Loopback port of the desk's service.")
@click.option("--allow-single-operator", is_flag=True, help="Accept key servers of one operator (demonstrations).")
@click.option("--device", type=_FILE, required=True, help="Where to write the device file to be enrolled.")
@clear_errors
def init(home: Path, professional: str, shop: str, port: int, allow_single_operator: bool, device: Path) -> None:
    """Creates a home and writes the device file."""
    settings = DeskConfig(
        professional=professional, shop=shop, port=port, single_operator_allowed=allow_single_operator
    )
    cli.write_file(device, config.initialise(home, settings, cli.rng))


@group.command(help="Join the directory of a platform: pin the key that signs it.")
@home_option
@join_options
@clear_errors
def join(home: Path, directory: Path, signer: str, key: str) -> None:
    """Pins a directory."""
    join_directory(home, config.load(home), directory, cli.pin_of(signer, key))


@group.command(help="Give the lens categories of a FHIR R4 VisionPrescription.")
@click.argument("file", type=_EXISTING)
@json_option
@clear_errors
def classify(file: Path, as_json: bool) -> None:
    """Classifies a prescription; nothing leaves the machine."""
    found = trade.prescribed(file.read_bytes(), shipped_lens_rules()).classification
    if as_json:
        cli.emit({
            "right": None if found.right is None else found.right.value,
            "left": None if found.left is None else found.left.value,
            "band": None if found.band is None else found.band.value,
            "focal": found.focal.value,
        })  # fmt: skip
        return
    click.echo(f"œil droit / right eye : {found.right}, œil gauche / left eye : {found.left}")
    click.echo(f"équipement / band : {found.band} ({found.focal}), {'; '.join(found.articles)}")


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


@group.command(help="Check a customer's cover, by card or by number.")
@home_option
@customer_options
@json_option
@clear_errors
def check(home: Path, as_json: bool, **customer: Any) -> None:
    """Checks cover."""

    async def run(session: Session) -> None:
        entitled = await session.entitled(customer)
        part = entitled.part
        _say(as_json, f"Couvert / covered: {part.guarantee}, payable from {part.free_from} ({entitled.lane} lane)", {
            "covered": True, "lane": entitled.lane.value, "insurer": part.insurer, "guarantee": part.guarantee,
            "valid_until": part.valid_until, "payable_from": part.free_from, "degraded": entitled.degraded,
        })  # fmt: skip

    _run(home, run)


@group.command(help="Compute a quote for a customer.")
@home_option
@customer_options
@basket_options
@json_option
@clear_errors
def quote(home: Path, as_json: bool, **options: Any) -> None:
    """Quotes."""

    async def run(session: Session) -> None:
        _, quoted = session.quoted(await session.entitled(options), options)
        total = quoted.quote
        lines = [
            f"{item.code:8} {item.price_cents:>7} AMO {item.amo_cents:>6} AMC {item.amc_cents:>6}"
            f" reste {item.rest_cents:>6}  {item.why}"
            for item in total.items
        ]
        _say(as_json, "\n".join(lines), {
            "band": total.band, "amo_cents": total.amo_cents, "amc_cents": total.amc_cents,
            "rest_cents": total.rest_cents, "rules": total.rules,
        })  # fmt: skip

    _run(home, run)


@group.command(help="Request a prise en charge.")
@home_option
@customer_options
@click.option("--early-renewal", is_flag=True)
@json_option
@clear_errors
def agree(home: Path, as_json: bool, early_renewal: bool, **customer: Any) -> None:
    """Reserves."""

    async def run(session: Session) -> None:
        entitled = await session.entitled(customer)
        await session.act(trade.reservation(entitled, early_renewal=early_renewal, rng=cli.rng), as_json)

    _run(home, run)


@group.command(help="Send the claim of delivered equipment.")
@home_option
@customer_options
@basket_options
@click.option("--early-renewal", is_flag=True)
@json_option
@clear_errors
def claim(home: Path, as_json: bool, early_renewal: bool, **options: Any) -> None:
    """Claims."""

    async def run(session: Session) -> None:
        entitled = await session.entitled(options)
        taken, quoted = session.quoted(entitled, options)
        act, salt = trade.claim(
            entitled, quoted, taken, early_renewal=early_renewal, key=config.device_key(home), rng=cli.rng
        )
        await session.act(act, as_json, salt)

    _run(home, run)


@group.command(help="Cancel a prise en charge.")
@home_option
@customer_options
@json_option
@clear_errors
def cancel(home: Path, as_json: bool, **customer: Any) -> None:
    """Cancels."""

    async def run(session: Session) -> None:
        await session.act(trade.cancellation(await session.entitled(customer), cli.rng), as_json)

    _run(home, run)


@group.command(help="Serve shop software and screens on loopback until stopped.")
@home_option
@clear_errors
def serve(home: Path) -> None:
    """Runs the desk's service."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.desk.app import build

    run(build(home), host="127.0.0.1", port=config.load(home).port)


class Session:
    """One command's work: a client, and what the options say."""

    def __init__(self, client: Any) -> None:
        """Works with a desk client."""
        self._client = client

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
        return taken, trade.quote(basket, taken, entitled, tables, shipped_rules())

    async def act(self, act: Any, as_json: bool, salt: bytes | None = None) -> None:
        """Sends an act and shows the decision."""
        decision = await self._client.act(act, salt)
        _say(as_json, f"{decision.kind}: {decision.outcome} {decision.reason} {decision.detail}", {
            "kind": decision.kind.value, "outcome": decision.outcome.value, "reason": decision.reason,
            "detail": decision.detail, "amc_cents": decision.amc_cents, "decision_id": decision.decision_id.hex(),
        })  # fmt: skip


def _run(home: Path, work: Callable[[Session], Awaitable[None]]) -> None:
    # Imported here so that classify loads no HTTP client.
    from paravent.access.client import SignedClient
    from paravent.desk.client import DeskClient
    from paravent.desk.store import Store

    async def inner() -> None:
        settings, key = config.load(home), config.device_key(home)
        directory = read_directory(home, settings.directory)
        with Store(home) as store:
            async with SignedClient(key, cli.rng) as http:
                await work(Session(DeskClient(settings, key, directory, store, http)))

    asyncio.run(inner())


def _card_text(path: Path) -> str:
    if path.suffix == ".txt":
        return path.read_text(encoding="ascii", errors="replace")
    # Imported here so that only a picture loads the reader.
    import zxingcpp
    from PIL import Image

    with Image.open(path) as picture:
        found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if len(found) != 1:
        raise UnreadableCard(f"the picture holds {len(found)} QR codes, one is needed")
    return str(found[0].text)


def _say(as_json: bool, text: str, values: dict[str, Any]) -> None:
    click.echo(text, err=as_json)
    if as_json:
        cli.emit(values)
