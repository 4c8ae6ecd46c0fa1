"""The order of the rows of a file in clear, which is its recipient's own: a mark without a false person (pure).

Who cuts a piece out of a file, or takes lines from it, keeps their order; docs/leak-matcher.md says what undoes it.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from functools import cache
from itertools import combinations

from paravent.crypto.labels import Label, enc

SEED_BYTES = 32
ROWS_COMPARED_MAX = 100
"""More rows add nothing: a hundred in order are one chance in 2^525."""


def place_of(seed: bytes, member: str) -> bytes:
    """Says where a member stands in a delivery: HMAC(seed of the delivery, member)."""
    return hmac.digest(seed, enc(Label.DELIVERY_ORDER, member), "sha256")


def order_bits(places: Sequence[bytes]) -> float:
    """Says by how many bits so few pairs out of order would surprise, were the rows in any order: exact.

    Compares the first hundred places. No pair at all has two rows out of order in a piece that was only cut.
    """
    compared = list(dict.fromkeys(places))[:ROWS_COMPARED_MAX]
    wrong = sum(one > other for one, other in combinations(compared, 2))
    counts = _permutations_by_inversions(len(compared))
    # The number of permutations with no more pairs out of order, over all of them; both are whole numbers.
    return math.log2(math.factorial(len(compared))) - math.log2(sum(counts[: wrong + 1]))


@cache
def _permutations_by_inversions(rows: int) -> tuple[int, ...]:
    """Counts the permutations of so many rows by their pairs out of order."""
    counts = [1]
    for size in range(2, rows + 1):
        longer, window = [], 0
        for pairs in range(len(counts) + size - 1):
            window += counts[pairs] if pairs < len(counts) else 0
            window -= counts[pairs - size] if pairs >= size else 0
            longer.append(window)
        counts = longer
    return tuple(counts)


def false_attribution(bits: float, deliveries: int) -> float:
    """Returns the probability that any of so many deliveries would agree as well by chance, at most."""
    return min(1.0, deliveries * math.exp2(-bits))


def hit_probability(marks: int, part: float) -> float:
    """Returns the probability that a part of a file holds one of its marks at least: 1 - (1 - f)^c."""
    return 1 - (1 - part) ** marks
