"""What a thief can look at in an opened record: the number, the person, the contract, the row, and what changed.

Everything is compared with everything else that he holds: how dense a birth place and month is, how far the next
order number is, how frequent a name is, whether somebody holds the number under which a child stands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paravent.crypto.entitlement import HubPart
from paravent.crypto.sealing import Row
from paravent.drill.population import LeakedLine

_FAR = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One opened record; ``changed`` when it was not the same in an older copy."""

    line: LeakedLine
    row: Row
    part: HubPart
    changed: bool


def households(lines: Iterable[LeakedLine]) -> dict[LeakedLine, int]:
    """Numbers the households of a list: lines that share a number, or a person."""
    groups: dict[str, list[LeakedLine]] = {}
    for line in lines:
        names = (line.nir, f"{line.name} {line.birth_date} {line.rank}")
        joined = [line]
        for group in {id(groups[name]): groups[name] for name in names if name in groups}.values():
            joined += group
        for member in joined:
            groups[member.nir] = groups[f"{member.name} {member.birth_date} {member.rank}"] = joined
    distinct = {id(group): group for group in groups.values()}
    return {line: number for number, group in enumerate(distinct.values()) for line in group}


def features_of(seen: Sequence[Seen]) -> list[list[float]]:
    """Computes the features of every record, in order."""
    known = _Known(seen)
    return [[float(value) for value in known.of(one)] for one in seen]


class _Known:
    """What all records together say."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        lines = [one.line for one in seen]
        self.covers = Counter((line.name, line.birth_date, line.rank) for line in lines)
        self.under = Counter(line.nir for line in lines)
        self.held = {line.nir for line in lines if _own(line)}
        self.places = Counter(line.nir[5:10] for line in lines)
        self.departements = Counter(line.nir[5:7] for line in lines)
        self.births = Counter(line.nir[1:10] for line in lines)
        self.terms = Counter(_terms(one.part) for one in seen)
        self.families = Counter(_words(line)[0] for line in lines)
        self.given = Counter(_words(line)[1] for line in lines)
        self.sexes = Counter((_words(line)[1], line.nir[0]) for line in lines if _own(line))
        self.days = Counter(line.birth_date[6:] for line in lines)
        self.dates = Counter(line.birth_date for line in lines)
        orders: defaultdict[str, set[int]] = defaultdict(set)
        for line in lines:
            orders[line.nir[5:10]].add(int(line.nir[10:]))
        self.orders = {place: sorted(found) for place, found in orders.items()}
        self.highest = {place: max(found) for place, found in orders.items()}
        self.guarantees = sorted({one.part.guarantee for one in seen})

    def of(self, one: Seen) -> Iterator[float | int | bool]:
        """Lists the features of one record."""
        line, part, row = one.line, one.part, one.row
        yield from self._number(line)
        yield from self._person(line)
        # The contract.
        yield self.guarantees.index(part.guarantee)
        yield part.free_from
        yield part.renewal_months
        yield part.valid_from
        yield part.valid_until
        yield self.terms[_terms(part)]
        yield part.status_index
        yield part.nullifier[0]
        yield part.serial[0]
        # The row, and what became of it.
        yield row.batch
        yield row.handle[0]
        yield len(row.stored)
        yield one.changed

    def _number(self, line: LeakedLine) -> Iterator[float | int | bool]:
        place, order = line.nir[5:10], int(line.nir[10:])
        yield int(line.nir[0])
        yield int(line.nir[1:3])
        yield int(line.nir[3:5])
        yield self.departements[line.nir[5:7]]
        yield self.places[place]
        yield int(place[2:])
        yield self.births[line.nir[1:10]]
        yield order
        yield order % 10
        yield order / self.highest[place]
        yield _gap(self.orders[place], order)

    def _person(self, line: LeakedLine) -> Iterator[float | int | bool]:
        family, given = _words(line)
        yield _own(line)
        yield line.nir in self.held
        yield self.under[line.nir]
        yield self.covers[line.name, line.birth_date, line.rank]
        yield line.rank
        yield int(line.birth_date[:4])
        yield int(line.birth_date[6:])
        yield self.days[line.birth_date[6:]]
        yield self.dates[line.birth_date]
        yield self.families[family]
        yield self.given[given]
        yield self.sexes[given, line.nir[0]] / (self.sexes[given, "1"] + self.sexes[given, "2"] or 1)
        yield len(line.name)


def _own(line: LeakedLine) -> bool:
    return line.nir[1:3] == line.birth_date[2:4]


def _words(line: LeakedLine) -> tuple[str, str]:
    family, _, given = line.name.rpartition(" ")
    return family, given


def _terms(part: HubPart) -> tuple[str, int, int]:
    return part.guarantee, part.free_from, part.renewal_months


def _gap(orders: Sequence[int], order: int) -> float:
    """Returns how far the nearest other order number of a place is."""
    at = bisect_left(orders, order)
    beside = [*orders[max(0, at - 1) : at], *orders[at + 1 : at + 2]]
    return min((abs(other - order) for other in beside), default=_FAR)
