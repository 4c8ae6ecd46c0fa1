"""Every primitive whose time could tell a secret, and the controls that have to be found out."""

from __future__ import annotations

import random

from paravent.bench.measures import Measure, asking, counting
from paravent.bench.timing.controls import leaky_comparisons
from paravent.bench.timing.curve import curve_primitives
from paravent.bench.timing.macs import mac_primitives, person_primitives
from paravent.bench.timing.measure import Primitive, measure
from paravent.bench.timing.sealed import sealed_primitives

SEED = 9
SAMPLES, QUICK_SAMPLES = 100_000, 10_000
_SAMPLES = counting("--samples", "Of --timing: measurements of each primitive, in both classes together.", least=1_000)


def primitives() -> list[Primitive]:
    """Lists them, controls first: a run that cannot find those out ends in vain, and shows it early."""
    dice = random.Random(SEED)
    return [
        *leaky_comparisons(), *curve_primitives(dice), *sealed_primitives(dice), *mac_primitives(dice),
        *person_primitives(dice),
    ]  # fmt: skip


MEASURE = Measure(
    name="timing", options=(_SAMPLES,),
    rows=lambda _, sizes: measure(primitives(), sizes.of(_SAMPLES, QUICK_SAMPLES if sizes.quick else SAMPLES), SEED),
    asked_by=asking("--timing", "Test instead whether the time of a primitive tells a secret (Welch's t)."),
)  # fmt: skip
