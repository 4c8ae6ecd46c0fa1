"""The case of a false alarm is closed with its reason: its clocks stop, and nothing that was proved is closed away."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.screens.breach import alarm
from tests.unit.breach.conftest import Case
from tests.unit.breach.test_opening import ALARM, opened

from paravent.breach.alarms import take_alarm
from paravent.breach.closing import closing, require_closable
from paravent.breach.duties import duties
from paravent.breach.duties_store import close_case
from paravent.breach.entries import AnyEvent, Category, Closed, Computed, LootKind, Noted, Opened, Origin, Stolen
from paravent.breach.opening import open_case
from paravent.breach.rules_store import shipped_duties
from paravent.breach.store import Store
from paravent.errors import InvalidConfiguration

INSURERS = ["99000001"]
NOW = ALARM.raised_at + 30 * 86_400
COMPUTED = Computed(
    insurer="99000001", proved=1, estimate=1, upper=1, membership_upper=1, claims_upper=0,
    assumptions=("logged", "answers-lost", "quota"), labels_sha256=bytes(32), inputs=(),
)  # fmt: skip
AGAINST: dict[str, tuple[AnyEvent, str]] = {
    "proved": (COMPUTED, "operator"),
    "stolen": (Stolen(kind=LootKind.DATABASE), "operator"),
    "ransom": (Noted(category=Category.RANSOM_DEMAND, text="…"), "operator"),
    "threat": (Noted(category=Category.PUBLICATION_THREAT, text="…"), "operator"),
}


def closed(home: Path) -> tuple[Store, str]:
    store, placed = opened(home, ALARM)
    close_case(store, placed.entry.case, "L'opticien faisait un inventaire.", role="dpo", now=NOW)
    return store, placed.entry.case


def running(store: Store, case: str) -> int:
    found = duties(shipped_duties(), store.entries(case), INSURERS)
    return sum(duty.next_at is not None for duty in found)


def test_a_closed_case_owes_nothing_and_keeps_what_was_said(tmp_path: Path) -> None:
    store, placed = opened(tmp_path, ALARM)
    case = placed.entry.case
    with store:
        found = duties(shipped_duties(), store.entries(case), INSURERS)
        assert any(duty.late(NOW) for duty in found)
        close_case(store, case, "L'opticien faisait un inventaire.", role="dpo", now=NOW)
        assert running(store, case) == 0
        end = closing(store.entries(case))
        assert end is not None
        assert isinstance(end.entry.said, Closed)
        assert (end.entry.role, end.entry.said.reason) == ("dpo", "L'opticien faisait un inventaire.")
        with pytest.raises(InvalidConfiguration, match="already"):
            require_closable(store.entries(case))


@pytest.mark.parametrize("name", AGAINST)
def test_what_speaks_of_a_breach_is_not_closed_away(tmp_path: Path, name: str) -> None:
    said, role = AGAINST[name]
    store, placed = opened(tmp_path, ALARM)
    case = placed.entry.case
    with store:
        added = store.add(case, said, role=role, now=NOW)
        with pytest.raises(InvalidConfiguration, match="speaks of a breach"):
            close_case(store, case, "Rien.", role="dpo", now=NOW)
        # Corrected, it speaks no more.
        store.add(
            case, Noted(category=Category.FACT, text="Erreur."), role="dpo", now=NOW, supersedes=added.entry.number
        )
        close_case(store, case, "Rien.", role="dpo", now=NOW)


@pytest.mark.parametrize("name", AGAINST)
def test_what_is_learnt_after_a_closing_opens_the_case_again(tmp_path: Path, name: str) -> None:
    store, case = closed(tmp_path)
    with store:
        said, role = AGAINST[name]
        store.add(case, said, role=role, now=NOW + 1)
        assert closing(store.entries(case)) is None
        assert running(store, case) > 0


def test_a_closing_that_was_a_mistake_is_superseded(tmp_path: Path) -> None:
    store, case = closed(tmp_path)
    with store:
        end = closing(store.entries(case))
        assert end is not None
        store.add(
            case, Noted(category=Category.FACT, text="Rouvert."), role="dpo", now=NOW, supersedes=end.entry.number
        )
        assert running(store, case) > 0


def test_a_case_that_a_person_opened_is_not_closed(tmp_path: Path) -> None:
    said = Opened(title="t", facts="f", origin=Origin.HAND, aware_at=NOW, aware_role="dpo")
    with Store(tmp_path) as store:
        case = open_case(store, said, [], NOW).entry.case
        with pytest.raises(InvalidConfiguration, match="a person opened"):
            close_case(store, case, "Rien.", role="dpo", now=NOW)


@pytest.mark.parametrize(("before", "new"), [(False, False), (True, True)])
def test_an_alarm_after_a_closing_opens_another_case(tmp_path: Path, before: bool, new: bool, credential: Case) -> None:
    key = credential.scene.platform.hub.identity.signing_key
    rng = random.Random(1).randbytes
    take: Callable[[Store, int], tuple[str, bool]] = lambda store, number: take_alarm(  # noqa: E731
        store, *alarm(key, number, NOW + number), NOW + number, rng
    )
    with Store(tmp_path) as store:
        first, _ = take(store, 1)
        if before:
            close_case(store, first, "Rien.", role="dpo", now=NOW + 1)
        second, opened_another = take(store, 2)
        assert (second != first, opened_another) == (new, new)
        assert running(store, second) > 0
