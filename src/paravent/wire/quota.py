"""What a device may still ask of a verifier (docs/protocol.md section 10)."""

from __future__ import annotations

from paravent.wire.codec import Message, Natural


class QuotaRequest(Message, frozen=True, kw_only=True):
    """Asks what is left; asking costs nothing."""


class QuotaAnswer(Message, frozen=True, kw_only=True):
    """What is left of the sliding 24 hours: look-ups and openings."""

    lookups: Natural
    openings: Natural
