"""What is paid next: one remittance for each shop, from the ledger (docs/protocol.md section 11): pure.

A decision is paid once: what was settled before is left out, and the database refuses it a second line. A claim
reversed after it was paid is taken back from the next remittance of its shop, whoever of the shop claimed or corrected
it: the account is the shop's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from paravent.insurer.ledger import LedgerState, ReviewedClaim
from paravent.insurer.settlement_store import SettledLine
from paravent.optics.settlement import fitting, total_of
from paravent.wire.claims import CLAIM_KINDS
from paravent.wire.settlement import LineKind, Remittance, RemittanceLine

_CLAIMS = frozenset(kind.value for kind in CLAIM_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The lines of a remittance to be."""

    shop: str
    lines: tuple[RemittanceLine, ...]

    @property
    def total_cents(self) -> int:
        """What the transfer pays."""
        return total_of(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """The remittances of a run, and what waits because its shop has no account that may be used."""

    drafts: tuple[Draft, ...]
    without_account: dict[str, int]


def is_claim(claim: ReviewedClaim) -> bool:
    """Says whether a line of the ledger is about money."""
    return claim.kind in _CLAIMS


def draft(
    claims: Iterable[ReviewedClaim], settled: Iterable[SettledLine], has_account: Callable[[str], bool]
) -> Drafted:
    """Drafts one remittance for each shop that is owed something."""
    done = {(line.decision, line.kind) for line in settled}
    owed: dict[str, list[RemittanceLine]] = defaultdict(list)
    back: dict[str, list[RemittanceLine]] = defaultdict(list)
    without: dict[str, int] = defaultdict(int)
    for claim in filter(is_claim, claims):
        paid = (claim.decision, LineKind.PAYMENT) in done
        if claim.state is LedgerState.PAYABLE and not paid and claim.payable_cents > 0:
            if has_account(claim.shop):
                owed[claim.shop].append(_line(claim, LineKind.PAYMENT, claim.payable_cents))
            else:
                without[claim.shop] += claim.payable_cents
        if claim.state is LedgerState.REVERSED and paid and (claim.decision, LineKind.DEDUCTION) not in done:
            back[claim.shop].append(_line(claim, LineKind.DEDUCTION, claim.claimed_cents))
    drafts = (Draft(shop=shop, lines=fitting(lines, back[shop])) for shop, lines in owed.items())
    return Drafted(drafts=tuple(drafts), without_account=dict(without))


def remittances(
    drafts: Sequence[Draft], amc: str, first: int, account_ends: Callable[[str], str], now: int
) -> list[Remittance]:
    """Numbers the remittances of a run, each with the reference that its transfer carries."""
    return [
        Remittance(
            insurer=amc, number=number, reference=f"PV-{amc}-{number}", shop=made.shop, issued_at=now,
            account_ends=account_ends(made.shop), lines=made.lines, total_cents=made.total_cents,
        )
        for number, made in enumerate(drafts, start=first)
    ]  # fmt: skip


def _line(claim: ReviewedClaim, kind: LineKind, cents: int) -> RemittanceLine:
    return RemittanceLine(
        kind=kind, decision_id=claim.decision, claim_id=claim.claim or bytes(16), professional=claim.professional,
        month=claim.month, cents=cents,
    )  # fmt: skip
