"""A bulletin as PDF, on the shared layout (docs/protocol.md section 11)."""

from __future__ import annotations

from datetime import UTC, datetime

from paravent.pages.bulletin_text import heading, in_language, word
from paravent.pages.pdf import Language, Letterhead, render_pdf
from paravent.wire.bulletins import Bulletin


def bulletin_pdf(bulletin: Bulletin, language: str, issuer: str) -> bytes:
    """Lays out a bulletin on one page or two; raises TechnicalFailure as ``render_pdf`` does."""
    text = in_language(bulletin, language)
    head = Letterhead(
        title=text.title, language=Language(language), issuer=(issuer,), reference=heading(bulletin, language),
        day=datetime.fromtimestamp(bulletin.issued_at, UTC).date(),
        notices=(word("author", language).format(author=bulletin.author),),
    )  # fmt: skip
    parts = [
        {"heading": word("what", language), "paragraph": text.what, "items": []},
        {"heading": word("recognise", language), "paragraph": "", "items": list(text.recognise)},
        {"heading": word("act", language), "paragraph": "", "items": list(text.act)},
    ]
    if bulletin.sources:
        parts.append({"heading": word("sources", language), "paragraph": "", "items": list(bulletin.sources)})
    return render_pdf("bulletin", head, {"parts": parts}, created_at=bulletin.issued_at)
