"""Households of a portfolio: persons joined by a number or by a second parent's (docs/protocol.md 9.15): pure.

A child stands under a parent's number, and may stand under two: a trap drawn alone would have a number without its
holder, or a holder who resembles nobody's parent. Whole households are taken as models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from paravent.crypto.group import Rng
from paravent.insurer.leak.delivery import below
from paravent.insurer.members import Member

Reading = Callable[[], Iterable[Member]]
"""Reads every line of the portfolio again, one member with one identity each."""

# From a child to its second parent's number and back to that parent's other children.
_STEPS = 3


def sampled(reading: Reading, count: int, rng: Rng) -> list[Member]:
    """Draws that many lines, each as likely as any other, in one reading."""
    kept: list[Member] = []
    for place, member in enumerate(reading()):
        if place < count:
            kept.append(member)
        elif (at := below(place + 1, rng)) < count:
            kept[at] = member
    return kept


def around(seeds: Sequence[Member], reading: Reading) -> list[list[Member]]:
    """Returns the households of some lines: for each, its members with all their identities."""
    numbers = {identity.nir.thirteen for member in seeds for identity in member.identities}
    persons = {member.member_id for member in seeds}
    lines: list[Member] = []
    for _ in range(_STEPS):
        lines = [
            member for member in reading()
            if member.member_id in persons or member.identities[0].nir.thirteen in numbers
        ]  # fmt: skip
        known = len(numbers) + len(persons)
        numbers |= {member.identities[0].nir.thirteen for member in lines}
        persons |= {member.member_id for member in lines}
        if len(numbers) + len(persons) == known:
            break
    return [list(_merged(household)) for household in _joined(lines)]


def _joined(lines: Sequence[Member]) -> list[list[Member]]:
    """Groups lines that share a number or a person."""
    groups: dict[str, list[Member]] = {}
    for line in lines:
        names = (f"number {line.identities[0].nir.thirteen}", f"person {line.member_id}")
        joined = [line]
        for group in {id(groups[name]): groups[name] for name in names if name in groups}.values():
            joined += group
        for member in joined:
            groups[f"number {member.identities[0].nir.thirteen}"] = joined
            groups[f"person {member.member_id}"] = joined
    return list({id(group): group for group in groups.values()}.values())


def _merged(lines: Sequence[Member]) -> Iterator[Member]:
    """Joins the lines of each person."""
    persons: defaultdict[str, list[Member]] = defaultdict(list)
    for line in lines:
        persons[line.member_id].append(line)
    for of_one in persons.values():
        yield replace(of_one[0], identities=tuple(line.identities[0] for line in of_one))
