"""A small portfolio that changes over a year, and a history of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time
from pathlib import Path

from paravent.drill.members import identity_of
from paravent.drill.population import SyntheticPerson, synthesise
from paravent.insurer.leak.store import History
from paravent.insurer.members import Member

AMC = "99000001"
JANUARY, APRIL, JULY, OCTOBER = (
    int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) for month in (1, 4, 7, 10)
)  # fmt: skip
DAY = 86_400


def portfolio(persons: int, *, seed: int = 1, moved: int = 0) -> list[Member]:
    """Makes the members of one insurer; ``moved`` months of terms later, nine in ten have other terms."""
    population = synthesise(persons, [AMC], seed, 2026)
    dice = random.Random(seed)
    return [_member(person, moved if dice.random() < 0.9 else 0) for person in population.persons]


def _member(person: SyntheticPerson, moved: int) -> Member:
    year, month = divmod(person.free_from - 100 + moved - 1 + 100, 100)
    free = person.free_from if not moved else year * 100 + (month % 12) + 1
    return Member(
        member_id=person.member_id, printed_name=person.name, guarantee=person.guarantee, free_from=free,
        renewal_months=person.renewal_months,
        identities=tuple(identity_of(person, cover) for cover in person.coverages),
        valid_from=int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        valid_until=int(datetime.combine(datetime(2027, 12, 31, tzinfo=UTC), time.max, UTC).timestamp()),
    )  # fmt: skip


def seeded(seed: int):  # type: ignore[no-untyped-def] # noqa: ANN201 - a source of bytes for a test
    """Returns a source of bytes that follows a seed."""
    return random.Random(seed).randbytes


def history(home: Path) -> History:
    """Opens a history with three publications: January, April (others' terms), July (terms of January again, fewer)."""
    opened = History(home, seeded(9))
    opened.record(portfolio(300), JANUARY)
    opened.record(portfolio(300, moved=3), APRIL)
    opened.record(portfolio(300, moved=5)[:250], JULY)
    return opened
