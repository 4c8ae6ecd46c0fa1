"""The insured person's card as a QR code (docs/protocol.md section 8)."""

from __future__ import annotations

import io

import segno

from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.insurer.members import Member, right_of
from paravent.insurer.sealing import RightNumbers, entitle
from paravent.wire.card import card_text

_MODULE_PIXELS = 6


def card_of(insurer: str, issuer_key: SigningKey, member: Member, numbers: RightNumbers, rng: Rng) -> str:
    """Signs a card entitlement for a member and returns the text of its QR code."""
    entitlement, desk_part = entitle(
        insurer, issuer_key, member.identities[0].holder, right_of(member, numbers), rng, binding=None
    )
    return card_text(entitlement, desk_part)


def qr_png(text: str) -> bytes:
    """Draws a QR code at correction level M as PNG."""
    image = io.BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="png", scale=_MODULE_PIXELS)
    return image.getvalue()
