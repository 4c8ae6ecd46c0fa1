"""Pages of one customer: the right, the order, the quote, the agreement, the claim (docs/screens.md)."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.desk import trade
from paravent.desk.before_sale import (
    Books,
    Coverage,
    Customer,
    QuoteFile,
    Renewal,
    quote_before_sale,
    renewal_of,
)
from paravent.desk.quote_document import quote_document
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.dossier import Dossier, Priced
from paravent.desk.screens.order_form import EXTRAS, Order, Sight, read_order, read_sight
from paravent.desk.screens.sent import SentMessage, shown
from paravent.desk.screens.texts import GROUNDS, REASONS, SURENESS
from paravent.errors import BadInput, InvalidBasket, ParaventError, StaleData
from paravent.optics.claim_states import CORRECTION_DAYS
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import EquipmentClass
from paravent.optics.months import FRANCE, Month, month_of
from paravent.optics.store import shipped_rules_at
from paravent.pages.screens.app import language_of, telling, words_of
from paravent.pages.screens.catalogue import Language, marked
from paravent.pages.screens.forms import Form
from paravent.pages.screens.headers import screen_headers
from paravent.person.early_renewal import Ground
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.store import shipped_lens_rules, shipped_renewal_grounds, shipped_validity_terms
from paravent.wire.claims import Decision
from paravent.wire.problem import kind_of

_ABOVE_LIMIT: Final = marked("Ce prix dépasse la limite de la classe A pour cette correction.")
_STARTING: Final = {"frame_class": "B", "lens_class": "B"}


@dataclass(frozen=True, slots=True)
class CustomerPages:
    """The pages of a customer who was checked."""

    counter: Counter

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        one = "/customers/{check}"
        return [
            Route(one, self.customer, methods=["GET"]),
            Route(f"{one}/order", self.order, methods=["GET"]),
            Route(f"{one}/order", self.take_order, methods=["POST"]),
            Route(f"{one}/quote.pdf", self.document, methods=["GET"]),
            Route(f"{one}/sent", self.sent, methods=["GET"]),
        ]

    # --- pages --------------------------------------------------------------------------------

    async def customer(self, request: Request) -> Response:
        """Shows what was checked, and what follows."""
        return await self.shown(request, self.counter.dossier(request))

    async def order(self, request: Request) -> Response:
        """Shows the order form, filled with what was typed before."""
        dossier = self.counter.dossier(request)
        if dossier.priced is None:
            return self._order_page(request, dossier, Form(values=_STARTING | _last_equipment(dossier)))
        priced = dossier.priced
        return self._order_page(request, dossier, priced.order.sight.form, renewal=priced.shown.renewal)

    async def take_order(self, request: Request) -> Response:
        """Computes the quote of an order, or says whether a renewal is early; what was typed stays in the page."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        if form["what"] == "renewal":
            return self._renewal_page(request, dossier, form)
        read = read_order(form)
        if isinstance(read, Form):
            return self._order_page(request, dossier, read, status=400)
        try:
            priced = self._priced(dossier, read)
        except ParaventError as error:
            return self._refused_order(request, dossier, read, error)
        self.counter.keep(replace(dossier, priced=priced, prepared=None))
        return to_dossier(dossier)

    async def document(self, request: Request) -> Response:
        """Gives the quote as PDF."""
        priced = priced_of(self.counter.dossier(request))
        pdf = quote_document(priced.asked, priced.shown, created_at=int(time.time()))
        headers = screen_headers(camera=True) | {"content-disposition": 'inline; filename="devis.pdf"'}
        return Response(pdf, 200, headers, media_type="application/pdf")

    async def sent(self, request: Request) -> Response:
        """Shows every message that left this machine for a customer, field by field."""
        dossier = self.counter.dossier(request)
        return self.counter.page(request, "sent.html", dossier=dossier, steps=_steps(dossier))

    # --- computing ----------------------------------------------------------------------------

    def _priced(self, dossier: Dossier, order: Order) -> Priced:
        part, desk = dossier.entitled.part, self.counter.desk
        taken = trade.prescribed(order.sight.document, shipped_lens_rules())
        tables = desk.guarantees(part.insurer)
        quoted = trade.quote(
            order.basket, taken, dossier.entitled, tables, shipped_rules_at(int(time.time())),
            self.counter.settings.degraded_cents_max, desk.class_a_tariff(),
        )  # fmt: skip
        second = self._second(order)
        guarantees = (tables.find(part.guarantee), *([] if second is None else [second]))
        asked = self._question(dossier, order, guarantees)
        shown = quote_before_sale(asked, order.sight.document, order.sight.old_document, guarantees, self._books())
        return Priced(order=order, taken=taken, quoted=quoted, asked=asked, shown=shown)

    def _second(self, order: Order) -> Guarantee | None:
        """Finds the further coverage that was chosen among the tables that this desk keeps."""
        insurer, _, code = order.second.partition(" ")
        return self.counter.desk.guarantees(insurer).find(code) if order.second else None

    def _question(self, dossier: Dossier, order: Order, guarantees: tuple[Guarantee, ...]) -> QuoteFile:
        part, settings = dossier.entitled.part, self.counter.settings
        first, *others = guarantees
        return QuoteFile(
            day=_today(), prescription={}, basket=order.basket, customer=_customer(dossier, order.sight),
            issuer=(f"Magasin {settings.shop}", f"Opticien-lunetier {settings.professional}"),
            coverages=(
                Coverage(tables="", guarantee=first.code, free_from=part.free_from),
                *(Coverage(tables="", guarantee=other.code) for other in others),
            ),
        )  # fmt: skip

    def _books(self) -> Books:
        return Books(
            rules=shipped_rules_at(int(time.time())), lens_rules=shipped_lens_rules(),
            tariff=self.counter.desk.class_a_tariff(), terms=shipped_validity_terms(),
            grounds=shipped_renewal_grounds(),
        )  # fmt: skip

    def _renewal_page(self, request: Request, dossier: Dossier, form: Form) -> Response:
        sight = read_sight(form)
        if isinstance(sight, Form):
            return self._order_page(request, dossier, sight, status=400)
        customer = _customer(dossier, sight)
        try:
            found = None if customer is None else renewal_of(
                customer, _today(), Month(number=dossier.entitled.part.free_from),
                read_vision_prescription(sight.document), sight.old_document, self._books(),
            )  # fmt: skip
        except ParaventError as error:
            return self._order_page(request, dossier, form, status=error.status, error=error)
        return self._order_page(request, dossier, form, renewal=found)

    def _class_a_limits(self, order: Order) -> tuple[int, int] | None:
        """Gives the limits of both lenses when a class A one costs more than its correction allows."""
        if order.basket.lens_class is not EquipmentClass.A:
            return None
        rules, tariff = shipped_rules_at(int(time.time())), self.counter.desk.class_a_tariff()
        taken = trade.prescribed(order.sight.document, shipped_lens_rules())
        right, left = trade.class_a_limits(taken.prescription, taken.classification, tariff, rules)
        passed = order.basket.right_cents > right or order.basket.left_cents > left
        return (right, left) if passed else None

    def _refused_order(self, request: Request, dossier: Dossier, order: Order, error: ParaventError) -> Response:
        """Points at the class A lenses that are too dear, with their limits; tells any other error as it is."""
        form, limits = order.sight.form, None
        if isinstance(error, InvalidBasket) and (limits := self._class_a_limits(order)) is not None:
            prices = {"right_price": order.basket.right_cents, "left_price": order.basket.left_cents}
            pairs = zip(prices.items(), limits, strict=True)
            form = form.wrong(**{name: _ABOVE_LIMIT for (name, price), limit in pairs if price > limit})
        return self._order_page(request, dossier, form, status=error.status, error=error, limits=limits)

    # --- showing ------------------------------------------------------------------------------

    async def shown(self, request: Request, dossier: Dossier, *, error: ParaventError | None = None) -> Response:
        """Answers the page of a customer; with an error, at its head."""
        part, now = dossier.entitled.part, int(time.time())
        return self.counter.page(
            request, "customer.html", status=200 if error is None else error.status, dossier=dossier, part=part,
            insurer=self.counter.insurer_name(part.insurer), payable_now=part.free_from <= month_of(now),
            error=None if error is None else telling(error, language_of(request)), steps=_steps(dossier),
            limit_cents=self.counter.settings.degraded_cents_max, condition=await self.counter.condition(),
            form=Form(values={"early_renewal": "yes"} if _early(dossier) else {}), reasons=REASONS,
            grounds=self._grounds(), to_correct=dossier.to_correct(now), correction_days=CORRECTION_DAYS,
            second=None if dossier.priced is None else self._named(dossier.priced.order.second),
            tariff_status=self.counter.desk.class_a_tariff().status,
            decisions=[(one, *reason_of(one, language_of(request))) for one in reversed(dossier.decisions)],
        )  # fmt: skip

    def _order_page(
        self, request: Request, dossier: Dossier, form: Form, *, status: int = 200,
        error: ParaventError | None = None, renewal: Renewal | None = None,
        limits: tuple[int, int] | None = None,
    ) -> Response:  # fmt: skip
        told = None if error is None else telling(error, language_of(request))
        return self.counter.page(
            request, "order.html", status=status, dossier=dossier, form=form, error=told, renewal=renewal,
            limits=limits,
            coverages=self._coverages(), due=dossier.entitled.part.free_from <= month_of(int(time.time())),
            extras=list(EXTRAS), extras_given=any(form[name] for name in EXTRAS), grounds=self._grounds(),
        )  # fmt: skip

    def _grounds(self) -> dict[str, tuple[str, str]]:
        """Gives the sentence of each ground of an early renewal, and how sure it is."""
        grounds = shipped_renewal_grounds()
        return {ground.value: (GROUNDS[ground], SURENESS[grounds.status_of(ground)]) for ground in Ground}

    def _named(self, second: str) -> str:
        """Names the insurer of a further coverage; empty when there is none."""
        return self.counter.insurer_name(second.partition(" ")[0]) if second else ""

    def _coverages(self) -> list[tuple[str, str]]:
        """Lists the guarantees that this desk keeps, for a second coverage: none was checked."""
        found = []
        for entry in self.counter.directory.insurers:
            with suppress(StaleData):
                tables = self.counter.desk.guarantees(entry.amc)
                found += [(f"{entry.amc} {one.code}", f"{entry.name}, {one.code}") for one in tables.guarantees]
        return found


