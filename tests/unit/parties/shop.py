"""One optician with one customer: quotes, acts and claims on a platform in one process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, World

import paravent
from paravent.access.devices import Device
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk import trade
from paravent.desk.entitled import Entitled
from paravent.desk.trade import Basket, Prescribed, Quoted
from paravent.hub import follow_up
from paravent.hub.acts import AdmittedAct
from paravent.optics.items import EquipmentClass
from paravent.optics.store import shipped_rules
from paravent.person.identity import PersonIdentity
from paravent.person.store import shipped_class_a_tariff, shipped_lens_rules
from paravent.wire.claims import Act, Claim, Decision, DecisionsRequest
from paravent.wire.statements import Signed, open_statement, sign_statement

TARIFF = shipped_class_a_tariff()
PRESCRIPTION = Path(paravent.__file__).parent / "drill" / "data" / "visionprescription-33123.r4.json"
BASKET = Basket(
    frame_class=EquipmentClass.B, frame_cents=12_000, lens_class=EquipmentClass.B, right_cents=20_000,
    left_cents=21_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A device with a checked customer, a prescription and a quote."""

    world: World
    key: SigningKey
    device: Device
    entitled: Entitled
    taken: Prescribed
    quoted: Quoted

    @classmethod
    def of(cls, world: World, identity: PersonIdentity) -> Shop:
        """Checks a customer of the first insurer and computes a quote."""
        entitled = world.check(identity)
        taken = trade.prescribed(PRESCRIPTION.read_bytes(), shipped_lens_rules())
        quoted = trade.quote(BASKET, taken, entitled, world.insurers[AMC].tables, shipped_rules(), 30_000, TARIFF)
        return cls(
            world=world, key=world.device_key, device=world.device, entitled=entitled, taken=taken,
            quoted=quoted,
        )  # fmt: skip

    def other(self) -> Shop:
        """Another professional in another shop, with the same customer."""
        key = SigningKey.generate(self.world.rng)
        device = Device(public=key.public, professional="80000000002", shop="580000002")
        self.world.enrol(device)
        return replace(self, key=key, device=device)

    def second_device(self) -> Shop:
        """Another machine of the same shop, with the same customer."""
        key = SigningKey.generate(self.world.rng)
        device = Device(public=key.public, professional="80000000003", shop=self.device.shop)
        self.world.enrol(device)
        return replace(self, key=key, device=device)

    def cheaper(self, cents: int = 5_000) -> Shop:
        """The same sale with a frame that costs less."""
        basket = changed(BASKET, frame_cents=BASKET.frame_cents - cents)
        tables = self.world.insurers[self.entitled.part.insurer].tables
        return replace(
            self, quoted=trade.quote(basket, self.taken, self.entitled, tables, shipped_rules(), 30_000, TARIFF)
        )

    def told(self, *, act: bytes | None = None, claim: bytes | None = None) -> list[Decision]:
        """Asks the hub what was decided."""
        world = self.world
        asked = DecisionsRequest(act=act, claim=claim)
        request, _ = world.signed(world.hub.base_url, "/v1/decisions", asked, key=self.key)
        device, asked = follow_up.admit(request, world.hub_store, world.hub, world.now)
        answer = follow_up.answer(device, asked, world.hub_store.claims, world.hub, world.rng)
        return [self.read(signed) for signed in answer.decisions]

    # --- acts -------------------------------------------------------------------------------

    def reservation(self, *, early: bool = False) -> Act:
        """Asks for a prise en charge."""
        return trade.reservation(self.entitled, early_renewal=early, rng=self.world.rng)

    def cancellation(self) -> Act:
        """Gives it back."""
        return trade.cancellation(self.entitled, self.world.rng)

    def claim(self, *, early: bool = False, corrects: bytes | None = None) -> tuple[Act, Claim]:
        """Claims the quoted equipment, or corrects a claim."""
        act, _ = trade.claim(
            self.entitled, self.quoted, self.taken, self.payee(), early_renewal=early, key=self.key,
            rng=self.world.rng, corrects=corrects,
        )  # fmt: skip
        assert act.claim is not None
        return act, open_statement(act.claim, Claim, Label.CLAIM, self.device.keyid, self.key.public)

    def payee(self) -> trade.Payee:
        """Who is to be paid."""
        return trade.Payee(professional=self.device.professional, shop=self.device.shop)

    def with_claim(self, act: Act, claim: Claim) -> Act:
        """Puts another claim, correctly signed, in an act."""
        signed = sign_statement(claim, Label.CLAIM, self.device.keyid, self.key)
        return Act(
            kind=act.kind, entitlement=act.entitlement, idempotency_key=act.idempotency_key,
            early_renewal=act.early_renewal, claim=signed,
        )  # fmt: skip

    # --- the hub ----------------------------------------------------------------------------

    def admit(self, act: Act) -> AdmittedAct:
        """Sends an act as far as the hub's decision."""
        request, _ = self.world.signed(self.world.hub.base_url, "/v1/acts", act, key=self.key)
        return self.world.adjudicator().admit(request, self.world.hub_store, self.world.now)

    def send(self, act: Act) -> Signed:
        """Sends an act and returns the hub's signed decision."""
        admitted, world = self.admit(act), self.world
        with world.hub_store.commit(), world.hub_store.request():
            return world.adjudicator().decide(admitted, world.hub_store, world.now, world.rng)

    def read(self, signed: Signed) -> Decision:
        """Verifies a decision."""
        return self.world.read(signed)

    def decide(self, act: Act) -> Decision:
        """Sends an act and reads the decision."""
        return self.read(self.send(act))
