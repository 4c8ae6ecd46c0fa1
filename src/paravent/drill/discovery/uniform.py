"""Traps as they must not be drawn: every field by itself, each value as likely as another: they are found."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from paravent.drill.discovery.features import Seen
from paravent.drill.population import GUARANTEES, LeakedLine


def uniform(seen: Sequence[Seen], count: int, dice: random.Random) -> list[Seen]:
    """Draws records of nobody without looking at members."""
    return [_one(dice.choice(seen), dice) for _ in range(count)]


def _one(like: Seen, dice: random.Random) -> Seen:
    year, month = dice.randint(1930, 2025), dice.randint(1, 12)
    line = LeakedLine(
        nir=f"{dice.randint(1, 2)}{year % 100:02d}{month:02d}{dice.randint(1, 95):02d}{dice.randint(991, 999)}"
        f"{dice.randint(1, 999):03d}",
        birth_date=f"{year}{month:02d}{dice.randint(1, 28):02d}", rank=1,
        name=f"{_letters(dice)} {_letters(dice)}",
    )  # fmt: skip
    part = replace(
        like.part, guarantee=dice.choice(GUARANTEES), renewal_months=dice.choice((6, 12, 24)),
        free_from=(like.part.free_from // 100 + dice.randint(-1, 2)) * 100 + dice.randint(1, 12),
    )  # fmt: skip
    return replace(like, line=line, part=part)


def _letters(dice: random.Random) -> str:
    return "".join(dice.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(dice.randint(4, 9)))
