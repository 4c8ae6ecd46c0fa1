"""Volume alarms on a professional's days, and what each verifier's counts make of a day."""

from __future__ import annotations

import random

from paravent.watch.budget import Budget
from paravent.watch.judging import HUB_SIGNS, KEY_SERVER_SIGNS, Detectors
from paravent.watch.volumes import BASELINE_DAYS_MIN, baseline_test, judge_counts, judge_volume, volume_test
from paravent.wire.alarm import AlarmSubject, Sign

TODAY = 20_500


def history(rng: random.Random, added: int, since: int) -> dict[int, int]:
    """Sixty days of about 12 look-ups, and what a thief adds in the last ones."""
    days = range(TODAY - 59, TODAY + 1)
    usual = {day: sum(rng.random() < 0.1 for _ in range(120)) for day in days}
    return {day: count + (added if day > TODAY - since else 0) for day, count in usual.items()}


def test_who_adds_a_dozen_a_day_is_found_within_days_and_nobody_else() -> None:
    rng = random.Random(9)
    assert [judge_volume(history(rng, 0, 0), TODAY, Budget()) for _ in range(200)] == [None] * 200
    alarm = judge_volume(history(rng, 12, 5), TODAY, Budget())
    assert alarm is not None
    assert TODAY - 5 < alarm.day <= TODAY


def test_the_baseline_counts_with_what_is_not_known_of_it() -> None:
    # A baseline of few days that came out low would alarm in turn at thousands of professionals.
    days = [12, 9, 15, 11, 13, 12] * 10
    few, many = (baseline_test(days[:count], Budget()) for count in (28, 60))
    assert few.reference >= many.reference
    known = volume_test(12, 1, Budget())
    assert many.reference > known.reference
    assert judge_counts([12] * 27 + [500], TODAY, Budget()) is None
    found = judge_counts([*days, 60], TODAY, Budget())
    assert found is not None
    assert (found.day, found.count) == (TODAY, 60)


def test_a_professional_without_a_baseline_is_not_judged() -> None:
    assert judge_volume({TODAY - day: 500 for day in range(BASELINE_DAYS_MIN)}, TODAY, Budget()) is None
    assert judge_volume({}, TODAY, Budget()) is None


def test_who_goes_on_after_an_alarm_alarms_again() -> None:
    days = history(random.Random(9), 30, 6)
    found = {judge_volume({at: count for at, count in days.items() if at <= day}, day, Budget())
             for day in range(TODAY - 5, TODAY + 1)}  # fmt: skip
    assert len({one.day for one in found if one is not None}) >= 3


def test_a_hub_judges_unclaimed_openings_once_their_day_is_over() -> None:
    hub = Detectors.of(HUB_SIGNS, 12.0, 13_000)
    usual = {"lookup": 12, "row": 12, "claim": 9}
    past = dict.fromkeys(range(TODAY - 60, TODAY), usual)
    unclaimed = {"lookup": 20, "row": 20, "claim": 0}
    assert hub.judge("p", past | {TODAY: unclaimed}, (0, 0), TODAY) == []
    (found,) = hub.judge("p", past | {TODAY: unclaimed}, (0, 0), TODAY + 1)
    assert (found.sign, found.day, found.observed) == (Sign.OPENINGS_WITHOUT_CLAIMS, TODAY, 20)


def test_claims_that_follow_openings_by_days_are_no_sign() -> None:
    hub, rng = Detectors.of(HUB_SIGNS, 12.0, 13_000), random.Random(8)
    counts = {
        day: {"lookup": (rows := 6 + rng.randrange(12)), "row": rows, "claim": rng.randrange(12)}
        for day in range(TODAY - 80, TODAY + 1)
    }
    assert [found for day in range(TODAY - 30, TODAY) for found in hub.judge("p", counts, (0, 0), day)] == []


def test_each_verifier_judges_what_it_counts() -> None:
    counts = {day: {"lookup": 12, "opening": 12} for day in range(TODAY - 60, TODAY)}
    server = Detectors.of(KEY_SERVER_SIGNS, 12.0, 13_000)
    today = counts | {TODAY: {"lookup": 60, "opening": 3, "closed-hours": 50, "new-device": 4}}
    signs = {found.sign for found in server.judge("p", today, (40, 0), TODAY)}
    assert signs == {Sign.VOLUME, Sign.EVALUATIONS_WITHOUT_OPENINGS, Sign.CLOSED_HOURS, Sign.NEW_DEVICES}
    hub = Detectors.of(HUB_SIGNS, 12.0, 13_000)
    (found,) = [one for one in hub.judge("p", {}, (9, 0), TODAY) if one.sign is Sign.UNKNOWN_PERSONS]
    assert (found.observed, found.whole) == (9, 9)


def test_the_sequential_test_waits_for_its_alarm_to_be_taken() -> None:
    hub, tried = Detectors.of(HUB_SIGNS, 12.0, 13_000), (0, 0)
    for _ in range(9):
        tried = hub.tried(tried, unknown=True)
    assert hub.tried(tried, unknown=False) == tried == (9, 0)


def test_a_fleet_day_needs_a_past_and_names_no_professional() -> None:
    hub, rng = Detectors.of(HUB_SIGNS, 12.0, 1_000), random.Random(4)
    past = [sum(rng.random() < 0.05 for _ in range(1_000)) for _ in range(60)]
    found = hub.judge_fleet(TODAY, 140, 1_000, past)
    assert found is not None
    assert (found.sign, found.kind, found.subject) == (Sign.FLEET, AlarmSubject.FLEET, "fleet")
    assert hub.judge_fleet(TODAY, 140, 1_000, past[:5]) is None
    assert hub.above([(120, 1_440, 10, 40), (120, 1_440, 10, 13), (0, 0, 0, 40)]) == 1


def test_a_flood_is_one_number_a_minute_against_the_minutes_before() -> None:
    hub, rng = Detectors.of(HUB_SIGNS, 12.0, 13_000), random.Random(5)
    past = [200 + rng.randrange(80) for _ in range(300)]
    assert hub.judge_minute("hub", 340, past, TODAY) is None
    found = hub.judge_minute("hub", 2_000, past, TODAY)
    assert found is not None
    assert (found.sign, found.kind, found.observed) == (Sign.REQUEST_FLOOD, AlarmSubject.VERIFIER, 2_000)
    # Nothing is said of a verifier that has just started, nor of one that has a hundred requests for once.
    assert hub.judge_minute("hub", 2_000, past[:20], TODAY) is None
    assert hub.judge_minute("hub", 100, [1] * 300, TODAY) is None
    # Large counts are counted in units: the judgement is the same.
    assert hub.judge_minute("hub", 200_000, [100 * count for count in past], TODAY) is not None
    assert hub.judge_minute("hub", 24_000, [100 * count for count in past], TODAY) is None
