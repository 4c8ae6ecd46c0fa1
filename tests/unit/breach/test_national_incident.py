"""A national incident: counted from what every insurer signs, listed exactly; each check with a control."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paravent.access.quotas import QuotaLimits
from paravent.bench.incident import exact, measure_incidents, national_counts
from paravent.breach.case import compute, keep_measure
from paravent.breach.entries import LootKind, Opened, Origin, Stolen
from paravent.breach.exposure import Exposure
from paravent.breach.store import Store
from paravent.drill.cases.attacks import Played
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import ProofFailure
from paravent.wire.codec import encode

PERSONS = 33_000_001
NAMES = {"99000001": "Un", "99000002": "Deux", "99000003": "Trois"}


def test_both_incidents_are_listed_exactly_with_every_document() -> None:
    rows = {row.incident: row for row in measure_incidents(PERSONS, len(NAMES))}
    assert {row.documents for row in rows.values()} == {5 * len(NAMES) + 7}
    assert all(row.exact for row in rows.values())
    assert (rows["stolen-hub"].proved, rows["stolen-hub"].upper) == (0, 0)
    assert 0 < rows["stolen-credential"].proved <= rows["stolen-credential"].upper < PERSONS // 1_000


def test_every_person_is_counted_once_and_a_head_of_another_signer_is_refused(tmp_path: Path) -> None:
    platform = SimulatedPlatform.build(tmp_path, Shape(persons=24, insurers=NAMES), 5)
    store = Store(tmp_path / "breach")
    said = Opened(title="t", facts="f", origin=Origin.DRILL, aware_at=platform.now, aware_role="dpo")
    store.add("2026-001", said, role="dpo", now=platform.now, new=True)
    for server in list(platform.servers.values())[:2]:
        store.add("2026-001", Stolen(kind=LootKind.KEY_SERVER, server=server.name), role="dpo", now=platform.now)
    store.add("2026-001", Stolen(kind=LootKind.DATABASE), role="dpo", now=platform.now)
    counts = national_counts(platform, PERSONS)
    keep_measure(store, "2026-001", "counts", encode(counts), platform.directory, platform.now)
    found = [one for one, _ in compute(store, "2026-001", platform.directory, QuotaLimits(), platform.now)]
    assert sum(one.upper for one in found) == sum(one.estimate for one in found) == PERSONS
    platform.insurers["99000002"].keys = platform.insurers["99000001"].keys
    forged = encode(national_counts(platform, PERSONS))
    with pytest.raises(ProofFailure):
        keep_measure(store, "2026-001", "counts", forged, platform.directory, platform.now)
    platform.close()


def test_one_label_too_few_is_not_exact() -> None:
    labels = (b"one", b"two")
    found = Exposure(
        insurer="99000001", labels=labels, proved=2, estimate=2, upper=9, membership_upper=9, claims_upper=0,
        assumptions=("logged", "answers-lost", "quota"),
    )  # fmt: skip
    played = Played(case="2026-001", truth={"99000001": frozenset(labels)}, opened=2, opened_at=0, shares_at=None)
    assert exact([found], played)
    assert not exact([replace(found, labels=labels[:1])], played)
