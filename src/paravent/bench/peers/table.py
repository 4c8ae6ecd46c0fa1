"""``paravent bench --peers``: what a user would pick instead, beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from paravent.bench.measures import Measure, Sizes, asking
from paravent.bench.peers.eligibility import eligibility
from paravent.bench.peers.figures import PeerFigures
from paravent.bench.peers.membership import membership
from paravent.drill import members
from paravent.drill.platform import INSURERS
from paravent.drill.population import synthesise

_SEED = 11
_QUICK_PERSONS, _PERSONS = 2_000, 20_000


def _rows(folder: Path, sizes: Sizes) -> Iterator[PeerFigures]:
    persons = _QUICK_PERSONS if sizes.quick else _PERSONS
    population = synthesise(persons, list(INSURERS), _SEED, datetime.now(UTC).year)
    yield from eligibility(folder, population)
    inputs = [
        members.lookup_of(cover.insurer, 1, members.identity_of(person, cover))
        for person in population.persons for cover in person.coverages
    ]  # fmt: skip
    yield from membership(inputs)


MEASURE = Measure(
    name="peers", rows=_rows,
    asked_by=asking("--peers", "Measure instead what a user would pick instead, on the same work."),
)  # fmt: skip
