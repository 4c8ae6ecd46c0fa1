"""Cards of drawn entitlements, and what a desk does first with one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from tests.unit.crypto import examples

from paravent.crypto.entitlement import (
    DeskPart,
    HubPart,
    desk_digest,
    issue,
    verify_desk_part,
    verify_entitlement,
)
from paravent.crypto.signing import SigningKey
from paravent.wire import card


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The text of a card, and the insurer that signed it."""

    hub: HubPart
    desk: DeskPart
    key: SigningKey
    text: str

    @classmethod
    def of(cls, hub: HubPart, desk: DeskPart, key: SigningKey) -> Card:
        """Writes a card whose two parts belong together."""
        linked = replace(hub, desk_digest=desk_digest(desk.encode()))
        return cls(hub=linked, desk=desk, key=key, text=card.card_text(issue(linked, key), desk.encode()))

    def accept(self, text: str) -> tuple[HubPart, DeskPart]:
        """Reads a text and verifies both parts, as a desk does before it looks at anything in them."""
        entitlement, desk_part = card.read_card(text)
        hub = verify_entitlement(entitlement, {self.hub.insurer: self.key.public})
        return hub, verify_desk_part(hub, desk_part)


CARDS = st.builds(Card.of, examples.hub_parts(), examples.DESK_PARTS, examples.KEYS)
