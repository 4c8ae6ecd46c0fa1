"""What the hub holds of each insurer, counted for the breach desk and signed (docs/protocol.md section 16)."""

from __future__ import annotations

from paravent.crypto.labels import Label
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store
from paravent.wire.case import HubCounts, InsurerCounts, MonthOfClaims
from paravent.wire.statements import Directory, Signed, sign_statement


def counts(directory: Directory, store: Store, identity: HubIdentity, now: int) -> Signed:
    """Counts rows by live epoch, as insurers signed them, and claim lines by month."""
    found = tuple(
        InsurerCounts(
            insurer=entry.amc,
            bundles=tuple(manifest.bundle for manifest in store.live(entry.amc)),
            claims=tuple(
                MonthOfClaims(month=month, lines=lines) for month, lines in store.claims.lines_by_month(entry.amc)
            ),
        )
        for entry in directory.insurers
    )
    return sign_statement(HubCounts(at=now, insurers=found), Label.CASE_COUNTS, identity.name, identity.signing_key)
