"""Telling traps from members: the measure is exact, the methods find what there is to find, and traps are not found."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from paravent.crypto.entitlement import NULLIFIER_BYTES, SERIAL_BYTES, HubPart
from paravent.crypto.sealing import HANDLE_BYTES, STORED_BYTES, Handle, Row
from paravent.drill.discovery.classifier import Scorer, logistic, naive_bayes
from paravent.drill.discovery.curve import area, chance
from paravent.drill.discovery.features import Seen, features_of, households
from paravent.drill.discovery.learning import learn
from paravent.drill.discovery.uniform import uniform
from paravent.drill.platform import INSURERS
from paravent.drill.population import LeakedLine, synthesise, write_member_file
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Line, Member
from paravent.insurer.traps.draw import draw
from paravent.insurer.traps.false_alarms import read_typing

AMC = next(iter(INSURERS))
TYPING = Path(__file__).parents[3] / "src" / "paravent" / "insurer" / "data" / "typing.toml"
Fit = Callable[[Sequence[Sequence[float]], Sequence[bool]], Scorer]


@pytest.mark.parametrize(
    "kinds", [kinds for size in (2, 3, 4) for kinds in itertools.product((False, True), repeat=size)]
)
def test_the_area_is_the_part_of_pairs_in_order(kinds: tuple[bool, ...]) -> None:
    for scores in itertools.product((1.0, 2.0, 3.0), repeat=len(kinds)):
        ones = [score for score, one in zip(scores, kinds, strict=True) if one]
        others = [score for score, one in zip(scores, kinds, strict=True) if not one]
        if not ones or not others:
            with pytest.raises(ValueError, match="two kinds"):
                area(scores, kinds)
            continue
        pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in ones for b in others]
        assert area(scores, kinds) == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize("fit", [logistic, naive_bayes])
def test_each_method_finds_what_there_is_to_find(fit: Fit) -> None:
    dice = random.Random(1)
    kinds = [dice.random() < 0.3 for _ in range(600)]
    examples = [[dice.gauss(2 * one, 1), dice.gauss(0, 1), 1.0] for one in kinds]
    scorer = fit(examples[:300], kinds[:300])
    scores = [scorer(example) for example in examples[300:]]
    low, high = chance(scores, range(300), kinds[300:], dice)
    assert low < 0.5 < high < 0.6
    assert area(scores, kinds[300:]) > 0.85
    blind = fit([example[1:] for example in examples[:300]], kinds[:300])
    assert low - 0.05 < area([blind(example[1:]) for example in examples[300:]], kinds[300:]) < high + 0.05


def seen(member: Member, dice: random.Random) -> Iterator[Seen]:
    """What a thief with t servers reads of a member, were the rows as they are at the hub."""
    right = dice.randbytes(NULLIFIER_BYTES), dice.randrange(2_048)
    for one in member.identities:
        yield Seen(
            line=LeakedLine(
                nir=one.nir.thirteen, birth_date=str(one.birth_date), rank=one.rank, name=member.printed_name
            ),
            row=Row(
                insurer=AMC, epoch=2, batch=1, handle=Handle(dice.randbytes(HANDLE_BYTES)), stored=bytes(STORED_BYTES)
            ),
            part=HubPart(
                insurer=AMC, serial=dice.randbytes(SERIAL_BYTES), valid_from=member.valid_from,
                valid_until=member.valid_until, guarantee=member.guarantee, free_from=member.free_from,
                renewal_months=member.renewal_months, nullifier=right[0], status_index=right[1], desk_digest=bytes(32),
            ),
            changed=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Seen], list[Seen]]:
    """Members and traps, always the same: the draw has its bytes from a seed."""
    path, dice = tmp_path_factory.mktemp("members") / "members.csv", random.Random(2)
    write_member_file(path, synthesise(1_200, list(INSURERS), 4, 2026), AMC)
    file = MemberFile(path=path, amc=AMC, synthetic=True)
    members = [line.member for line in file.lines() if isinstance(line, Line)]
    drawn = draw(lambda: iter(members), 60, read_typing(TYPING.read_bytes()), dice.randbytes)
    return (
        [one for member in members for one in seen(member, dice)],
        [one for trap in drawn.traps for one in seen(trap.member, dice)],
    )


def test_traps_are_not_found_and_those_drawn_uniformly_are(portfolio: tuple[list[Seen], list[Seen]]) -> None:
    members, traps = portfolio
    found = learn([*members, *traps], {one.line for one in traps}, 3)
    assert found.at_chance, found.areas
    control = uniform(members, len(traps), random.Random(4))
    told = learn([*members, *control], {one.line for one in control}, 3)
    assert not told.at_chance
    assert told.best > 0.95


def test_rows_that_came_later_are_told_by_their_batch(portfolio: tuple[list[Seen], list[Seen]]) -> None:
    members, traps = portfolio
    later = [
        Seen(line=one.line, part=one.part, changed=True,
             row=Row(insurer=AMC, epoch=2, batch=2, handle=one.row.handle, stored=one.row.stored))
        for one in traps
    ]  # fmt: skip
    assert learn([*members, *later], {one.line for one in later}, 3).best > 0.95


def test_a_household_is_on_one_side_only(portfolio: tuple[list[Seen], list[Seen]]) -> None:
    members, traps = portfolio
    lines = [one.line for one in [*members, *traps]]
    house = households(lines)
    for line in lines:
        assert {house[other] for other in lines if other.nir == line.nir} == {house[line]}
    widths = {len(features) for features in features_of(members)}
    assert len(widths) == 1
