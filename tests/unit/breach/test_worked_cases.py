"""The worked cases: what the breach desk computes is what the thief truly learnt; seeded defects turn this red."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.breach.conftest import Case

from paravent.access.quotas import QuotaLimits
from paravent.breach import exposure
from paravent.breach.case import measure
from paravent.breach.entries import Entry, LootKind, Placed, Stolen
from paravent.breach.exposure import exposures
from paravent.breach.standing import standing


def test_a_stolen_credential_is_listed_exactly(credential: Case) -> None:
    found, computed = credential.played, credential.exposures
    assert found.opened == 180  # 3 servers · 40 · 3 days, two servers a person
    assert {one.insurer: frozenset(one.labels) for one in computed} == found.truth
    assert sum(one.proved for one in computed) == found.opened
    for one in computed:
        assert 0 < one.proved == one.estimate <= one.upper <= 180


def test_a_copied_database_opened_nothing(hub: Case) -> None:
    found, computed = hub.played, hub.exposures
    assert found.opened == 0
    assert [(one.proved, one.estimate, one.upper) for one in computed] == [(0, 0, 0)] * 2
    assert {one.assumptions for one in computed} == {("sealed", "sealed", "sealed")}


def test_a_clear_file_is_counted_and_listed_by_its_insurer(file: Case) -> None:
    found, computed = file.played, file.exposures
    hit, other = sorted(computed, key=lambda one: -one.proved)
    assert frozenset(hit.labels) == found.truth[hit.insurer]
    assert hit.proved == hit.estimate == found.opened
    assert (other.proved, other.estimate, other.upper) == (0, 0, 0)


def test_t_servers_and_a_copy_open_everybody(hub: Case) -> None:
    """With shares of t servers the same copy opens every row: the computation says so."""
    attacked, store, found = hub.scene, hub.store, hub.played
    placed = list(store.entries(found.case))
    for number, all_open in ((1, False), (2, True)):
        said = Stolen(kind=LootKind.KEY_SERVER, server=f"keyserver-{number}")
        placed.append(Placed(position=0, entry=Entry(case=found.case, number=0, at=0, role="operator", said=said)))
        measured = measure(store, found.case, attacked.platform.directory, attacked.platform.now)
        computed = exposures(placed, measured, list(attacked.platform.insurers), QuotaLimits())
        counts = [measured.published[one.insurer][1].count for one in computed]
        assert [one.estimate for one in computed] == (counts if all_open else [0, 0])
        assert [one.proved for one in computed] == [0, 0]


def _without_honest_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "_within", lambda *_: True)


def _one_leaf_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "handle_of", lambda _: ("99000001", 1, b"one"))


@pytest.mark.parametrize("defect", [_without_honest_logs, _one_leaf_is_enough])
def test_a_seeded_defect_is_seen(
    defect: Callable[[pytest.MonkeyPatch], None], credential: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene_, store, found, right = credential.scene, credential.store, credential.played, credential.exposures
    measured = measure(store, found.case, scene_.platform.directory, scene_.platform.now)
    stolen = [each for each in standing(store.entries(found.case)) if isinstance(each.entry.said, Stolen)]
    defect(monkeypatch)
    wrong = exposures(stolen, measured, list(scene_.platform.insurers), QuotaLimits())
    assert [(one.labels, one.proved, one.estimate) for one in wrong] != [
        (one.labels, one.proved, one.estimate) for one in right
    ]
