"""What decisions of the hub have alike: a refusal, the event sealed to the insurer (protocol.md 11.5): pure."""

from __future__ import annotations

from msgspec.structs import replace

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.errors import Refusal, RenewalNotDue
from paravent.hub.state import HubIdentity
from paravent.wire.claims import (
    DETAIL_BYTES,
    PAYMENT_BYTES,
    ActDetail,
    Decision,
    InsurerActDetail,
    Outcome,
    PaymentLine,
)
from paravent.wire.codec import encode_padded
from paravent.wire.statements import InsurerEntry


def refused(decision: Decision, refusal: Refusal) -> Decision:
    """Turns a decision into the refusal of the same act: nothing is paid nor reserved."""
    return replace(
        decision, outcome=Outcome.REFUSED, reason=refusal.code, detail=str(refusal), amc_cents=0, reserved_until=None,
        payable_from=refusal.payable_from if isinstance(refusal, RenewalNotDue) else None,
    )  # fmt: skip


def seal_event(
    identity: HubIdentity, insurer: InsurerEntry, detail: ActDetail | InsurerActDetail, line: PaymentLine
) -> tuple[bytes, bytes]:
    """Seals what happened to the insurer; every act looks alike, whatever it was and however it ended."""
    claims_key, payments_key = BoxPublicKey(insurer.claims_key), BoxPublicKey(insurer.payments_key)
    context = (identity.name, insurer.amc)
    sealed = hpke.seal(claims_key, encode_padded(detail, DETAIL_BYTES), Label.CLAIM_DETAIL_BOX, *context)
    return sealed, hpke.seal(payments_key, encode_padded(line, PAYMENT_BYTES), Label.PAYMENT_LINE_BOX, *context)
