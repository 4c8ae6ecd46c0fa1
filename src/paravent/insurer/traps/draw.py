"""A draw of traps from a portfolio: models, households of nobody, distances, false alarms (protocol.md 9.15): pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.crypto.group import Rng
from paravent.errors import InvalidIdentity, InvalidMemberFile
from paravent.insurer.leak.delivery import below
from paravent.insurer.members import Member
from paravent.insurer.traps.drawing import Material, Trap, drawn_household
from paravent.insurer.traps.false_alarms import SLIPS_MIN, Distances, Typing
from paravent.insurer.traps.households import Reading, around, sampled

_MATERIAL_LINES = 20_000
# Households are taken whole and by lot, and some of those drawn are too near somebody: more are drawn than are wanted.
_SEEDS_PER_TRAP = 4
_TRIES_PER_HOUSEHOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Traps, and what is computed of them; ``real_probability`` is that one of them is somebody's number."""

    traps: tuple[Trap, ...]
    persons: int
    too_near: int
    slips_min: int
    real_probability: float
    false_alarms_a_year: float

    def __repr__(self) -> str:
        return "Drawn(REDACTED)"


def draw(reading: Reading, persons: int, typing: Typing, rng: Rng) -> Drawn:
    """Draws whole households of traps until there are that many persons; raises InvalidMemberFile when it cannot."""
    lines = sampled(reading, max(_MATERIAL_LINES, _SEEDS_PER_TRAP * persons), rng)
    if not lines:
        raise InvalidMemberFile("traps are drawn like members, and there are none")
    households = _candidates(lines, reading, persons, rng)
    distances = Distances(traps=[trap for household in households for trap in household])
    distances.read(reading())
    usable = [
        household for household in households
        if not any(trap.member.member_id in distances.too_near for trap in household)
    ]  # fmt: skip
    chosen: list[Trap] = []
    for household in usable:
        if len(chosen) >= persons:
            break
        chosen += household
    if len(chosen) < persons:
        raise InvalidMemberFile("too few numbers were far enough from every member: draw fewer traps")
    if not all(identity.nir.is_synthetic for trap in chosen for identity in trap.member.identities):
        raise InvalidMemberFile("a number was drawn that a register may have: nothing was kept")
    return Drawn(
        traps=tuple(chosen), persons=distances.persons, too_near=len(distances.too_near), slips_min=SLIPS_MIN,
        real_probability=0.0, false_alarms_a_year=distances.expected_a_year(chosen, typing),
    )  # fmt: skip


def _candidates(lines: Sequence[Member], reading: Reading, persons: int, rng: Rng) -> list[list[Trap]]:
    """Draws households, each as likely as another whatever its size, and none twice."""
    seeds = [lines[below(len(lines), rng)] for _ in range(_SEEDS_PER_TRAP * persons)]
    material = Material(lines)
    found: list[list[Trap]] = []
    ids: set[str] = set()
    models = around(seeds, reading)
    of = {member.member_id: household for household in models for member in household}
    taken: set[str] = set()
    for seed in seeds:
        household = of[seed.member_id]
        if seed.member_id in taken:
            continue
        # A line finds its household as often as it has lines: it is kept once in so many times.
        if below(sum(len(member.identities) for member in household), rng):
            continue
        drawn = _drawn(household, material, ids, rng)
        ids |= {trap.member.member_id for trap in drawn}
        taken |= {member.member_id for member in household}
        found.append(drawn)
    return found


def _drawn(household: Sequence[Member], material: Material, ids: set[str], rng: Rng) -> list[Trap]:
    for _ in range(_TRIES_PER_HOUSEHOLD):
        try:
            drawn = drawn_household(household, material, rng)
        except InvalidIdentity:
            continue
        names = [trap.member.member_id for trap in drawn]
        if len(set(names)) == len(names) and not ids & set(names):
            return drawn
    raise InvalidMemberFile("no household of nobody could be drawn like one of the members: draw again")
