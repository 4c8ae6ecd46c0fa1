"""The insured person's card: its entitlement, its code, and what is printed on it (docs/protocol.md section 8)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
import segno

from paravent.crypto.entitlement import verify_desk_part, verify_entitlement
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import HolderMismatch, ProofFailure
from paravent.insurer.members import Member, right_of
from paravent.insurer.sealing import RightNumbers, entitle
from paravent.optics.guarantee import Guarantee
from paravent.pages.pdf import Language, Letterhead, render_pdf
from paravent.person.bindings import verify_holder
from paravent.wire.card import card_text, read_card
from paravent.wire.codec import Message, Natural

_MODULE_PIXELS = 6


class CardBlock(Message, frozen=True, kw_only=True):
    """What an insurer prints on every card: two of the five normalised fields, which may be empty, and whom to call."""

    convention: Annotated[str, msgspec.Meta(max_length=2)] = ""
    csr: Annotated[str, msgspec.Meta(max_length=8)] = ""
    contact: Annotated[str, msgspec.Meta(max_length=120)] = ""


class Shape(StrEnum):
    """What a card is laid out for; each is the name of its template."""

    PAPER = "card"
    TELEPHONE = "card-phone"


class PrintedCard(Message, frozen=True, kw_only=True):
    """A card as it is printed: the text of its code, and what the eye reads; instants are Unix seconds."""

    text: str
    name: str
    birth_date: str
    member_id: str
    guarantee: str
    responsible: bool
    valid_from: Natural
    valid_until: Natural
    issued_at: Natural

    def __repr__(self) -> str:
        return "PrintedCard(REDACTED)"


def card_of(insurer: str, issuer_key: SigningKey, member: Member, numbers: RightNumbers, rng: Rng) -> str:
    """Signs a card entitlement for a member and returns the text of its QR code."""
    entitlement, desk_part = entitle(
        insurer, issuer_key, member.identities[0].holder, right_of(member, numbers), rng, binding=None
    )
    return card_text(entitlement, desk_part)


def printed(text: str, member: Member, guarantee: Guarantee, now: int) -> PrintedCard:
    """Says what is printed on a card whose code was just signed; ``guarantee`` is the member's, as published."""
    return PrintedCard(
        text=text, name=member.printed_name, birth_date=str(member.identities[0].birth_date),
        member_id=member.member_id, guarantee=guarantee.label, responsible=guarantee.responsible,
        valid_from=member.valid_from, valid_until=member.valid_until, issued_at=now,
    )  # fmt: skip


def says_the_same(card: PrintedCard, member: Member, issuers: Mapping[str, VerifyKey]) -> bool:
    """Says whether a card issued before still says what the member file does, under a key of the directory."""
    try:
        entitlement, desk_part = read_card(card.text)
        part = verify_entitlement(entitlement, issuers)
        verify_holder(verify_desk_part(part, desk_part), member.identities[0].holder)
    except (ProofFailure, HolderMismatch):
        return False
    terms = (part.guarantee, part.valid_from, part.valid_until, part.free_from, part.renewal_months)
    return terms == (
        member.guarantee, member.valid_from, member.valid_until, member.free_from, member.renewal_months
    )  # fmt: skip


def qr_png(text: str) -> bytes:
    """Draws a QR code at correction level M as PNG."""
    image = io.BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="png", scale=_MODULE_PIXELS)
    return image.getvalue()


def qr_svg(text: str) -> str:
    """Draws a QR code at correction level M as SVG, with its margin."""
    image = io.BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="svg", xmldecl=False, nl=False, light="#fff")
    return image.getvalue().decode()


def card_content(amc: str, insurer: str, block: CardBlock, card: PrintedCard) -> dict[str, object]:
    """Says what the templates of a card read; ``block`` is what the insurer itself prints."""
    return {
        "amc": amc, "convention": block.convention, "csr": block.csr, "member": card.member_id,
        "valid_from": day_of(card.valid_from).isoformat(), "valid_until": day_of(card.valid_until).isoformat(),
        "name": card.name, "birth_date": card.birth_date, "guarantee": card.guarantee,
        "responsible": card.responsible, "contact": block.contact, "insurer": insurer, "code": qr_svg(card.text),
    }  # fmt: skip


def card_pdf(amc: str, insurer: str, block: CardBlock, card: PrintedCard, language: Language, shape: Shape) -> bytes:
    """Lays out a card on paper or for a telephone."""
    head = Letterhead(
        title="Votre carte de tiers payant" if language is Language.FRENCH else "Your tiers-payant card",
        language=language, issuer=tuple(line for line in (insurer, block.contact) if line), day=day_of(card.issued_at),
    )  # fmt: skip
    return render_pdf(shape.value, head, card_content(amc, insurer, block, card), created_at=card.issued_at)


def day_of(at: int) -> date:
    """The day of an instant, as member files write it."""
    return datetime.fromtimestamp(at, UTC).date()
