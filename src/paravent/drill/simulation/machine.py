"""An optician's machine in a simulation: its key, its store, and its acts of the trade (docs/protocol.md 9, 11)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from paravent.access.devices import Device
from paravent.access.requests import Authenticated, HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.desk import trade
from paravent.desk.audit import KeptPrescription
from paravent.desk.entitled import Entitled
from paravent.desk.epoch import VerifiedEpoch
from paravent.desk.store import Store
from paravent.desk.trade import Basket, Payee, Prescribed
from paravent.drill.platform import DATA
from paravent.drill.simulation.network import Network
from paravent.drill.simulation.parties import ACTS
from paravent.errors import BadInput, ProofFailure, Refusal, UnansweredAct, Unreachable
from paravent.optics.items import EquipmentClass
from paravent.optics.store import shipped_rules
from paravent.person.store import shipped_class_a_tariff, shipped_lens_rules
from paravent.wire.claims import Act, Decision
from paravent.wire.codec import Message, decode, encode
from paravent.wire.statements import Signed, open_statement

TARIFF = shipped_class_a_tariff()
DEGRADED_CENTS_MAX = 30_000
BASKET = Basket(
    frame_class=EquipmentClass.B, frame_cents=12_000, lens_class=EquipmentClass.B, right_cents=20_000,
    left_cents=21_000,
)  # fmt: skip


@cache
def prescribed() -> Prescribed:
    """Reads the one prescription that everybody has here."""
    document = (DATA / "visionprescription-33123.r4.json").read_bytes()
    return trade.prescribed(document, shipped_lens_rules())


@dataclass(slots=True)
class SimulatedMachine:
    """One machine: its key, its store, whom it has caught lying."""

    network: Network
    folder: Path
    key: SigningKey
    device: Device
    store: Store
    epochs: dict[str, tuple[VerifiedEpoch, int]] = field(default_factory=dict)
    culprits: list[str] = field(default_factory=list)

    def restart(self) -> None:
        """Forgets everything but what is on disk."""
        self.store.close()
        self.store = Store(self.folder)
        self.epochs.clear()

    def signed(
        self, base_url: str, path: str, message: Message | bytes, nonce: str | None = None
    ) -> tuple[HttpRequest, Authenticated]:
        """Signs a request: what a server receives, and what it will read in it."""
        platform = self.network.platform
        body = message if isinstance(message, bytes) else encode(message)
        headers, caller = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=self.key, now=platform.now,
            nonce=nonce or new_nonce(platform.rng),
        )  # fmt: skip
        request = HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )
        return request, caller

    # --- acts -----------------------------------------------------------------------------------

    def reserve(self, entitled: Entitled) -> Decision:
        """Asks for a prise en charge."""
        return self.act(trade.reservation(entitled, early_renewal=False, rng=self.network.platform.rng))

    def cancel(self, entitled: Entitled) -> Decision:
        """Gives it back."""
        return self.act(trade.cancellation(entitled, self.network.platform.rng))

    def claim(self, entitled: Entitled) -> Decision:
        """Claims the one basket that everybody buys here."""
        tables = self.network.platform.insurers[entitled.part.insurer].tables
        quoted = trade.quote(BASKET, prescribed(), entitled, tables, shipped_rules(), DEGRADED_CENTS_MAX, TARIFF)
        payee = Payee(professional=self.device.professional, shop=self.device.shop)
        act, kept = trade.claim(
            entitled, quoted, prescribed(), payee, early_renewal=False, key=self.key, rng=self.network.platform.rng
        )
        return self.act(act, kept)

    def undecided(self) -> list[Act]:
        """Lists the acts that got no answer, oldest first."""
        return [decode(body, Act) for body in self.store.undecided()]

    def act(self, act: Act, kept: KeptPrescription | None = None) -> Decision:
        """Sends an act, kept first; the same act can be sent again."""
        body, hub = encode(act), self.network.platform.directory.hub
        self.store.keep_act(act.idempotency_key, body, None if kept is None else encode(kept))
        request, _ = self.signed(hub.address, ACTS, body)
        try:
            signed = self.network.send(hub.name, ACTS, request, Signed)
        except Unreachable as error:
            raise UnansweredAct(str(error)) from None
        except (BadInput, Refusal):
            self.store.drop_act(act.idempotency_key)
            raise
        decision = open_statement(signed, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
        if (decision.kind, decision.request) != (act.kind, hashlib.sha256(body).digest()):
            raise ProofFailure("the decision answers another act", culprit=hub.name)
        self.store.keep_decision(act.idempotency_key, signed)
        return decision
