"""From a prescription to a signed claim, on the desk (docs/protocol.md section 11): pure.

Corrections stop here: what leaves is a category per lens, a commitment, and whether renewal is early.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, key_id
from paravent.desk.audit import KeptPrescription
from paravent.desk.entitled import Entitled
from paravent.errors import DegradedLimitExceeded, InvalidBasket
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.items import FRAME_CODES, LENS_CODES, EquipmentClass, equipment_of
from paravent.optics.money import format_euros, format_plain
from paravent.optics.quote import Quote, compute_quote
from paravent.optics.rules import Rules
from paravent.person.class_a_tariff import ClassATariff
from paravent.person.commitment import prescription_commitment
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.lens_category import Classification, LensRules, classify
from paravent.person.prescription import Prescription
from paravent.wire.claims import Act, ActKind, Claim, ClaimedItem
from paravent.wire.codec import Cents, Message
from paravent.wire.optics_terms import ExtraCode, LensCategory
from paravent.wire.statements import sign_statement

SALT_BYTES = 32


class BasketExtra(Message, frozen=True, kw_only=True):
    """A supplement or service of class A lenses."""

    code: ExtraCode
    price_cents: Cents


class Basket(Message, frozen=True, kw_only=True):
    """What the customer chose: classes and prices; the categories come from the prescription."""

    frame_class: EquipmentClass
    frame_cents: Cents
    lens_class: EquipmentClass
    right_cents: Cents
    left_cents: Cents
    extras: tuple[BasketExtra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescribed:
    """A prescription as the desk keeps it: the document, its canonical form and its categories."""

    document: bytes
    prescription: Prescription
    classification: Classification

    @property
    def canonical(self) -> bytes:
        """The one form of the prescription."""
        return self.prescription.canonical()

    def __repr__(self) -> str:
        return "Prescribed(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who is to be paid for a claim."""

    professional: str
    shop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A quote and the items it is about."""

    items: tuple[ClaimedItem, ...]
    quote: Quote


def prescribed(document: bytes, rules: LensRules) -> Prescribed:
    """Reads and classifies a FHIR prescription."""
    prescription = read_vision_prescription(document)
    return Prescribed(document=document, prescription=prescription, classification=classify(prescription, rules))


def quote(
    basket: Basket, taken: Prescribed, entitled: Entitled, tables: GuaranteeTables, rules: Rules,
    degraded_cents_max: int, tariff: ClassATariff,
) -> Quoted:  # fmt: skip
    """Computes the quote of a basket for an entitlement; raises InvalidBasket or DegradedLimitExceeded.

    A class A lens costs at most the limit of its correction, which is known here alone: hub and insurer check the
    highest limit of its category.
    """
    require_class_a_limits(basket, class_a_limits(taken.prescription, taken.classification, tariff, rules), tariff)
    items = items_of(basket, taken.classification)
    computed = compute_quote(equipment_of(items), tables.find(entitled.part.guarantee), rules)
    if entitled.degraded and computed.amc_cents > degraded_cents_max:
        raise DegradedLimitExceeded(f"at most {format_plain(degraded_cents_max)} EUR with a list older than a day")
    return Quoted(items=items, quote=computed)


def class_a_limits(
    prescription: Prescription, found: Classification, tariff: ClassATariff, rules: Rules
) -> tuple[int, int]:
    """Gives the class A limit of each lens, right then left: that of its correction, else the highest of its category.

    Raises InvalidBasket when an eye is absent.
    """
    highest = rules.content.class_a_lens_limit.cents
    eyes = ((prescription.right, found.right), (prescription.left, found.left))
    limits = [
        tariff.limit(eye, found.focal) or highest[category]
        for eye, category in eyes if eye is not None and category is not None
    ]  # fmt: skip
    if len(limits) != len(eyes):
        raise InvalidBasket("an equipment needs both eyes: one is absent from the prescription")
    return limits[0], limits[1]


def require_class_a_limits(basket: Basket, limits: tuple[int, int], tariff: ClassATariff) -> None:
    """Checks the prices of class A lenses; raises InvalidBasket with the limit and how sure it is."""
    if basket.lens_class is not EquipmentClass.A:
        return
    for price, limit in zip((basket.right_cents, basket.left_cents), limits, strict=True):
        if price > limit:
            raise InvalidBasket(
                f"a class A lens of this correction costs at most {format_euros(limit)} ({tariff.status})"
            )


def items_of(basket: Basket, classification: Classification) -> tuple[ClaimedItem, ...]:
    """Writes a basket as items, the categories being those of the prescription; raises InvalidBasket."""
    right, left = classification.right, classification.left
    if right is None or left is None:
        raise InvalidBasket("an equipment needs both eyes: one is absent from the prescription")
    frame = ClaimedItem(code=_code(FRAME_CODES, basket.frame_class), price_cents=basket.frame_cents, category=None)
    lenses = [
        ClaimedItem(code=_lens_code(category, basket.lens_class), price_cents=price, category=category)
        for category, price in ((right, basket.right_cents), (left, basket.left_cents))
    ]
    extras = (ClaimedItem(code=extra.code, price_cents=extra.price_cents, category=None) for extra in basket.extras)
    return (frame, *lenses, *extras)


def _code(codes: dict[str, EquipmentClass], kind: EquipmentClass) -> str:
    return next(code for code, found in codes.items() if found is kind)


def _lens_code(category: LensCategory, kind: EquipmentClass) -> str:
    return next(code for code, found in LENS_CODES.items() if found == (category, kind))


def reservation(entitled: Entitled, *, early_renewal: bool, rng: Rng) -> Act:
    """Builds a request for a prise en charge."""
    return _act(ActKind.RESERVE, entitled, early_renewal=early_renewal, rng=rng)


def cancellation(entitled: Entitled, rng: Rng) -> Act:
    """Builds a cancellation."""
    return _act(ActKind.CANCEL, entitled, early_renewal=False, rng=rng)


def claim(
    entitled: Entitled, quoted: Quoted, taken: Prescribed, payee: Payee, *, early_renewal: bool, key: SigningKey,
    rng: Rng, corrects: bytes | None = None,
) -> tuple[Act, KeptPrescription]:  # fmt: skip
    """Builds a signed claim; returns it with the document and salt of its commitment, kept for the audit.

    With ``corrects``, the identifier of a claim of this shop, it is the correction that takes that claim's place.
    """
    claim_id, salt = rng(16), rng(SALT_BYTES)
    content = Claim(
        claim_id=claim_id, corrects=corrects, insurer=entitled.part.insurer, professional=payee.professional,
        shop=payee.shop,
        entitlement=hashlib.sha256(entitled.entitlement).digest(), items=quoted.items,
        amo_cents=quoted.quote.amo_cents, amc_cents=quoted.quote.amc_cents, rest_cents=quoted.quote.rest_cents,
        early_renewal=early_renewal, rules=quoted.quote.rules,
        prescription=commit_prescription(salt, claim_id, taken, quoted),
    )  # fmt: skip
    signed = sign_statement(content, Label.CLAIM, key_id(key.public), key)
    act = Act(
        kind=ActKind.CONSUME if corrects is None else ActKind.CORRECT, entitlement=entitled.entitlement,
        idempotency_key=rng(16),
        early_renewal=early_renewal, claim=signed,
    )  # fmt: skip
    return act, KeptPrescription(salt=salt, document=taken.document)


def commit_prescription(salt: bytes, claim_id: bytes, taken: Prescribed, quoted: Quoted) -> bytes:
    """Commits to the prescription of what was quoted."""
    categories = "".join(item.category.value for item in quoted.items if item.category is not None)
    return prescription_commitment(
        salt, claim_id=claim_id, document=taken.document, canonical=taken.canonical, categories=categories,
        rules=quoted.quote.rules,
    )  # fmt: skip


def _act(kind: ActKind, entitled: Entitled, *, early_renewal: bool, rng: Rng) -> Act:
    return Act(
        kind=kind, entitlement=entitled.entitlement, idempotency_key=rng(16), early_renewal=early_renewal, claim=None
    )
