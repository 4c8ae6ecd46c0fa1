"""A file in clear that leaves the insurer, with marks of its recipient's own (docs/leak-matcher.md): pure.

A mark is a person who does not exist, under a number that can belong to nobody (commune 991 to 999), with the terms
of somebody who does. Who finds one in a leak knows from whom the file came.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

from paravent.crypto.group import Rng
from paravent.errors import InvalidMemberFile
from paravent.insurer.leak.clues import day_of
from paravent.insurer.leak.ordering import place_of
from paravent.insurer.members import COLUMNS, Member
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir

MARKS_MAX = 10_000
_DEPARTEMENTS = ("13", "31", "33", "35", "44", "59", "67", "69", "75", "92")


def drawn_marks(members: Sequence[Member], count: int, rng: Rng) -> list[Member]:
    """Draws persons who do not exist; raises InvalidMemberFile when there is nobody to take terms from."""
    if not members or not 0 <= count <= MARKS_MAX:
        raise InvalidMemberFile(f"a file that leaves has members, and at most {MARKS_MAX} marks")
    return [_mark(members, rng) for _ in range(count)]


def _mark(members: Sequence[Member], rng: Rng) -> Member:
    like = members[below(len(members), rng)]
    family = str(members[below(len(members), rng)].identities[0].name)
    given = str(like.identities[0].name)
    year, month, day = 1940 + below(65, rng), 1 + below(12, rng), 1 + below(28, rng)
    stem = f"{1 + below(2, rng)}{year % 100:02d}{month:02d}{_DEPARTEMENTS[below(len(_DEPARTEMENTS), rng)]}"
    identity = PersonIdentity(
        name=NormalisedName((family[: max(3, len(family) // 2)] + given[len(given) // 2 :])[:40]),
        birth_date=BirthDate(f"{year}{month:02d}{day:02d}"),
        nir=Nir(f"{stem}{991 + below(9, rng)}{1 + below(999, rng):03d}"),
    )  # fmt: skip
    return replace(like, member_id=resembling(like.member_id, rng), identities=(identity,))


def resembling(member: str, rng: Rng) -> str:
    """Writes a member number of the same shape: digits are drawn, the rest stays."""
    return "".join(str(below(10, rng)) if character.isdigit() else character for character in member)


def written(members: Sequence[Member], marks: Sequence[Member], seed: bytes) -> str:
    """Writes a file in clear, members and marks in the order that the seed of the delivery gives them."""
    ordered = sorted([*members, *marks], key=lambda member: place_of(seed, member.member_id))
    lines = [line for member in ordered for line in _lines(member)]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    return text.getvalue()


def _lines(member: Member) -> Iterator[tuple[str, ...]]:
    for identity in member.identities:
        yield (
            member.member_id, str(identity.name), str(identity.birth_date), identity.nir.thirteen + identity.nir.key,
            str(identity.rank), member.guarantee, _dashed(member.valid_from), _dashed(member.valid_until),
            str(member.free_from), str(member.renewal_months),
        )  # fmt: skip


def _dashed(instant: int) -> str:
    day = day_of(instant)
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def below(limit: int, rng: Rng) -> int:
    """Draws a number below a limit; 8 bytes make the bias of the remainder immaterial."""
    return int.from_bytes(rng(8), "big") % limit
