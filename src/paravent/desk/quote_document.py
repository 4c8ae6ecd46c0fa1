"""A quote as a document to hand over, from what was computed (docs/protocol.md section 11.1): pure."""

from __future__ import annotations

from collections.abc import Mapping

from paravent.desk.before_sale import BeforeSale, QuoteFile
from paravent.pages.pdf import Language, Letterhead, render_pdf

_STATUS: Mapping[str, str] = {"official": "officielles", "illustrative": "illustratives, non officielles"}


def quote_document(asked: QuoteFile, computed: BeforeSale, *, created_at: int) -> bytes:
    """Lays out a quote as PDF; ``created_at`` is in Unix seconds."""
    head = Letterhead(
        title="Devis d'équipement d'optique médicale", language=Language.FRENCH, issuer=asked.issuer,
        recipient=asked.recipient, day=asked.day,
        notices=(
            "Document de Paravent : son ordre est le sien, le modèle officiel du devis normalisé n'ayant pas été lu.",
            f"Prix limites de classe A par correction : valeurs {_STATUS[computed.tariff_status]}.",
        ),
    )  # fmt: skip
    return render_pdf("quote", head, computed, created_at=created_at)
