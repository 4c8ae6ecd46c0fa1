"""What a desk opens to the medical officer of an insurer (docs/protocol.md section 11, step 11.14): pure.

The desk finds by itself which of its claims are drawn, from the seed that was revealed and the commitment that it
kept before the month: nobody has to ask, and nobody can ask for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.errors import ProofFailure
from paravent.optics.audit import is_drawn, unchanged
from paravent.wire.audit import AuditMonth, AuditOpening
from paravent.wire.boxes import LETTER_BYTES, padded
from paravent.wire.codec import Bytes32, Message


class KeptPrescription(Message, frozen=True, kw_only=True):
    """What the desk keeps of a claim until its audit is over: the document prescribed, and the salt."""

    salt: Bytes32
    document: bytes

    def __repr__(self) -> str:
        return "KeptPrescription(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditableClaim:
    """An accepted claim of this desk, with what it kept; None when that is lost."""

    claim_id: bytes
    insurer: str
    month: int
    kept: KeptPrescription | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The drawn claims of a desk, and the box of each by claim; one whose salt is lost counts as a failed audit."""

    drawn: tuple[bytes, ...]
    lost: tuple[bytes, ...]
    boxes: dict[bytes, bytes]


def answer(insurer: str, seen: AuditMonth, revealed: AuditMonth, claims: Iterable[AuditableClaim]) -> Answered:
    """Opens the drawn claims of a month to its officer; raises ProofFailure when the commitment was changed."""
    if not unchanged(seen, revealed):
        raise ProofFailure("the audit is not the one committed to when this desk first saw it", culprit=insurer)
    drawn = [
        claim for claim in claims
        if (claim.insurer, claim.month) == (insurer, revealed.month) and is_drawn(revealed, insurer, claim.claim_id)
    ]  # fmt: skip
    boxes = {claim.claim_id: _sealed(claim, claim.kept, revealed) for claim in drawn if claim.kept is not None}
    return Answered(
        drawn=tuple(claim.claim_id for claim in drawn),
        lost=tuple(claim.claim_id for claim in drawn if claim.kept is None),
        boxes=boxes,
    )


def _sealed(claim: AuditableClaim, kept: KeptPrescription, audit: AuditMonth) -> bytes:
    opening = AuditOpening(claim_id=claim.claim_id, document=kept.document, salt=kept.salt)
    # One length for every document.
    officer = BoxPublicKey(audit.officer_key)
    return hpke.seal(officer, padded(opening, LETTER_BYTES), Label.AUDIT_OPENING_BOX, claim.insurer, audit.month)
