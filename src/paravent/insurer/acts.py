"""What an insurer asks of the hub on its own claims and members (docs/protocol.md section 11, step 11.6): pure.

Each act is a signed statement about one decision, with a reason code. It is sent as it is kept: who sends it
again gets the same decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import NoReservation, UnknownClaim
from paravent.insurer.ledger import ReviewedClaim
from paravent.wire.claims import ActKind, Ground, InsurerAct
from paravent.wire.statements import Signed, sign_statement


class RightRegister(Protocol):
    """What an insurer looks up of a member to act on their right."""

    def nullifier_of(self, member: str) -> bytes:
        """Returns the nullifier of a member's right; raises InvalidMemberFile when no such member was published."""


class ActLedger(Protocol):
    """What an insurer looks up of the events it has judged to act on a claim, or on a member's right."""

    def line_of(self, claim: bytes) -> ReviewedClaim | None:
        """Returns the line of a claim that the hub accepted, or None."""

    def reservation_of(self, member: str) -> ReviewedClaim | None:
        """Returns the last reservation that the hub granted on a member's right, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The insurer as it acts: its number, its key, its members, its ledger."""

    amc: str
    key: SigningKey
    register: RightRegister
    ledger: ActLedger

    def on_claim(self, kind: ActKind, claim: bytes, ground: Ground | None, now: int, rng: Rng) -> InsurerAct:
        """Builds an act on a claim: to reverse, dispute or uphold it; raises UnknownClaim."""
        line = self.ledger.line_of(claim)
        if line is None:
            raise UnknownClaim("the hub has told this insurer of no accepted claim of this identifier")
        return InsurerAct(
            kind=kind, insurer=self.amc, idempotency_key=rng(16), decision_id=line.decision, claim_id=claim,
            nullifier=None, ground=ground, issued_at=now,
        )  # fmt: skip

    def release(self, member: str, ground: Ground, now: int, rng: Rng) -> InsurerAct:
        """Builds the release of the right that a shop holds of a member; raises InvalidMemberFile, NoReservation."""
        nullifier = self.register.nullifier_of(member)
        line = self.ledger.reservation_of(member)
        if line is None:
            raise NoReservation("the hub has told this insurer of no reservation of this member")
        return InsurerAct(
            kind=ActKind.RELEASE, insurer=self.amc, idempotency_key=rng(16), decision_id=line.decision, claim_id=None,
            nullifier=nullifier, ground=ground, issued_at=now,
        )  # fmt: skip

    def sign(self, act: InsurerAct) -> Signed:
        """Signs an act, as it is kept and sent."""
        return sign_statement(act, Label.INSURER_ACT, self.amc, self.key)
