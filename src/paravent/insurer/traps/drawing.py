"""Drawing trap persons: whole households of nobody, made like a household of members (docs/protocol.md 9.15): pure.

Each trap has a *model*, a member: its terms are those of the model, today and in every later publication. The number is
of a commune that no register has (991 to 999; ``Nir.is_synthetic``): it can belong to nobody, here or elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from paravent.crypto.group import Rng
from paravent.errors import InvalidIdentity
from paravent.insurer.leak.delivery import below, resembling
from paravent.insurer.members import Member
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir

_TRIES = 50
_LAST_DAYS = {"02": 28, "04": 30, "06": 30, "09": 30, "11": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A trap person with all its identities, and the member whose terms it follows."""

    member: Member
    model: str

    def __repr__(self) -> str:
        return "Trap(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Lines of members, from which names, days, places and order numbers are taken, each apart."""

    lines: Sequence[Member]

    def __repr__(self) -> str:
        return "Material(REDACTED)"

    def any(self, rng: Rng) -> Member:
        """Takes one line."""
        return self.lines[below(len(self.lines), rng)]

    def of_place(self, departement: str, rng: Rng) -> Nir:
        """Takes the number of somebody born in the département, of anybody when there is none."""
        for _ in range(_TRIES):
            nir = self.any(rng).identities[0].nir
            if nir.thirteen[5:7] == departement:
                return nir
        return self.any(rng).identities[0].nir


def drawn_household(models: Sequence[Member], material: Material, rng: Rng) -> list[Trap]:
    """Draws a household of nobody like one of members."""
    numbers = {nir: _number(nir, material, rng) for nir in _numbers(models)}
    days = _days(models, material, rng)
    family = _family(material.any(rng).printed_name)
    return [_trap(model, numbers, days, family, material, rng) for model in models]


def _numbers(models: Sequence[Member]) -> list[Nir]:
    return list(dict.fromkeys(identity.nir for model in models for identity in model.identities))


def _number(like: Nir, material: Material, rng: Rng) -> Nir:
    """Sex, year, month and département are the model's; the order number somebody else's of that département."""
    head, place = like.thirteen[:5], like.thirteen[5:7]
    order = material.of_place(place, rng).thirteen[10:]
    commune = material.of_place(place, rng) if like.is_synthetic else None
    while True:
        if commune is not None and commune.is_synthetic and commune.thirteen[5:7] == place:
            found = Nir(f"{head}{place}{commune.thirteen[7:10]}{order}")
        else:
            # Overseas, the first of the three belongs to the département.
            third = like.thirteen[7] if place in {"97", "98"} else "9"
            found = Nir(f"{head}{place}{third}9{1 + below(9, rng)}{order}")
        if found != like:
            return found
        order = f"{1 + int(order) % 999:03d}"


def _days(models: Sequence[Member], material: Material, rng: Rng) -> dict[BirthDate, BirthDate]:
    """Moves each birth date within its month to the day of somebody else's; two that differ still do."""
    found: dict[BirthDate, BirthDate] = {}
    for date in dict.fromkeys(identity.birth_date for model in models for identity in model.identities):
        moved = date
        for _ in range(_TRIES):
            moved = _moved(date, material.any(rng).identities[0].birth_date)
            if moved not in found.values():
                break
        found[date] = moved
    if len(set(found.values())) < len(found):
        raise InvalidIdentity("no birth dates were found for a household: draw again")
    return found


def _moved(date: BirthDate, other: BirthDate) -> BirthDate:
    """A fictitious day stays; a day that the month does not have becomes its last."""
    if "00" in {date[6:], other[6:]}:
        return date
    return BirthDate(f"{date[:6]}{min(int(other[6:]), _LAST_DAYS.get(date[4:6], 31)):02d}")


def _family(printed: str) -> str:
    return printed.rpartition(" ")[0] or printed


def _given(model: Member, material: Material, rng: Rng) -> str:
    """Takes the given name of somebody of the same sex, for a holder; for a child, of another child."""
    for _ in range(_TRIES):
        other = material.any(rng)
        if _kind(other) == _kind(model):
            return other.printed_name.rpartition(" ")[2]
    return model.printed_name.rpartition(" ")[2]


def _kind(member: Member) -> str:
    """Sex for whoever holds the number; for others the number says nothing of it."""
    identity = member.identities[0]
    own = identity.nir.thirteen[1:3] == identity.birth_date[2:4]
    return identity.nir.thirteen[0] if own else "child"


def _trap(
    model: Member, numbers: dict[Nir, Nir], days: dict[BirthDate, BirthDate], family: str, material: Material, rng: Rng
) -> Trap:  # fmt: skip
    printed = f"{family} {_given(model, material, rng)}"
    identities = tuple(
        PersonIdentity(
            name=NormalisedName.of(printed), birth_date=days[identity.birth_date], nir=numbers[identity.nir],
            rank=identity.rank,
        )
        for identity in model.identities
    )  # fmt: skip
    member = replace(
        model, member_id=resembling(model.member_id, rng), printed_name=printed, identities=identities
    )  # fmt: skip
    return Trap(member=member, model=model.member_id)
