"""What a desk shows of the breach desk's bulletins (docs/protocol.md section 11): pure but for the store it reads.

A screen takes ``newest``; a bulletin is new until this desk has acknowledged it for the shop.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.desk.bulletins_store import DeskBulletins
from paravent.wire.bulletins import Bulletin

CONFIRMED_SECONDS = 35 * 86_400
"""How old the breach desk's last word on the list may be before a desk says that it may lack some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBulletins:
    """The bulletins, the newest first, with when each was acknowledged; ``confirmed_at`` is None without a list.

    ``stale`` when the breach desk has not confirmed the list for CONFIRMED_SECONDS: a hub that withholds bulletins
    cannot confirm it either.
    """

    bulletins: tuple[tuple[Bulletin, int | None], ...]
    confirmed_at: int | None
    stale: bool

    @property
    def newest(self) -> Bulletin | None:
        """The bulletin to show: the newest that is urgent and not acknowledged, else the newest not acknowledged."""
        unread = [bulletin for bulletin, acknowledged_at in self.bulletins if acknowledged_at is None]
        return next((bulletin for bulletin in unread if bulletin.urgent), next(iter(unread), None))


def shown(kept: DeskBulletins, now: int) -> ShownBulletins:
    """Reads what this desk keeps; every bulletin there was verified when it was kept."""
    acknowledged, known = kept.acknowledged(), kept.known()
    confirmed_at = known.issued_at or None
    return ShownBulletins(
        bulletins=tuple((bulletin, acknowledged.get(bulletin.number)) for bulletin in reversed(kept.all())),
        confirmed_at=confirmed_at, stale=confirmed_at is not None and now - confirmed_at > CONFIRMED_SECONDS,
    )  # fmt: skip
