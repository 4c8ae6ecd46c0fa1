"""Matching a leaked sample with what this insurer held, and gave to whom, at which time (docs/leak-matcher.md).

Pure. Each row that names a member is compared with every version of that member's terms: the versions that it agrees
with say when it was copied. One row says little; the interval that explains most rows says much.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from paravent.insurer.leak.clues import Clues
from paravent.insurer.leak.ordering import false_attribution, order_bits, place_of

ALWAYS = 1 << 62
"""The end of a version that is current."""

_AGREEING_SHARE_MIN = 0.9
CHANCE_BITS_LEAST = 30.0
"""Agreement by chance once in a thousand million samples: below, nothing is concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a file says of a member's contract: guarantee code, first and last day (YYYYMMDD), month free (YYYYMM)."""

    guarantee: str
    valid_from: str
    valid_to: str
    free_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Terms of a member from one publication to the next (Unix seconds, half-open)."""

    member: str
    terms: Terms
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A file in clear that left: to whom, when, of which guarantee (all when empty)."""

    number: int
    recipient: str
    at: int
    guarantee: str


class Verdict(StrEnum):
    """What the sample is."""

    OURS = "ours"
    NOT_OURS = "not-ours"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A delivery, how many rows it explains, and how many of its own marks stand in the sample.

    ``order_bits`` is how surprising it would be that the rows stand in its own order; ``false_attribution`` the
    probability, at most, that any delivery would agree as well by chance.
    """

    delivery: Delivery
    explained: int
    marks: int
    order_bits: float
    false_attribution: float

    @property
    def ordered(self) -> bool:
        """Says whether the order alone names this delivery."""
        return self.false_attribution <= math.exp2(-CHANCE_BITS_LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The answer, in counts; ``chance_bits`` is how surprising the agreement would be in somebody else's data."""

    verdict: Verdict
    rows: int
    identified: int
    comparable: int
    agreeing: int
    explained: int
    interval: tuple[int, int] | None
    chance_bits: float
    suspects: tuple[Suspect, ...]
    members: tuple[tuple[int, tuple[str, ...]], ...]

    def __repr__(self) -> str:
        return f"Matched({self.verdict.value})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the sample: its place, its clues, the versions of the members it names, the marks it carries."""

    place: int
    clues: Clues
    versions: tuple[Version, ...]
    marks: tuple[int, ...]


def match(
    rows: Sequence[Row], deliveries: Sequence[Delivery], shares: Mapping[Terms, float], codes: frozenset[str],
    seeds: Mapping[int, bytes],
) -> Matched:  # fmt: skip
    """Matches a sample.

    ``shares`` gives for terms the part of the portfolio that has them; ``codes`` all guarantees; ``seeds`` the order of
    each delivery.
    1. rows that name a member; 2. those whose terms can be compared; 3. those that agree with a version; 4. the
    interval that explains most of them; 5. the deliveries that do; 6. how likely all this is by chance.
    """
    # 1 to 3
    identified = [row for row in rows if row.versions]
    comparable = [row for row in identified if _says_terms(row.clues, codes)]
    agreeing = {row.place: held for row in comparable if (held := _agreeing(row, codes))}
    # 4. interval
    interval, explained = best_interval(list(agreeing.values()))
    # 5. deliveries
    marks = Counter(number for row in rows for number in set(row.marks))
    orders = _orders(identified, seeds)
    suspects = sorted(
        (
            Suspect(
                delivery=delivery, explained=sum(_explains(delivery, held) for held in agreeing.values()),
                marks=marks[delivery.number], order_bits=round(orders.get(delivery.number, 0.0), 1),
                false_attribution=false_attribution(orders.get(delivery.number, 0.0), len(deliveries)),
            )
            for delivery in deliveries
        ),
        key=lambda suspect: (-suspect.marks, not suspect.ordered, -suspect.explained, suspect.delivery.number),
    )  # fmt: skip
    # 6. chance
    bits = sum(-math.log2(min(1.0, sum(shares.get(terms, 0.0) or 1.0 for terms in _terms(held))))
               for held in agreeing.values())  # fmt: skip
    return Matched(
        verdict=_verdict(len(comparable), len(agreeing), bits, named=bool(marks) or any(s.ordered for s in suspects)),
        rows=len(rows),
        identified=len(identified), comparable=len(comparable), agreeing=len(agreeing), explained=explained,
        interval=interval, chance_bits=round(bits, 1),
        suspects=tuple(suspect for suspect in suspects if suspect.explained or suspect.marks or suspect.ordered),
        members=tuple(
            (row.place, tuple(sorted({version.member for version in row.versions}))) for row in identified
        ),
    )  # fmt: skip


def best_interval(held: Sequence[Sequence[Version]]) -> tuple[tuple[int, int] | None, int]:
    """Finds the first stretch of time in which most rows have a version; returns it and how many have."""
    changes: Counter[int] = Counter()
    for versions in held:
        for start, end in _merged(versions):
            changes[start] += 1
            changes[end] -= 1
    counts = list(zip(sorted(changes), accumulate(changes[instant] for instant in sorted(changes)), strict=True))
    best = max((count for _, count in counts), default=0)
    if not best:
        return None, 0
    place = next(place for place, (_, count) in enumerate(counts) if count == best)
    # Where one version ends and another begins for as many rows, the stretch goes on.
    end = next(instant for instant, count in counts[place:] if count != best)
    return (counts[place][0], end), best


def _merged(versions: Sequence[Version]) -> list[tuple[int, int]]:
    """Joins the intervals of one row that touch, so that it counts once at every time."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted({(version.first, version.last) for version in versions}):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _says_terms(clues: Clues, codes: frozenset[str]) -> bool:
    return bool(clues.words & codes)


def _agreeing(row: Row, codes: frozenset[str]) -> list[Version]:
    return [version for version in row.versions if _agrees(row.clues, version.terms, codes)]


def _agrees(clues: Clues, terms: Terms, codes: frozenset[str]) -> bool:
    """The guarantee is the one written; a month written as free, and a last day, are those of the terms."""
    if clues.words & codes != {terms.guarantee}:
        return False
    if clues.months and terms.free_from not in clues.months:
        return False
    contract_days = {day for day in clues.dates if day >= terms.valid_from}
    return not contract_days or terms.valid_to in contract_days or terms.valid_from in contract_days


def _explains(delivery: Delivery, held: Sequence[Version]) -> bool:
    return any(
        version.first <= delivery.at < version.last
        and delivery.guarantee in {"", version.terms.guarantee}
        for version in held
    )  # fmt: skip


def _terms(held: Sequence[Version]) -> set[Terms]:
    return {version.terms for version in held}


def _orders(rows: Sequence[Row], seeds: Mapping[int, bytes]) -> dict[int, float]:
    """Says for each delivery how surprising the order of the sample is; a row that may be of several is passed over."""
    members = [found for row in rows if len(found := {version.member for version in row.versions}) == 1]
    named = [next(iter(found)) for found in members]
    return {number: order_bits([place_of(seed, member) for member in named]) for number, seed in seeds.items()}


def _verdict(comparable: int, agreeing: int, bits: float, *, named: bool) -> Verdict:
    if named:
        return Verdict.OURS
    if comparable and agreeing >= _AGREEING_SHARE_MIN * comparable and bits >= CHANCE_BITS_LEAST:
        return Verdict.OURS
    if comparable >= 10 and agreeing < comparable / 2:
        return Verdict.NOT_OURS
    return Verdict.UNDECIDED
