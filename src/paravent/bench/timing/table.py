"""Every primitive whose time could tell a secret, and the controls that have to be found out."""

from __future__ import annotations

import random

from paravent.bench.timing.controls import leaky_comparisons
from paravent.bench.timing.curve import curve_primitives
from paravent.bench.timing.macs import mac_primitives, person_primitives
from paravent.bench.timing.measure import Primitive
from paravent.bench.timing.sealed import sealed_primitives

SEED = 9


def primitives() -> list[Primitive]:
    """Lists them, controls first: a run that cannot find those out ends in vain, and shows it early."""
    dice = random.Random(SEED)
    return [
        *leaky_comparisons(), *curve_primitives(dice), *sealed_primitives(dice), *mac_primitives(dice),
        *person_primitives(dice),
    ]  # fmt: skip
