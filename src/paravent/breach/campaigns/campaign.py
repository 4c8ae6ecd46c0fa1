"""A campaign of letters: what is asked of whom by when, where each recipient stands (docs/watch.md section 11): pure.

It is kept as events that are only added. A recipient is late when the day has passed and no answer was recorded;
whether the answer is any good is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import msgspec

from paravent.errors import BadInput
from paravent.wire.codec import Bytes32, Message, Name

RECIPIENTS_MAX = 2_000
Reference = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}\Z")]
Paragraph = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Lines = Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...], msgspec.Meta(max_length=6)]
_GAP = re.compile(r"\[à compléter[^\]]*\]")


class Recipient(Message, frozen=True, kw_only=True):
    """Who is written to: an operator or an insurer, by a reference that names its letter."""

    reference: Reference
    role: Literal["operator", "insurer"]
    name: Name
    address: Lines = ()


class Campaign(Message, frozen=True, kw_only=True):
    """What is asked; ``closing`` and ``reminder`` may name {answer_by}, {dated} and {reference}."""

    reference: Reference
    subject: Name
    issuer: Annotated[Lines, msgspec.Meta(min_length=1)]
    signed_by: Name
    dated: date
    answer_by: date
    paragraphs: tuple[Paragraph, ...]
    asked: tuple[Paragraph, ...]
    closing: Paragraph
    reminder: Paragraph
    sources: tuple[Paragraph, ...] = ()
    recipient: Annotated[tuple[Recipient, ...], msgspec.Meta(min_length=1, max_length=RECIPIENTS_MAX)]


class Written(Message, frozen=True, kw_only=True, tag="written"):
    """A letter was written: its SHA-256, on which day, and whether it is a reminder."""

    recipient: str
    on: date
    letter: Bytes32
    reminder: bool


class Acknowledged(Message, frozen=True, kw_only=True, tag="acknowledged"):
    """A recipient answered, on a day; ``by`` is the function that recorded it, ``proof`` the hash of the answer."""

    recipient: str
    on: date
    by: Name
    proof: Bytes32 | None = None


class OpenedCampaign(Message, frozen=True, kw_only=True, tag="opened"):
    """A campaign begins."""

    campaign: Campaign


Event = OpenedCampaign | Written | Acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a recipient stands on a day."""

    recipient: Recipient
    written_on: date | None
    reminded_on: date | None
    acknowledged_on: date | None
    late_days: int

    @property
    def late(self) -> bool:
        """Says whether an answer is overdue."""
        return self.late_days > 0


def read_campaign(content: bytes) -> Campaign:
    """Reads a campaign; raises BadInput when a passage is to complete, a name stands twice or a day comes too early."""
    try:
        found = msgspec.toml.decode(content, type=Campaign)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadInput(f"the campaign cannot be read: {error}") from None
    if any(_GAP.search(text) for text in _texts(found)):
        raise BadInput("a passage between brackets is still to complete")
    if len({one.reference for one in found.recipient}) < len(found.recipient):
        raise BadInput("two recipients have one reference")
    if found.answer_by < found.dated:
        raise BadInput("the answer is asked for before the letter is dated")
    return found


def _texts(campaign: Campaign) -> Iterator[str]:
    yield from (campaign.subject, *campaign.issuer, campaign.signed_by, *campaign.paragraphs, *campaign.asked)
    yield from (campaign.closing, campaign.reminder, *campaign.sources)
    for one in campaign.recipient:
        yield from (one.name, *one.address)


def campaign_of(events: Iterable[Event]) -> Campaign:
    """Returns what the events are about; raises BadInput when nothing was opened."""
    for event in events:
        if isinstance(event, OpenedCampaign):
            return event.campaign
    raise BadInput("no campaign of this reference was opened here: campaign list says which were")


def standings(events: Sequence[Event], today: date) -> list[Standing]:
    """Says where each recipient stands on a day."""
    campaign = campaign_of(events)
    return [_standing(one, events, campaign.answer_by, today) for one in campaign.recipient]


def _standing(recipient: Recipient, events: Sequence[Event], answer_by: date, today: date) -> Standing:
    own = [
        event for event in events if not isinstance(event, OpenedCampaign) and event.recipient == recipient.reference
    ]
    written = [event.on for event in own if isinstance(event, Written) and not event.reminder]
    reminded = [event.on for event in own if isinstance(event, Written) and event.reminder]
    answered = [event.on for event in own if isinstance(event, Acknowledged)]
    late = (today - answer_by).days if written and not answered else 0
    return Standing(
        recipient=recipient, written_on=min(written, default=None), reminded_on=max(reminded, default=None),
        acknowledged_on=min(answered, default=None), late_days=max(0, late),
    )  # fmt: skip


def require_recipient(events: Sequence[Event], reference: str, today: date) -> Standing:
    """Finds a recipient that can answer; raises BadInput when it was not written to, or has answered."""
    found = next((one for one in standings(events, today) if one.recipient.reference == reference), None)
    if found is None or found.written_on is None:
        raise BadInput("no letter of this campaign was written to this recipient")
    if found.acknowledged_on is not None:
        raise BadInput("the answer of this recipient was recorded already; what was recorded is not changed")
    return found
