"""Judging the drawn claims of a month (docs/protocol.md section 11, step 11.15): pure, for the medical officer.

The only code of the insurer that reads a prescription, with a key that no other part of it has. It says of each
drawn claim whether it passes; the document goes no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest

from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.errors import MalformedMessage, ParaventError
from paravent.optics.audit import higher_category, is_drawn
from paravent.person.commitment import prescription_commitment
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.lens_category import LensRules, classify
from paravent.wire.audit import AuditMonth, AuditOpening
from paravent.wire.boxes import LETTER_BYTES
from paravent.wire.claims import Claim
from paravent.wire.codec import decode


class Verdict(StrEnum):
    """What the audit of a claim says."""

    PASSED = "passed"
    OTHER_CATEGORY = "other-category"
    UNOPENED = "unopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A drawn claim and its verdict."""

    claim_id: bytes
    shop: str
    verdict: Verdict


def drawn_claims(claims: Iterable[Claim], audit: AuditMonth, insurer: str) -> list[Claim]:
    """Draws from every claim of a month that was ever payable, disputed and reversed ones included."""
    return [claim for claim in claims if is_drawn(audit, insurer, claim.claim_id)]


def open_boxes(
    boxes: Iterable[bytes], audit: AuditMonth, insurer: str, officer: BoxKey
) -> list[tuple[bytes, AuditOpening]]:  # fmt: skip
    """Opens what desks sent for a month; a box that does not open is passed over: any device could have sent it."""
    found = []
    for box in boxes:
        try:
            plain = officer.open(box, Label.AUDIT_OPENING_BOX, insurer, audit.month, culprit="desk")
            found.append((box, decode(plain, AuditOpening, bytes_max=LETTER_BYTES)))
        except ParaventError:
            continue
    return found


def judge(
    drawn: Iterable[Claim], openings: Iterable[AuditOpening], rules: LensRules
) -> list[Judged]:  # fmt: skip
    """Judges each drawn claim; one that nothing opens, its salt lost or wrong, is ``unopened``: a failed audit."""
    opened: dict[bytes, list[AuditOpening]] = {}
    for opening in openings:
        opened.setdefault(opening.claim_id, []).append(opening)
    return [Judged(claim_id=claim.claim_id, shop=claim.shop, verdict=_verdict(claim, opened, rules)) for claim in drawn]


def repeated_documents(openings: Iterable[AuditOpening]) -> tuple[tuple[bytes, ...], ...]:
    """Groups claims that one and the same document opens: nothing before the audit could see it."""
    claims: dict[bytes, dict[bytes, None]] = {}
    for opening in openings:
        claims.setdefault(opening.document, {})[opening.claim_id] = None
    return tuple(tuple(group) for group in claims.values() if len(group) > 1)


def mix_by_shop(claims: Iterable[Claim]) -> dict[str, Counter[str]]:
    """Counts equipments by shop and by their higher category: what a claim says, never a correction."""
    mix: dict[str, Counter[str]] = {}
    for claim in claims:
        categories = [item.category.value for item in claim.items if item.category is not None]
        mix.setdefault(claim.shop, Counter())[higher_category(categories)] += 1
    return mix


def _verdict(claim: Claim, opened: Mapping[bytes, list[AuditOpening]], rules: LensRules) -> Verdict:
    """The first opening that the commitment accepts decides: nobody can make another one."""
    for opening in opened.get(claim.claim_id, ()):
        try:
            prescribed = _prescribed(claim, opening, rules)
        except ParaventError:
            continue
        claimed = "".join(item.category.value for item in claim.items if item.category is not None)
        return Verdict.PASSED if prescribed == claimed else Verdict.OTHER_CATEGORY
    return Verdict.UNOPENED


def _prescribed(claim: Claim, opening: AuditOpening, rules: LensRules) -> str:
    """Returns the categories of the document committed to; raises when it is another document."""
    prescription = read_vision_prescription(opening.document)
    claimed = "".join(item.category.value for item in claim.items if item.category is not None)
    commitment = prescription_commitment(
        opening.salt, claim_id=claim.claim_id, document=opening.document, canonical=prescription.canonical(),
        categories=claimed, rules=claim.rules,
    )  # fmt: skip
    if not compare_digest(commitment, claim.prescription):
        raise MalformedMessage("the commitment of the claim is to another prescription")
    found = classify(prescription, rules)
    return "".join("-" if category is None else category.value for category in (found.right, found.left))
