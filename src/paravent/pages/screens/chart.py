"""Bars whose lengths are computed here and drawn by a template, with their data table beside (RGAA 1.6, 5): pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
"""The length of the longest bar, in units of the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value under its name, and the length that shows it."""

    name: str
    value: float
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A bar chart; the words are those of the page's language."""

    key: str
    title: str
    description: str
    names: str
    values: str
    bars: tuple[Bar, ...]
    logarithmic: bool


def bar_chart(
    key: str, points: Sequence[tuple[str, float]], *, title: str, description: str, names: str, values: str,
    logarithmic: bool = False,
) -> Chart:  # fmt: skip
    """Computes a chart of values that are never negative.

    ``key`` is its identifier in the page; ``names`` and ``values`` head the two columns of its table. On a logarithmic
    scale, which the page says, zero has no length and one has some.
    """
    scaled = [math.log10(1 + value) if logarithmic else value for _, value in points]
    longest = max(scaled, default=0) or 1
    bars = tuple(
        Bar(name=name, value=value, length=round(WIDTH * size / longest))
        for (name, value), size in zip(points, scaled, strict=True)
    )
    return Chart(
        key=key, title=title, description=description, names=names, values=values, bars=bars, logarithmic=logarithmic
    )  # fmt: skip
