"""Whose sample it is, of which dates, from which recipient: on twenty rows, and against samples that are not ours."""

from __future__ import annotations

import csv
import io
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.leak.persons import APRIL, DAY, JANUARY, JULY, OCTOBER, history, portfolio, seeded

from paravent.insurer.leak import matching
from paravent.insurer.leak.clues import clues_of, day_of
from paravent.insurer.leak.delivery import drawn_marks, written
from paravent.insurer.leak.matching import ALWAYS, Matched, Terms, Verdict, Version, best_interval, match
from paravent.insurer.leak.ordering import hit_probability, order_bits
from paravent.insurer.leak.sample import read_sample
from paravent.insurer.leak.store import History
from paravent.insurer.members import Member

MAY = APRIL + 30 * DAY
BROKERS = {"Courtier Nord": JANUARY + DAY, "Courtier Sud": MAY, "Routage Est": OCTOBER}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[History]:
    (tmp_path / "secrets").mkdir()
    with history(tmp_path) as opened:
        yield opened


def found_in(text: str, kept: History) -> Matched:
    rows = [kept.row(place, clues_of(cells)) for place, cells in enumerate(read_sample(text.encode()).rows)]
    return match(rows, kept.deliveries(), kept.shares(), kept.codes(), kept.seeds())


def leaked(members: Sequence[Member], rows: int, seed: int = 4) -> str:
    """A sample as it is sold: some rows, French dates, no heading, the columns that the thief liked."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    for member in random.Random(seed).sample(list(members), rows):
        one = member.identities[0]
        born = str(one.birth_date)
        writer.writerow(
            (str(one.name), f"{born[6:]}/{born[4:6]}/{born[:4]}", one.nir.thirteen + one.nir.key, member.guarantee,
             day_of(member.valid_until), member.free_from)
        )  # fmt: skip
    return text.getvalue()


def keep_delivery(
    kept: History, recipient: str, at: int, marks: Sequence[Member] = (), guarantee: str = ""
) -> bytes:  # fmt: skip
    """Keeps a delivery; returns the seed of its order."""
    seed: bytes = seeded(len(kept.deliveries()) + 40)(32)
    kept.keep_delivery(
        recipient=recipient, guarantee=guarantee, lines=0, digest=bytes(32), marks=marks, seed=seed, now=at
    )  # fmt: skip
    return seed


def test_twenty_rows_say_whose_they_are_and_of_which_dates(kept: History) -> None:
    found = found_in(leaked(portfolio(300, moved=3), 20), kept)
    assert found.verdict is Verdict.OURS
    assert (found.rows, found.identified, found.comparable, found.agreeing, found.explained) == (20, 20, 20, 20, 20)
    assert found.interval == (APRIL, JULY)
    assert found.chance_bits >= matching.CHANCE_BITS_LEAST


def test_the_recipient_is_who_was_given_what_the_rows_say(kept: History) -> None:
    for recipient, at in BROKERS.items():
        kept.keep_delivery(
            recipient=recipient, guarantee="", lines=0, digest=bytes(32), marks=(), seed=bytes(32), now=at
        )
    found = found_in(leaked(portfolio(300, moved=3), 20), kept)
    first, *others = found.suspects
    assert (first.delivery.recipient, first.explained, first.marks) == ("Courtier Sud", 20, 0)
    assert all(other.explained < 10 for other in others)


def test_a_delivery_of_one_guarantee_explains_no_other(kept: History) -> None:
    kept.keep_delivery(
        recipient="Courtier", guarantee="OPT-CONFORT", lines=0, digest=bytes(32), marks=(), seed=bytes(32), now=MAY
    )
    found = found_in(leaked(portfolio(300, moved=3), 40), kept)
    assert found.explained == 40
    assert 0 < found.suspects[0].explained < 40


def test_one_mark_is_enough(kept: History) -> None:
    members, stolen = portfolio(300, moved=3), ""
    for number, (recipient, at) in enumerate(BROKERS.items()):
        marks = drawn_marks(members, 30, seeded(number))
        kept.keep_delivery(
            recipient=recipient, guarantee="", lines=330, digest=bytes(32), marks=marks, seed=seeded(number)(32), now=at
        )
        if recipient == "Courtier Sud":
            stolen = written(members, marks, seeded(5)(32))
    found = found_in(stolen, kept)
    assert (found.suspects[0].delivery.recipient, found.suspects[0].marks) == ("Courtier Sud", 30)
    assert sum(suspect.marks for suspect in found.suspects) == 30
    alone = "\n".join(line for line in stolen.splitlines() if marks_number(line, drawn_marks(members, 30, seeded(1))))
    assert found_in(alone, kept).verdict is Verdict.OURS


def marks_number(line: str, marks: Sequence[Member]) -> bool:
    return any(mark.identities[0].nir.thirteen in line for mark in marks[:1])


# --- the order of the rows ---------------------------------------------------------------------------


def of_one_day(kept: History, members: Sequence[Member]) -> dict[str, list[str]]:
    """Gives three recipients the same members on one day, without marks: nothing but the order differs."""
    return {
        recipient: written(members, (), keep_delivery(kept, recipient, MAY)).splitlines()[1:] for recipient in BROKERS
    }


@pytest.mark.parametrize("recipient", BROKERS)
def test_the_order_of_twenty_rows_names_the_recipient_among_those_of_one_day(kept: History, recipient: str) -> None:
    files = of_one_day(kept, portfolio(300, moved=3))
    for piece in (files[recipient][100:120], files[recipient][::15], files[recipient]):
        found = found_in("\n".join(piece), kept)
        assert found.verdict is Verdict.OURS
        assert [suspect.delivery.recipient for suspect in found.suspects if suspect.ordered] == [recipient]
        assert found.suspects[0].delivery.recipient == recipient
        assert found.suspects[0].false_attribution < 2**-30
        assert all(other.false_attribution > 2**-20 for other in found.suspects[1:])


def test_a_tampered_piece_still_names_its_recipient_and_a_sorted_one_names_none(kept: History) -> None:
    files = of_one_day(kept, portfolio(300, moved=3))
    piece = files["Courtier Sud"][40:100]
    dice = random.Random(3)
    for _ in range(4):  # rows taken out, and put back elsewhere
        piece.insert(dice.randrange(len(piece)), piece.pop(dice.randrange(len(piece))))
    del piece[5:12]
    assert found_in("\n".join(piece), kept).suspects[0].delivery.recipient == "Courtier Sud"
    assert found_in("\n".join(piece), kept).suspects[0].ordered
    assert not any(suspect.ordered for suspect in found_in("\n".join(sorted(piece)), kept).suspects)


@pytest.mark.parametrize("rows", range(1, 7))
def test_the_surprise_of_an_order_is_counted_exactly(rows: int) -> None:
    everything = list(itertools.permutations(range(rows)))
    wrong = [sum(one > other for one, other in itertools.combinations(order, 2)) for order in everything]
    for order, pairs in zip(everything, wrong, strict=True):
        share = sum(other <= pairs for other in wrong) / len(everything)
        assert order_bits([bytes([place]) for place in order]) == pytest.approx(-math.log2(share))


def test_the_probability_of_a_hit_is_that_of_the_design() -> None:
    assert round(hit_probability(500, 0.01), 2) == 0.99
    assert round(hit_probability(3_000, 0.001), 2) == 0.95
    assert round(hit_probability(3_000, 3e-5), 2) == 0.09


def test_the_same_persons_with_the_contracts_of_somebody_else_are_not_ours(kept: History) -> None:
    """An earlier leak of the same people, from another body that uses the same guarantee codes."""
    text = leaked(portfolio(300, moved=3), 60).replace("OPT-CONFORT", "\0")
    turned = text.replace("OPT-ESSENTIEL", "OPT-CONFORT").replace("\0", "OPT-ESSENTIEL")
    found = found_in(turned, kept)
    assert (found.verdict, found.identified, found.agreeing) == (Verdict.NOT_OURS, 60, 0)
    assert found.interval is None


def test_rows_that_say_no_contract_decide_nothing(kept: History) -> None:
    lines = ["{};{}".format(*line.split(";")[:2]) for line in leaked(portfolio(300), 40).splitlines()]
    found = found_in("\n".join(lines), kept)
    assert (found.verdict, found.identified, found.comparable) == (Verdict.UNDECIDED, 40, 0)


def test_strangers_are_nobody_here(kept: History) -> None:
    strangers = portfolio(900, seed=77)[400:]
    found = found_in(leaked(strangers, 50), kept)
    assert found.verdict is not Verdict.OURS
    assert found.agreeing <= found.identified < 10


def test_who_left_is_found_until_then(kept: History) -> None:
    gone = portfolio(300, moved=3)[250:]
    assert found_in(leaked(gone, 20), kept).interval == (APRIL, JULY)


def test_the_current_terms_last_until_now(kept: History) -> None:
    found = found_in(leaked(portfolio(300, moved=5)[:250], 20), kept)
    assert found.interval == (JULY, ALWAYS)


def test_a_history_that_records_no_change_cannot_date_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the dates: a history that never ends a version takes every sample for the last one."""
    (tmp_path / "secrets").mkdir()
    monkeypatch.setattr(matching, "_agrees", lambda *_: True)
    with history(tmp_path) as kept:
        assert found_in(leaked(portfolio(300, moved=3), 20), kept).interval != (APRIL, JULY)


