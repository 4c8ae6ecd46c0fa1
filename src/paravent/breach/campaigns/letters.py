"""The letter to one recipient, and its reminder, as PDF on the shared layout (docs/watch.md section 11)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from paravent.breach.campaigns.campaign import Campaign, Recipient
from paravent.pages.pdf import Language, Letterhead, render_pdf

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


def letter(campaign: Campaign, recipient: Recipient, *, reminder: bool, today: date) -> bytes:
    """Lays a letter out; the same campaign, recipient and day give the same bytes. Raises TechnicalFailure."""
    reference = f"{campaign.reference}/{recipient.reference}"
    words = {"answer_by": _day(campaign.answer_by), "dated": _day(campaign.dated), "reference": reference}
    first = [_filled(campaign.reminder, words)] if reminder else []
    day = today if reminder else campaign.dated
    head = Letterhead(
        title=f"Rappel : {campaign.subject}" if reminder else campaign.subject, language=Language.FRENCH,
        issuer=campaign.issuer, recipient=(recipient.name, *recipient.address), reference=reference, day=day,
        notices=campaign.sources[:4],
    )  # fmt: skip
    content = {
        "paragraphs": [*first, *campaign.paragraphs],
        "table": {
            "columns": ["Ce qui est demandé"],
            "rows": [[f"{number}. {text}"] for number, text in enumerate(campaign.asked, start=1)],
        },
        "closing": [_filled(campaign.closing, words), campaign.signed_by],
    }
    created_at = int(datetime.combine(day, time(), UTC).timestamp())
    return render_pdf("letter", head, content, created_at=created_at)


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _day(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"
