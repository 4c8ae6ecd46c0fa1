"""The books by day and shop: decided = paid + pending + refused + disputed + reversed (protocol.md section 11): pure.

The same money stands in four records that different code writes: the ledger, the lines settled, the totals of
remittances and settlements, and the file that the bank executes. They are compared to the cent; whatever differs is
a break, and a break names the decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from paravent.errors import BooksUnbalanced
from paravent.insurer.ledger import LedgerState, ReviewedClaim
from paravent.insurer.settlement import is_claim
from paravent.insurer.settlement_store import KeptSettlement, SettledLine, SettledRemittance
from paravent.wire.settlement import BalanceLine, LineKind, Reconciliation


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Every record of money; ``file_pays`` says by settlement whether its payment file asks for its total."""

    claims: Sequence[ReviewedClaim]
    lines: Sequence[SettledLine]
    remittances: Sequence[SettledRemittance]
    settlements: Sequence[KeptSettlement]
    file_pays: Mapping[int, bool]


@dataclass(slots=True)
class _Sums:
    """The cents of one day and shop."""

    decided: int = 0
    by: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def balance_books(books: Books, amc: str, now: int) -> Reconciliation:
    """Computes the books; what does not agree is listed, decision by decision."""
    lines = {(line.decision, line.kind): line.cents for line in books.lines}
    sums: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
    breaks: list[str] = []
    for claim in filter(is_claim, books.claims):
        paid = lines.get((claim.decision, LineKind.PAYMENT), 0)
        deducted = lines.get((claim.decision, LineKind.DEDUCTION), 0)
        found = sums[_day(claim.decided_at), claim.shop]
        found.decided += claim.claimed_cents
        found.by["paid"] += paid
        found.by["deducted"] += deducted
        found.by[_where(claim, paid, deducted)] += claim.claimed_cents
        found.by["to take back"] += max(0, paid - deducted) * (claim.state is LedgerState.REVERSED)
        breaks += (f"{claim.decision.hex()}: {fault}" for fault in _faults(claim, paid, deducted))
    breaks += _orphans(books)
    breaks += _totals(books)
    balances = tuple(_balance(day, shop, found) for (day, shop), found in sorted(sums.items()))
    breaks += (f"{line.day} {line.shop}: the day does not balance" for line in balances if not balanced(line))
    return Reconciliation(insurer=amc, made_at=now, balances=balances, breaks=tuple(breaks))


def balanced(line: BalanceLine) -> bool:
    """Says whether every cent decided on a day for a shop is somewhere, once."""
    gone = line.paid_cents - line.deducted_cents + line.pending_cents
    return line.decided_cents == gone + line.refused_cents + line.disputed_cents + line.reversed_cents


def require_balanced(report: Reconciliation) -> None:
    """Raises BooksUnbalanced, naming the decisions, when anything does not agree."""
    if report.breaks:
        raise BooksUnbalanced("; ".join(report.breaks))


def _where(claim: ReviewedClaim, paid: int, deducted: int) -> str:
    """Says under which column what was decided stands; what is paid and not taken back stands under ``paid`` alone."""
    match claim.state:
        case LedgerState.REFUSED:
            return "refused"
        case LedgerState.REVERSED:
            return "reversed" if deducted or not paid else "elsewhere"
        case _ if paid:
            return "elsewhere"
        case LedgerState.DISPUTED:
            return "disputed"
        case _:
            return "pending"


def _faults(claim: ReviewedClaim, paid: int, deducted: int) -> Iterator[str]:
    if paid and claim.state is LedgerState.REFUSED:
        yield "refused, and paid"
    if paid not in {0, claim.claimed_cents}:
        yield f"decided at {claim.claimed_cents} cents, paid {paid}"
    if claim.state is LedgerState.PAYABLE and claim.payable_cents != claim.claimed_cents:
        yield f"decided at {claim.claimed_cents} cents, payable {claim.payable_cents}"
    if deducted not in {0, paid}:
        yield f"paid {paid} cents, taken back {deducted}"
    if deducted and claim.state is not LedgerState.REVERSED:
        yield "taken back, and not reversed"


def _orphans(books: Books) -> Iterator[str]:
    """Yields the settled lines of no decision of the ledger."""
    known = {claim.decision for claim in books.claims if is_claim(claim)}
    yield from (f"{line.decision.hex()}: settled, and not in the ledger" for line in books.lines
                if line.decision not in known)  # fmt: skip


def _totals(books: Books) -> Iterator[str]:
    """Yields the totals that are not the sum of what they hold: remittances, settlements, payment files."""
    by_remittance = _sum(
        (line.remittance, line.cents if line.kind is LineKind.PAYMENT else -line.cents) for line in books.lines
    )
    by_settlement = _sum((found.settlement, found.total_cents) for found in books.remittances)
    for remittance in books.remittances:
        if by_remittance.get(remittance.number, 0) != remittance.total_cents:
            held = ", ".join(sorted(
                line.decision.hex() for line in books.lines if line.remittance == remittance.number
            ))  # fmt: skip
            yield f"remittance {remittance.number}: its total is not that of its lines ({held})"
    for settlement in books.settlements:
        if by_settlement.get(settlement.number, 0) != settlement.total_cents:
            yield f"settlement {settlement.number}: its total is not that of its remittances"
        if not books.file_pays.get(settlement.number, settlement.total_cents == 0):
            yield f"settlement {settlement.number}: its payment file asks for another sum"


def _sum(amounts: Iterable[tuple[int, int]]) -> dict[int, int]:
    totals: dict[int, int] = defaultdict(int)
    for name, cents in amounts:
        totals[name] += cents
    return totals


def _balance(day: str, shop: str, found: _Sums) -> BalanceLine:
    return BalanceLine(
        day=day, shop=shop, decided_cents=found.decided, paid_cents=found.by["paid"],
        deducted_cents=found.by["deducted"], pending_cents=found.by["pending"], refused_cents=found.by["refused"],
        disputed_cents=found.by["disputed"], reversed_cents=found.by["reversed"],
        to_take_back_cents=found.by["to take back"],
    )  # fmt: skip


def _day(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d")