def version(first: int, last: int) -> Version:
    terms = Terms(guarantee="G", valid_from="20260101", valid_to="20271231", free_from=202601)
    return Version(member="M", terms=terms, first=first, last=last)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], (None, 0)),
        ([[version(0, 10)]], ((0, 10), 1)),
        ([[version(0, 10)], [version(5, 20)]], ((5, 10), 2)),
        ([[version(0, 10), version(10, 20)]], ((0, 20), 1)),
        ([[version(0, 10)], [version(10, 20)]], ((0, 20), 1)),
        ([[version(0, 4)], [version(2, 4)], [version(6, 9)], [version(6, 9)]], ((2, 4), 2)),
        ([[version(0, 10), version(0, 10)]], ((0, 10), 1)),
    ],
)
def test_the_best_interval(held: list[list[Version]], expected: tuple[tuple[int, int] | None, int]) -> None:
    assert best_interval(held) == expected


intervals = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda pair: version(pair[0], pair[0] + pair[1]))


@given(st.lists(st.lists(intervals, min_size=1, max_size=3), min_size=1, max_size=8))
def test_no_instant_has_more_rows_than_the_best_interval(held: list[list[Version]]) -> None:
    found, count = best_interval(held)
    assert found is not None
    counts = [sum(any(v.first <= at < v.last for v in row) for row in held) for at in range(41)]
    assert count == max(counts)
    assert all(counts[at] == count for at in range(*found))
