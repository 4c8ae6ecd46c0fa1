"""What a customer's pages send: each act can be read, byte for byte, before it goes (docs/screens.md)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.crypto.signing import SigningKey
from paravent.desk import trade
from paravent.desk.departures import recorded
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.dossier import Dossier, Prepared
from paravent.desk.screens.order_app import CustomerPages, priced_of, to_dossier
from paravent.desk.screens.sent import shown
from paravent.errors import BadInput, ParaventError, TooLate
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.forms import Form

AGREE_STEP: Final = marked("Demande de prise en charge")
CLAIM_STEP: Final = marked("Envoi de la facture")
CORRECT_STEP: Final = marked("Envoi de la facture corrigée")
CANCEL_STEP: Final = marked("Annulation de la prise en charge")


@dataclass(frozen=True, slots=True)
class ActPages:
    """The acts of a customer who was checked."""

    counter: Counter
    key: SigningKey
    pages: CustomerPages

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        one = "/customers/{check}"
        return [
            Route(f"{one}/agreement", self.agree, methods=["POST"]),
            Route(f"{one}/cancellation", self.cancel, methods=["POST"]),
            Route(f"{one}/claim", self.claim, methods=["POST"]),
            Route(f"{one}/correction", self.correct, methods=["POST"]),
            Route(f"{one}/preview", self.preview, methods=["GET"]),
            Route(f"{one}/preview", self.send_prepared, methods=["POST"]),
        ]

    async def agree(self, request: Request) -> Response:
        """Asks for a prise en charge."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        early = form["early_renewal"] == "yes"
        act = trade.reservation(dossier.entitled, early_renewal=early, rng=os.urandom)
        return await self._act(request, form, dossier, Prepared(step=AGREE_STEP, act=act, kept=None))

    async def cancel(self, request: Request) -> Response:
        """Gives a prise en charge back."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        act = trade.cancellation(dossier.entitled, os.urandom)
        return await self._act(request, form, dossier, Prepared(step=CANCEL_STEP, act=act, kept=None))

    async def claim(self, request: Request) -> Response:
        """Sends the claim of the equipment delivered."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        return await self._act(request, form, dossier, self._claimed(dossier, CLAIM_STEP, None))

    async def correct(self, request: Request) -> Response:
        """Sends the claim that takes the place of the last one."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        former = dossier.to_correct(int(time.time()))
        if former is None:
            raise TooLate("no claim of this customer on this desk can be corrected any more")
        return await self._act(request, form, dossier, self._claimed(dossier, CORRECT_STEP, former.claim_id))

    async def preview(self, request: Request) -> Response:
        """Shows an act as it will be sent, and sends nothing."""
        dossier = self.counter.dossier(request)
        prepared = _prepared_of(dossier)
        message = shown(
            self.counter.desk.departure(prepared.act), {dossier.entitled.entitlement: dossier.entitled.part}
        )
        return self.counter.page(request, "preview.html", dossier=dossier, prepared=prepared, message=message)

    async def send_prepared(self, request: Request) -> Response:
        """Sends the act that was shown, and no other."""
        form = await self.counter.form(request)
        dossier = self.counter.dossier(request)
        prepared = _prepared_of(dossier)
        if form["name"] != prepared.name:
            raise BadInput("another act was prepared since this page was shown: look at it before it is sent")
        return await self._send(request, dossier, prepared)

    # --- sending ------------------------------------------------------------------------------

    def _claimed(self, dossier: Dossier, step: str, corrects: bytes | None) -> Prepared:
        priced = priced_of(dossier)
        act, kept = trade.claim(
            dossier.entitled, priced.quoted, priced.taken, self.counter.settings.payee(),
            early_renewal=dossier.early, key=self.key, rng=os.urandom, corrects=corrects,
        )  # fmt: skip
        return Prepared(step=step, act=act, kept=kept)

    async def _act(self, request: Request, form: Form, dossier: Dossier, prepared: Prepared) -> Response:
        if form["what"] != "preview":
            return await self._send(request, dossier, prepared)
        self.counter.keep(replace(dossier, prepared=prepared))
        return to_dossier(dossier, "/preview")

    async def _send(self, request: Request, dossier: Dossier, prepared: Prepared) -> Response:
        with recorded() as departures:
            try:
                decision = await self.counter.desk.act(prepared.act, prepared.kept)
            except ParaventError as error:
                self.counter.look_again()
                stepped = dossier.stepped(prepared.step, departures)
                self.counter.keep(stepped)
                return await self.pages.shown(request, stepped, error=error)
        self.counter.keep(dossier.stepped(prepared.step, departures).decided(prepared.act, decision))
        return to_dossier(dossier)


def _prepared_of(dossier: Dossier) -> Prepared:
    if dossier.prepared is None:
        raise BadInput("nothing is prepared: ask to see an act before it is sent")
    return dossier.prepared
