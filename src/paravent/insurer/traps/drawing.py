"""Drawing trap persons: whole households of nobody, made like a household of members (docs/protocol.md 9.15): pure.

Each trap has a *model*, a member: its terms are those of the model, today and in every later publication. The number is
of a commune that no register has (991 to 999; ``Nir.is_synthetic``): it can belong to nobody, here or elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from paravent.crypto.group import Rng
from paravent.errors import InvalidIdentity
from paravent.insurer.leak.delivery import below, resembling
from paravent.insurer.members import Member
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir

T = TypeVar("T")

_TRIES = 50
_NAMES_COMPARED, _NAMES_BESIDE, _YEARS_APART = 400, 10, 5
_OVERSEAS = {"97", "98"}
_LAST_DAYS = {"02": 28, "04": 30, "06": 30, "09": 30, "11": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A trap person with all its identities, and the member whose terms it follows."""

    member: Member
    model: str

    def __repr__(self) -> str:
        return "Trap(REDACTED)"


class Material:
    """Lines of members, from which names, days, places and order numbers are taken, each apart.

    What is taken as often as members have it would be counted twice where chance gave them much of it: whoever counts
    would see that. Days, months and communes are drawn evenly, names among those that are about as frequent.
    """

    def __init__(self, lines: Sequence[Member]) -> None:
        """Counts what the lines have."""
        self._lines = lines
        self._families = _Frequent(_family(line.printed_name) for line in lines)
        dates = [line.identities[0].birth_date for line in lines]
        self._months = sorted({date[4:6] for date in dates if "01" <= date[4:6] <= "12"})
        self._days = sorted({date[6:] for date in dates if date[6:] != "00"})
        places: defaultdict[str, set[str]] = defaultdict(set)
        for line in lines:
            if (nir := line.identities[0].nir).is_synthetic:
                places[nir.thirteen[5:7]].add(nir.thirteen[7:10])
        self._communes = {departement: sorted(found) for departement, found in places.items()}

    def __repr__(self) -> str:
        return "Material(REDACTED)"

    def any(self, rng: Rng) -> Member:
        """Takes one line."""
        return _chosen(self._lines, rng)

    def family(self, rng: Rng) -> str:
        """Takes a family name."""
        return self._families.like(_family(self.any(rng).printed_name), rng)

    def given(self, model: Member, rng: Rng) -> str:
        """Takes the given name of somebody of the same sex and about the same age; of another child for a child."""
        others = [
            other for _ in range(_NAMES_COMPARED)
            if _kind(other := self.any(rng)) == _kind(model) and abs(_year(other) - _year(model)) <= _YEARS_APART
        ]  # fmt: skip
        if not others:
            return _given(model.printed_name)
        return _Frequent(_given(other.printed_name) for other in others).like(_given(others[0].printed_name), rng)

    def order(self, departement: str, rng: Rng) -> str:
        """Takes the order number of somebody born in the département, of anybody when there is none."""
        for _ in range(_TRIES):
            thirteen = self.any(rng).identities[0].nir.thirteen
            if thirteen[5:7] == departement:
                return thirteen[10:]
        return self.any(rng).identities[0].nir.thirteen[10:]

    def commune(self, like: Nir, rng: Rng) -> str:
        """Takes a commune that no register has: one that members have too where members are synthetic."""
        place = like.thirteen[5:7]
        if like.is_synthetic and place in self._communes:
            return _chosen(self._communes[place], rng)
        # Overseas, the first of the three belongs to the département.
        return f"{like.thirteen[7] if place in _OVERSEAS else '9'}9{1 + below(9, rng)}"

    def date(self, like: BirthDate, rng: Rng) -> BirthDate:
        """Moves a birth date within its year; a fictitious one stays, a day that its month lacks becomes the last."""
        if "00" in {like[4:6], like[6:]} or like[4:6] > "12":
            return like
        month, day = _chosen(self._months, rng), _chosen(self._days, rng)
        return BirthDate(f"{like[:4]}{month}{min(int(day), _LAST_DAYS.get(month, 31)):02d}")


class _Frequent:
    """Names by how frequent they are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = [name for name, _ in Counter(names).most_common()]
        self._places = {name: place for place, name in enumerate(self._names)}

    def like(self, name: str, rng: Rng) -> str:
        """Takes a name that is about as frequent."""
        place = self._places[name]
        return _chosen(self._names[max(0, place - _NAMES_BESIDE) : place + _NAMES_BESIDE + 1], rng)


def drawn_household(models: Sequence[Member], material: Material, rng: Rng) -> list[Trap]:
    """Draws a household of nobody like one of members; raises InvalidIdentity when its dates cannot be told apart."""
    identities = [identity for model in models for identity in model.identities]
    dates = {date: material.date(date, rng) for date in dict.fromkeys(one.birth_date for one in identities)}
    if len(set(dates.values())) < len(dates):
        raise InvalidIdentity("two birth dates of a household became one: draw again")
    months = {
        one.nir: dates[one.birth_date][4:6] for one in identities if one.nir.thirteen[1:5] == one.birth_date[2:6]
    }  # fmt: skip
    numbers = {
        nir: _number(nir, months.get(nir, nir.thirteen[3:5]), material, rng)
        for nir in dict.fromkeys(one.nir for one in identities)
    }
    family = material.family(rng)
    return [_trap(model, numbers, dates, family, material, rng) for model in models]


def _number(like: Nir, month: str, material: Material, rng: Rng) -> Nir:
    """Sex, year and département are the model's, the month that of its holder; the order number somebody else's."""
    place = like.thirteen[5:7]
    return Nir(f"{like.thirteen[:3]}{month}{place}{material.commune(like, rng)}{material.order(place, rng)}")


def _family(printed: str) -> str:
    return printed.rpartition(" ")[0] or printed


def _given(printed: str) -> str:
    return printed.rpartition(" ")[2]


def _year(member: Member) -> int:
    return int(member.identities[0].birth_date[:4])


def _kind(member: Member) -> str:
    """Sex for whoever holds the number; for others the number says nothing of it."""
    identity = member.identities[0]
    return identity.nir.thirteen[0] if identity.nir.thirteen[1:3] == identity.birth_date[2:4] else "child"


def _chosen(values: Sequence[T], rng: Rng) -> T:
    return values[below(len(values), rng)]


def _trap(
    model: Member, numbers: dict[Nir, Nir], dates: dict[BirthDate, BirthDate], family: str, material: Material, rng: Rng
) -> Trap:  # fmt: skip
    printed = f"{family} {material.given(model, rng)}"
    identities = tuple(
        PersonIdentity(
            name=NormalisedName.of(printed), birth_date=dates[identity.birth_date], nir=numbers[identity.nir],
            rank=identity.rank,
        )
        for identity in model.identities
    )  # fmt: skip
    member = replace(
        model, member_id=resembling(model.member_id, rng), printed_name=printed, identities=identities
    )  # fmt: skip
    return Trap(member=member, model=model.member_id)
