"""Asking the hub how many shops there are, for the page of the committee (docs/watch.md section 10)."""

from __future__ import annotations

from paravent.breach.bulletins.client import BulletinClient
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import TechnicalFailure
from paravent.wire.bulletins import BulletinCounts
from paravent.wire.statements import Directory


async def shop_counts(directory: Directory, key: SigningKey, rng: Rng) -> BulletinCounts | None:
    """Asks the hub; None when the directory lists no breach desk, or the hub does not answer."""
    if directory.breach_desk is None:
        return None
    try:
        return await BulletinClient(directory, key, rng).counts()
    except TechnicalFailure:
        return None
