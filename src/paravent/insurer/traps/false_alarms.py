"""How often an honest desk would open a trap by mistake: an upper estimate, computed (docs/protocol.md 9.15): pure.

An opening takes number, key, birth date and rank of one trap: whoever meant somebody else made at least two slips in
the number and its key, and as many more as the birth dates differ in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from paravent.insurer.members import Member
from paravent.insurer.traps.drawing import Trap
from paravent.insurer.traps.keystrokes import WITHIN, Neighbourhood, slips
from paravent.person.identity import PersonIdentity
from paravent.person.sourced import SourcedEntry, read_sourced
from paravent.wire.codec import Message

SLIPS_MIN = 2
"""A trap is so many slips away from every number that its insurer knows."""

# One character of 13 that is another digit, or two neighbours that changed places.
_ONE_SLIP = 13 * 9 + 12


class Measured(SourcedEntry, frozen=True, kw_only=True):
    """A number with its source."""

    value: Annotated[float, msgspec.Meta(gt=0, lt=1_000)]


class Typing(Message, frozen=True, kw_only=True):
    """How hands slip and how often persons are looked up (``data/typing.toml``)."""

    as_of: str
    slip: Measured
    lookups_a_year: Measured
    unknown_share: Measured


def read_typing(body: bytes) -> Typing:
    """Reads the file; raises InvalidConfiguration."""
    return read_sourced(body, Typing)


@dataclass(slots=True, kw_only=True)
class Distances:
    """What one reading of the portfolio says of some traps: who is near, and how near who shares a birth date."""

    traps: Sequence[Trap]
    persons: int = 0
    too_near: set[str] = field(default_factory=set)
    near: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    same_day: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def __repr__(self) -> str:
        return "Distances(REDACTED)"

    def read(self, members: Iterable[Member]) -> None:
        """Reads every line once, one identity each."""
        owners: defaultdict[str, set[str]] = defaultdict(set)
        dates: defaultdict[str, list[tuple[str, PersonIdentity]]] = defaultdict(list)
        ids = {trap.member.member_id for trap in self.traps}
        for trap in self.traps:
            for identity in trap.member.identities:
                owners[identity.nir.thirteen].add(trap.member.member_id)
                dates[identity.birth_date].append((trap.member.member_id, identity))
        around = Neighbourhood(owners)
        for member in members:
            (identity,) = member.identities
            self.persons += 1
            if member.member_id in ids:
                self.too_near.add(member.member_id)
            for number, count in around.near(identity.nir.thirteen).items():
                for trap_id in owners[number]:
                    self.near[trap_id] += count == WITHIN
                    if count < SLIPS_MIN:
                        self.too_near.add(trap_id)
            for trap_id, other in dates.get(identity.birth_date, ()):
                self.same_day[trap_id, slips(_typed(identity), _typed(other))] += 1

    def expected_a_year(self, traps: Sequence[Trap], typing: Typing) -> float:
        """Returns how many false alarms a year are expected of some of the traps at most.

        1. who shares the birth date: as many slips as number and key differ in; 2. who is two slips away in the number
        alone: at least one more in the date; 3. everybody else: three and one; 4. whom the insurer does not know:
        whatever number is one slip away is one whose key differs.
        """
        slip, chosen = typing.slip.value, {trap.member.member_id for trap in traps}
        # 1. and 2.
        each = sum(count * slip**apart for (trap_id, apart), count in self.same_day.items() if trap_id in chosen)
        each += sum(count * slip**3 for trap_id, count in self.near.items() if trap_id in chosen)
        # 3. and 4.
        each += self.persons * len(chosen) * slip**4
        each += len(chosen) * _ONE_SLIP * typing.unknown_share.value * slip**2
        return each * typing.lookups_a_year.value


def _typed(identity: PersonIdentity) -> str:
    return identity.nir.thirteen + identity.nir.key
