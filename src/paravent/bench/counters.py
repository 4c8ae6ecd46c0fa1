"""Shops and their customers, as many as a benchmark wants: fresh rights, signed acts, and what hubs need to decide.

Entitlements are signed by an insurer of a simulated platform, each with a nullifier of its own; the prescription and
the basket are the ones that everybody has there, so every claim is of the same amount.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from paravent.access.client import BACKGROUND
from paravent.access.database import Database
from paravent.access.devices import Device
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto.entitlement import NULLIFIER_BYTES, SERIAL_BYTES, HubPart, issue
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk import trade
from paravent.desk.entitled import Entitled, Lane
from paravent.desk.trade import Payee, Quoted
from paravent.drill.simulation.founding import START
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.machine import BASKET, DEGRADED_CENTS_MAX, TARIFF, prescribed
from paravent.drill.simulation.parties import ACTS
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.hub.statements import GUARANTEES, STATUS_LIST, verify_statement
from paravent.hub.store import Store
from paravent.optics.store import shipped_rules
from paravent.wire.claims import Act, ActKind, Decision, Ground, InsurerAct
from paravent.wire.codec import Message, encode
from paravent.wire.statements import Cosigned, cosigned, sign_statement

PERSONS = 8
INSURER_ACTS = "/v1/insurer-acts"
_SEED = 29
_DAY = 86_400
_MANY = 1_000_000_000
ENDLESS = QuotaLimits(
    lookups_per_day_max=_MANY, openings_per_day_max=_MANY, acts_per_day_max=_MANY, repeats_per_day_max=_MANY,
    shop_per_day_max=_MANY, insurer_per_day_max=_MANY, server_per_day_max=_MANY,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One device of one professional in one shop."""

    key: SigningKey
    device: Device


@dataclass(kw_only=True)
class Counters:
    """A platform and its shops; acts are dated by its clock."""

    platform: SimulatedPlatform
    shops: list[Shop]
    rng: Rng

    @property
    def insurer(self) -> SimulatedInsurer:
        """The insurer of every right here."""
        return next(iter(self.platform.insurers.values()))

    @cached_property
    def _quoted(self) -> Quoted:
        return trade.quote(
            BASKET,
            prescribed(),
            self.right(),
            self.insurer.tables,
            shipped_rules(),
            DEGRADED_CENTS_MAX,
            TARIFF,
        )

    def open_store(self, connection: Database, folder: Path) -> Store:
        """Opens a hub's store that knows the shops and the insurer's statements; ``folder`` keeps its quota keys."""
        store = Store(folder, ENDLESS, os.urandom, connection)
        with store.commit():
            for shop in self.shops:
                store.devices.enrol(shop.device, self.platform.now)
        for kind in (STATUS_LIST, GUARANTEES):
            signed = self.platform.hub.store.statement(self.insurer.amc, kind)
            if signed is None:
                raise RuntimeError("the insurer has handed nothing over")
            store.keep_statement(self.insurer.amc, kind, verify_statement(signed, kind, self.insurer.entry), signed)
        return store

    def signed_directory(self) -> Cosigned:
        """Signs the directory, as a hub serves it."""
        key = SigningKey.generate(self.rng)
        return cosigned(sign_statement(self.platform.directory, Label.DIRECTORY, "directory", key), ())

    def right(self) -> Entitled:
        """Draws a right that nobody has used."""
        guarantee = self.insurer.tables.guarantees[0].code
        part = HubPart(
            insurer=self.insurer.amc, serial=self.rng(SERIAL_BYTES), valid_from=self.platform.now - _DAY,
            valid_until=self.platform.now + 300 * _DAY, guarantee=guarantee, free_from=202001, renewal_months=24,
            nullifier=self.rng(NULLIFIER_BYTES), status_index=0, desk_digest=self.rng(32),
        )  # fmt: skip
        entitlement = issue(part, self.insurer.keys.issuer)
        return Entitled(lane=Lane.NUMBER, entitlement=entitlement, part=part, status_age_seconds=0, degraded=False)

    def reservation(self, shop: Shop, right: Entitled) -> HttpRequest:
        """Asks for a prise en charge."""
        return self._signed(shop.key, ACTS, trade.reservation(right, early_renewal=False, rng=self.rng))

    def cancellation(self, shop: Shop, right: Entitled) -> HttpRequest:
        """Gives it back."""
        return self._signed(shop.key, ACTS, trade.cancellation(right, self.rng))

    def claim(self, shop: Shop, right: Entitled, corrects: bytes | None = None) -> HttpRequest:
        """Claims the basket, or puts this claim in the place of another one."""
        return self._signed(shop.key, ACTS, self.claimed(shop, right, corrects))

    def claimed(self, shop: Shop, right: Entitled, corrects: bytes | None = None) -> Act:
        """Makes the act of a claim."""
        payee = Payee(professional=shop.device.professional, shop=shop.device.shop)
        act, _ = trade.claim(
            right, self._quoted, prescribed(), payee, early_renewal=False, key=shop.key, rng=self.rng,
            corrects=corrects,
        )  # fmt: skip
        return act

    def reversal(self, decision: Decision) -> HttpRequest:
        """Has the insurer take back what a decision paid."""
        act = InsurerAct(
            kind=ActKind.REVERSE, insurer=decision.insurer, idempotency_key=self.rng(16),
            decision_id=decision.decision_id, claim_id=decision.claim_id, nullifier=None, ground=Ground.ENTRY_ERROR,
            issued_at=self.platform.now,
        )  # fmt: skip
        key = self.insurer.keys.issuer
        return self._signed(key, INSURER_ACTS, sign_statement(act, Label.INSURER_ACT, decision.insurer, key))

    def again(self, shop: Shop, body: bytes) -> HttpRequest:
        """Sends an act again, as a desk does what it kept: the same bytes in another request, which can wait."""
        request = self._signed(shop.key, ACTS, body)
        return replace(request, headers={**request.headers, **BACKGROUND})

    def _signed(self, key: SigningKey, path: str, message: Message | bytes) -> HttpRequest:
        base_url = self.platform.directory.hub.address
        body = message if isinstance(message, bytes) else encode(message)
        headers, _ = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=key, now=self.platform.now,
            nonce=new_nonce(self.rng),
        )  # fmt: skip
        return HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )


@contextmanager
def counters(home: Path, shops: int, *, start: int = START, hub_address: str = "") -> Iterator[Counters]:
    """Creates a platform with that many shops; its clock starts at ``start``."""
    shape = Shape(persons=PERSONS, start=start, hub_address=hub_address)
    platform = SimulatedPlatform.build(home, shape, _SEED)
    made = []
    for number in range(shops):
        key = SigningKey.generate(os.urandom)
        device = Device(public=key.public, professional=f"8{number:010d}", shop=f"58{number:07d}")
        made.append(Shop(key=key, device=device))
    try:
        yield Counters(platform=platform, shops=made, rng=os.urandom)
    finally:
        platform.close()
