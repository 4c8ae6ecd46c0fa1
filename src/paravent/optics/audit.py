"""The draw of the medical audit, its detection power and shops that stand out (docs/protocol.md section 11): pure.

Neither side can steer the draw: the insurer has committed to the seed before the month, when no claim exists, and
the desk draws its claim identifiers before the seed is known. Both compute the same draw afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb

from paravent.crypto.labels import Label, enc
from paravent.errors import ProofFailure
from paravent.wire.audit import AuditBook, AuditMonth

RATE_SCALE = 1_000
FALSE_ALARM_LEVEL = 0.01
"""How often a month in which every shop has the same mix names any shop at all."""


def commitment_to(seed: bytes, insurer: str, month: int) -> bytes:
    """Commits to a seed of 32 random bytes, for one insurer and month."""
    return hashlib.sha256(enc(Label.AUDIT_SEED, insurer, month, seed)).digest()


def is_drawn(audit: AuditMonth, insurer: str, claim_id: bytes) -> bool:
    """Says whether a claim is drawn: HMAC(seed, claim) falls below the rate; raises ProofFailure before the seed."""
    seed = require_revealed(audit, insurer)
    drawn = hmac.digest(seed, enc(Label.AUDIT_DRAW, insurer, audit.month, claim_id), "sha256")
    return int.from_bytes(drawn[:8], "big") * RATE_SCALE < audit.rate_per_mille << 64


def require_revealed(audit: AuditMonth, insurer: str) -> bytes:
    """Returns the seed that a month was committed to; raises ProofFailure naming the insurer."""
    if audit.seed is None or commitment_to(audit.seed, insurer, audit.month) != audit.commitment:
        raise ProofFailure("the seed of the audit is not revealed, or not the one committed to", culprit=insurer)
    return audit.seed


def require_successor(former: AuditBook | None, book: AuditBook, current: int) -> None:
    """Checks that a book only adds months to come and reveals months past; raises ProofFailure naming the insurer.

    1. months go up; 2. each former month stands, and only its seed may have come; 3. what is new has not begun;
    4. a seed is revealed once its month is over, and is the one committed to.
    """
    known = {} if former is None else {audit.month: audit for audit in former.months}
    months = [audit.month for audit in book.months]
    # 1. order
    if months != sorted(set(months)) or not known.keys() <= set(months):
        raise ProofFailure("an audit's months go up, and none is taken away", culprit=book.insurer)
    for audit in book.months:
        before = known.get(audit.month)
        # 2. nothing changed
        if before is not None and not unchanged(before, audit):
            raise ProofFailure("an audit that was committed to was changed", culprit=book.insurer)
        # 3. committed before
        if before is None and audit.month <= current:
            raise ProofFailure("an audit is committed to before its month begins", culprit=book.insurer)
        # 4. revealed after
        if audit.seed is not None:
            if audit.month >= current:
                raise ProofFailure("a seed is revealed after its month", culprit=book.insurer)
            require_revealed(audit, book.insurer)


def unchanged(before: AuditMonth, audit: AuditMonth) -> bool:
    """Says whether a month is as it was, its seed apart, which may have come."""
    terms = (before.month, before.rate_per_mille, before.officer_key, before.commitment)
    same = terms == (audit.month, audit.rate_per_mille, audit.officer_key, audit.commitment)
    return same and before.seed in {None, audit.seed}


def detection(false_claims: int, rate_per_mille: int) -> float:
    """Computes the chance that at least one of so many false claims is drawn: 1 - (1 - r)^k, each drawn by itself."""
    return 1 - (1 - rate_per_mille / RATE_SCALE) ** false_claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A shop with more equipments of a category than chance explains; a reason to look, never a proof."""

    shop: str
    category: str
    count: int
    equipments: int
    chance: float


def outliers(mix: Mapping[str, Counter[str]]) -> list[Outlier]:
    """Finds the shops that stand out by their categories alone, equipments counted by their higher category.

    For each shop and category above ``a``: the exact chance (hypergeometric, one side) of so many if the shop's
    equipments were drawn from those of all shops; compared with the level shared among all comparisons (Bonferroni).
    """
    everyone: Counter[str] = Counter()
    for counts in mix.values():
        everyone.update(counts)
    categories = sorted(set(everyone) - {"a"})
    comparisons = max(1, len(mix) * len(categories))
    found = [
        Outlier(
            shop=shop, category=category, count=counts[category], equipments=counts.total(),
            chance=_tail(counts[category], counts.total(), everyone[category], everyone.total()),
        )
        for shop, counts in mix.items()
        for category in categories
    ]  # fmt: skip
    return sorted((one for one in found if one.chance * comparisons < FALSE_ALARM_LEVEL), key=lambda one: one.chance)


def higher_category(categories: Iterable[str]) -> str:
    """Returns the higher of an equipment's categories: its two lenses are one observation, since eyes resemble."""
    return max(categories)


def _tail(seen: int, drawn: int, marked: int, total: int) -> float:
    """P(X >= seen), X of the marked among ``drawn`` out of ``total`` without replacement; exact integers."""
    ways = sum(comb(marked, k) * comb(total - marked, drawn - k) for k in range(seen, min(drawn, marked) + 1))
    return ways / comb(total, drawn)