def reason_of(decision: Decision, language: Language) -> tuple[str, str]:
    """Says why the hub refused and what to do, in a language; both empty when it accepted."""
    kind = kind_of(decision.reason)
    return ("", "") if kind is None else words_of(kind, language)


def _today() -> date:
    return datetime.fromtimestamp(time.time(), FRANCE).date()


def _customer(dossier: Dossier, sight: Sight) -> Customer | None:
    """Describes a customer as the terms need him; None when his birth date is no day of a calendar."""
    if dossier.born is None:
        return None
    return Customer(
        birth_date=dossier.born, last_equipment=sight.last_equipment, frame_outgrown=sight.frame_outgrown,
        medical_situation=sight.medical_situation,
    )  # fmt: skip


def _early(dossier: Dossier) -> bool:
    """Says whether what was typed gives a ground for an early renewal."""
    found = None if dossier.priced is None else dossier.priced.shown.renewal
    return found is not None and found.early_renewal


def _last_equipment(dossier: Dossier) -> dict[str, str]:
    """Fills in the month that the right itself says of the last equipment, while it still matters."""
    part = dossier.entitled.part
    if part.free_from <= month_of(int(time.time())):
        return {}
    return {"last_equipment": str(Month(number=part.free_from).plus(-part.renewal_months))}


def priced_of(dossier: Dossier) -> Priced:
    """Gives the quote of a customer; raises BadInput when there is none."""
    if dossier.priced is None:
        raise BadInput("there is no quote yet: enter the prescription and the prices first")
    return dossier.priced


def _steps(dossier: Dossier) -> list[tuple[str, list[SentMessage]]]:
    known = {dossier.entitled.entitlement: dossier.entitled.part}
    return [(step.name, [shown(departure, known) for departure in step.departures]) for step in dossier.steps]


def to_dossier(dossier: Dossier, page: str = "") -> RedirectResponse:
    """Sends the browser to the page of a customer, or to one below it."""
    return RedirectResponse(f"/customers/{dossier.check}{page}", 303, {"cache-control": "no-store"})
