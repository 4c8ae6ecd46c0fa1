"""Pages of one customer: the right, the order, the quote, the agreement, the claim (docs/screens.md)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.crypto.signing import SigningKey
from paravent.desk import trade
from paravent.desk.audit import KeptPrescription
from paravent.desk.before_sale import Books, Coverage, QuoteFile, quote_before_sale
from paravent.desk.departures import recorded
from paravent.desk.quote_document import quote_document
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.dossier import Dossier, Priced
from paravent.desk.screens.order_form import Order, read_order
from paravent.desk.screens.sent import SentMessage, shown
from paravent.desk.screens.texts import REASONS
from paravent.errors import BadInput, InvalidBasket, ParaventError
from paravent.optics.months import FRANCE, month_of
from paravent.optics.store import shipped_rules_at
from paravent.pages.screens.app import language_of, telling
from paravent.pages.screens.catalogue import Language, marked
from paravent.pages.screens.forms import Form
from paravent.pages.screens.headers import screen_headers
from paravent.person.store import shipped_lens_rules, shipped_renewal_grounds, shipped_validity_terms
from paravent.wire.claims import Act, Decision
from paravent.wire.problem import title_en, title_fr

AGREE_STEP: Final = marked("Demande de prise en charge")
CLAIM_STEP: Final = marked("Envoi de la facture")
CANCEL_STEP: Final = marked("Annulation de la prise en charge")
_ABOVE_LIMIT: Final = marked("Ce prix dépasse la limite de la classe A pour cette correction.")
_STARTING: Final = {"frame_class": "B", "lens_class": "B"}


@dataclass(frozen=True, slots=True)
class CustomerPages:
    """The pages of a customer who was checked."""

    counter: Counter
    key: SigningKey

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        one = "/customers/{check}"
        return [
            Route(one, self.customer, methods=["GET"]),
            Route(f"{one}/order", self.order, methods=["GET"]),
            Route(f"{one}/order", self.take_order, methods=["POST"]),
            Route(f"{one}/quote.pdf", self.document, methods=["GET"]),
            Route(f"{one}/sent", self.sent, methods=["GET"]),
            Route(f"{one}/agreement", self.agree, methods=["POST"]),
            Route(f"{one}/cancellation", self.cancel, methods=["POST"]),
            Route(f"{one}/claim", self.claim, methods=["POST"]),
        ]

    # --- pages --------------------------------------------------------------------------------

    async def customer(self, request: Request) -> Response:
        """Shows what was checked, and what follows."""
        return await self._customer_page(request, self.counter.dossier(request))

    async def order(self, request: Request) -> Response:
        """Shows the order form, filled with what was typed before."""
        dossier = self.counter.dossier(request)
        form = Form(values=_STARTING) if dossier.priced is None else dossier.priced.order.form
        return self._order_page(request, dossier, form)

    async def take_order(self, request: Request) -> Response:
        """Computes the quote of an order; a page that came back has everything that was typed."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        read = read_order(form)
        if isinstance(read, Form):
            return self._order_page(request, dossier, read, status=400)
        try:
            priced = self._priced(dossier, read)
        except ParaventError as error:
            wrong = self._above_limits(read) if isinstance(error, InvalidBasket) else form
            return self._order_page(request, dossier, wrong, status=error.status, error=error)
        self.counter.keep(replace(dossier, priced=priced))
        return _to(dossier)

    async def document(self, request: Request) -> Response:
        """Gives the quote as PDF."""
        dossier = self.counter.dossier(request)
        asked, books = self._question(dossier, _priced_of(dossier).order.basket)
        guarantee = self.counter.desk.guarantees(dossier.entitled.part.insurer).find(dossier.entitled.part.guarantee)
        document = _priced_of(dossier).order.document
        computed = quote_before_sale(asked, document, None, (guarantee,), books)
        pdf = quote_document(asked, computed, created_at=int(time.time()))
        headers = screen_headers(camera=True) | {"content-disposition": 'inline; filename="devis.pdf"'}
        return Response(pdf, 200, headers, media_type="application/pdf")

    async def sent(self, request: Request) -> Response:
        """Shows every message that left this machine for a customer, field by field."""
        dossier = self.counter.dossier(request)
        return self.counter.page(request, "sent.html", dossier=dossier, steps=_steps(dossier))

    # --- acts ---------------------------------------------------------------------------------

    async def agree(self, request: Request) -> Response:
        """Asks for a prise en charge."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        early = form["early_renewal"] == "yes"
        act = trade.reservation(dossier.entitled, early_renewal=early, rng=os.urandom)
        return await self._act(request, replace(dossier, early=early), AGREE_STEP, act)

    async def cancel(self, request: Request) -> Response:
        """Gives a prise en charge back."""
        await self.counter.form(request)
        dossier = self.counter.dossier(request)
        return await self._act(request, dossier, CANCEL_STEP, trade.cancellation(dossier.entitled, os.urandom))

    async def claim(self, request: Request) -> Response:
        """Sends the claim of the equipment delivered."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        priced = _priced_of(dossier)
        act, kept = trade.claim(
            dossier.entitled, priced.quoted, priced.taken, self.counter.settings.payee(),
            early_renewal=form["early_renewal"] == "yes", key=self.key, rng=os.urandom,
        )  # fmt: skip
        return await self._act(request, dossier, CLAIM_STEP, act, kept)

    async def _act(
        self, request: Request, dossier: Dossier, step: str, act: Act, kept: KeptPrescription | None = None
    ) -> Response:
        with recorded() as departures:
            try:
                decision = await self.counter.desk.act(act, kept)
            except ParaventError as error:
                self.counter.look_again()
                stepped = dossier.stepped(step, departures)
                self.counter.keep(stepped)
                return await self._customer_page(request, stepped, error=error)
        self.counter.keep(dossier.stepped(step, departures).decided(decision))
        return _to(dossier)

    # --- computing ----------------------------------------------------------------------------

    def _priced(self, dossier: Dossier, order: Order) -> Priced:
        part, desk = dossier.entitled.part, self.counter.desk
        taken = trade.prescribed(order.document, shipped_lens_rules())
        tables = desk.guarantees(part.insurer)
        quoted = trade.quote(
            order.basket, taken, dossier.entitled, tables, shipped_rules_at(int(time.time())),
            self.counter.settings.degraded_cents_max, desk.class_a_tariff(),
        )  # fmt: skip
        asked, books = self._question(dossier, order.basket)
        beside = quote_before_sale(asked, order.document, None, (tables.find(part.guarantee),), books)
        return Priced(order=order, taken=taken, quoted=quoted, class_a=beside.class_a_offer)

    def _question(self, dossier: Dossier, basket: trade.Basket) -> tuple[QuoteFile, Books]:
        part, settings = dossier.entitled.part, self.counter.settings
        now = int(time.time())
        asked = QuoteFile(
            day=datetime.fromtimestamp(now, FRANCE).date(), prescription={}, basket=basket,
            issuer=(f"Magasin {settings.shop}", f"Opticien-lunetier {settings.professional}"),
            coverages=(Coverage(tables="", guarantee=part.guarantee, free_from=part.free_from),),
        )  # fmt: skip
        books = Books(
            rules=shipped_rules_at(now), lens_rules=shipped_lens_rules(), tariff=self.counter.desk.class_a_tariff(),
            terms=shipped_validity_terms(), grounds=shipped_renewal_grounds(),
        )  # fmt: skip
        return asked, books

    def _above_limits(self, order: Order) -> Form:
        """Points at the class A lenses that cost more than their correction allows."""
        rules, tariff = shipped_rules_at(int(time.time())), self.counter.desk.class_a_tariff()
        taken = trade.prescribed(order.document, shipped_lens_rules())
        limits = trade.class_a_limits(taken.prescription, taken.classification, tariff, rules)
        prices = {"right_price": order.basket.right_cents, "left_price": order.basket.left_cents}
        if order.basket.lens_class != "A":
            return order.form
        above = {
            name: _ABOVE_LIMIT for (name, price), limit in zip(prices.items(), limits, strict=True) if price > limit
        }
        return order.form.wrong(**above)

    # --- showing ------------------------------------------------------------------------------

    async def _customer_page(
        self, request: Request, dossier: Dossier, *, error: ParaventError | None = None
    ) -> Response:
        part = dossier.entitled.part
        return self.counter.page(
            request, "customer.html", status=200 if error is None else error.status, dossier=dossier, part=part,
            insurer=self.counter.insurer_name(part.insurer), payable_now=part.free_from <= month_of(int(time.time())),
            error=None if error is None else telling(error, language_of(request)), steps=_steps(dossier),
            limit_cents=self.counter.settings.degraded_cents_max, condition=await self.counter.condition(),
            form=Form(), reasons=REASONS, tariff_status=self.counter.desk.class_a_tariff().status,
            decisions=[(one, reason_of(one, language_of(request))) for one in reversed(dossier.decisions)],
        )  # fmt: skip

    def _order_page(
        self, request: Request, dossier: Dossier, form: Form, *, status: int = 200, error: ParaventError | None = None
    ) -> Response:
        told = None if error is None else telling(error, language_of(request))
        return self.counter.page(request, "order.html", status=status, dossier=dossier, form=form, error=told)


def reason_of(decision: Decision, language: Language) -> str:
    """Says why the hub refused, in a language; empty when it accepted."""
    return title_fr(decision.reason) if language is Language.FRENCH else title_en(decision.reason)


def _priced_of(dossier: Dossier) -> Priced:
    if dossier.priced is None:
        raise BadInput("there is no quote yet: enter the prescription and the prices first")
    return dossier.priced


def _steps(dossier: Dossier) -> list[tuple[str, list[SentMessage]]]:
    known = {dossier.entitled.entitlement: dossier.entitled.part}
    return [(step.name, [shown(departure, known) for departure in step.departures]) for step in dossier.steps]


def _to(dossier: Dossier) -> RedirectResponse:
    return RedirectResponse(f"/customers/{dossier.check}", 303, {"cache-control": "no-store"})
