"""A detector's alarm opens a case from which exposure is computed with nothing typed, by the case's own rules."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from tests.unit.breach.conftest import Case

from paravent.access.quotas import QuotaLimits
from paravent.breach import exposure
from paravent.breach.case import measure
from paravent.breach.cli import group
from paravent.breach.entries import Artefact, Category, LootKind, Noted, Opened, Origin, Placed, Stolen
from paravent.breach.exposure import exposures, require_countable
from paravent.breach.opening import SIGNS, ReportedAlarm, add_alarm, open_from_alarm
from paravent.breach.standing import standing
from paravent.breach.store import Store
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import InvalidConfiguration
from paravent.wire.alarm import Alarm, AlarmSubject, Finding, Sign
from paravent.wire.codec import encode
from paravent.wire.statements import sign_statement

DAY = 20_619
PROOF = bytes(range(32))
ALARM = ReportedAlarm(
    verifier="keyserver-1", number=7, sign="volume", professional="899000001", day=DAY, observed=96, usual=11.6,
    raised_at=DAY * 86_400 + 7_200, suspended=True, drill=False, file=b'{"signed":1}',
)  # fmt: skip


def opened(home: Path, alarm: ReportedAlarm) -> tuple[Store, Placed]:
    store = Store(home)
    return store, open_from_alarm(store, alarm, alarm.raised_at + 60, random.Random(1).randbytes)


def test_an_alarm_opens_a_case_with_its_window_and_its_evidence(tmp_path: Path) -> None:
    store, placed = opened(tmp_path, ALARM)
    with store:
        first, *others = [each.entry.said for each in store.entries(placed.entry.case)]
        assert isinstance(first, Opened)
        assert (first.origin, first.aware_at, first.began_at) == (Origin.DETECTOR, ALARM.raised_at, DAY * 86_400)
        assert "96, contre 12 d'habitude" in first.facts
        # Nothing that the log commits to names a professional.
        assert "899000001" not in repr(store.entries(placed.entry.case))
        artefact, note, stolen = others
        assert isinstance(artefact, Artefact)
        assert store.file(artefact.sha256) == ALARM.file
        assert isinstance(note, Noted)
        assert note.category is Category.MEASURE_AFTER
        assert isinstance(stolen, Stolen)
        require_countable(stolen)
        assert stolen.kind is LootKind.DEVICE_KEY
        assert stolen.professional is not None
        assert store.private(stolen.professional) == ALARM.professional
        assert (stolen.from_at, stolen.to_at) == (DAY * 86_400, (DAY + 1) * 86_400 - 1)


def test_another_alarm_of_the_same_subject_adds_its_evidence_and_its_day(tmp_path: Path) -> None:
    store, placed = opened(tmp_path, ALARM)
    case = placed.entry.case
    with store:
        add_alarm(store, case, replace(ALARM, number=8, suspended=False), ALARM.raised_at + 120)
        assert sum(isinstance(each.entry.said, Stolen) for each in store.entries(case)) == 1
        add_alarm(store, case, replace(ALARM, number=9, day=DAY + 2, file=b"{}"), ALARM.raised_at + 3 * 86_400)
        others = replace(ALARM, number=10, professional="899000002", day=DAY - 9)
        add_alarm(store, case, others, ALARM.raised_at)
        found = [each.entry.said for each in standing(store.entries(case))]
        assert sum(isinstance(one, Artefact) for one in found) == 4
        (stolen,) = [one for one in found if isinstance(one, Stolen)]
        assert (stolen.from_at, stolen.to_at) == (DAY * 86_400, (DAY + 3) * 86_400 - 1)


def test_a_signed_alarm_opens_a_case_with_nothing_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = SimulatedPlatform.build(tmp_path / "platform", Shape(persons=6), 4)
    monkeypatch.setattr("paravent.breach.case_cli.directory_of", lambda _: platform.directory)
    finding = Finding(
        sign=Sign.VOLUME, kind=AlarmSubject.PROFESSIONAL, subject="899000001", day=DAY, observed=96, whole=96,
        usual="11.6", statistic="40", limit="20",
    )  # fmt: skip
    said = Alarm(
        verifier="hub", number=1, raised_at=DAY * 86_400 + 7_200, finding=finding, budget=12, suspended=True,
        drill=False,
    )  # fmt: skip
    stranger = SigningKey.generate(random.Random(2).randbytes)
    true, forged = (
        encode(sign_statement(said, Label.ALARM, "hub", key)) for key in (platform.hub.identity.signing_key, stranger)
    )
    file = tmp_path / "alarm.json"
    for content, code, new in ((forged, 1, None), (true, 0, True), (true, 0, False)):
        file.write_bytes(content)
        command = ["open", "--from-alarm", str(file), "--home", str(tmp_path / "desk"), "--json"]
        done = CliRunner().invoke(group, command)
        assert done.exit_code == code, done.output
        if new is not None:
            values = json.loads(done.stdout.splitlines()[-1])
            assert values["opened"] is new
    with Store(tmp_path / "desk") as store:
        (case,) = store.cases()
        found = [each.entry.said for each in store.entries(case)]
    assert {Opened, Artefact, Noted, Stolen} == {type(one) for one in found}
    nothing = CliRunner().invoke(group, ["open", "--title", "t", "--home", str(tmp_path / "desk")])
    assert nothing.exit_code == 1
    assert "--from-alarm" in nothing.output
    platform.close()


def test_what_was_erased_is_counted_no_more_and_said(tmp_path: Path) -> None:
    store, placed = opened(tmp_path, ALARM)
    platform = SimulatedPlatform.build(tmp_path / "platform", Shape(persons=6), 4)
    with store:
        (stolen,) = [one for each in store.entries(placed.entry.case) if isinstance(one := each.entry.said, Stolen)]
        assert measure(store, placed.entry.case, platform.directory, ALARM.raised_at).professionals
        store.erase_private(stolen.professional or b"")
        with pytest.raises(InvalidConfiguration, match="erased"):
            measure(store, placed.entry.case, platform.directory, ALARM.raised_at)
    platform.close()


def test_each_sign_has_words_for_whoever_has_never_seen_a_detector() -> None:
    assert SIGNS.keys() == {sign.value for sign in Sign}


@pytest.mark.parametrize(("change", "origin"), [({"drill": True}, Origin.DRILL), ({"sign": "new"}, Origin.DETECTOR)])
def test_an_exercise_and_an_unknown_sign_open_a_case_as_well(
    tmp_path: Path, change: dict[str, Any], origin: Origin
) -> None:
    store, placed = opened(tmp_path, replace(ALARM, professional=None, suspended=False, **change))
    with store:
        said = [each.entry.said for each in store.entries(placed.entry.case)]
        assert len(said) == 2
        assert isinstance(said[0], Opened)
        assert said[0].origin is origin


def test_a_stolen_device_is_named_by_its_key_or_by_its_professional(credential: Case) -> None:
    scene, found = credential.scene, credential.played
    placed = credential.store.entries(found.case)
    by_key = next(each for each in placed if isinstance(each.entry.said, Stolen))
    measured = measure(credential.store, found.case, scene.platform.directory, scene.platform.now)
    assert isinstance(by_key.entry.said, Stolen)
    whose = {one.professional for one in measured.openings if one.keyid == by_key.entry.said.keyid}
    assert len(whose) == 1
    said = msgspec.structs.replace(by_key.entry.said, keyid=None, professional=PROOF)
    measured.professionals[PROOF] = whose.pop()
    by_professional = msgspec.structs.replace(by_key, entry=msgspec.structs.replace(by_key.entry, said=said))
    insurers = list(scene.platform.insurers)
    assert exposures([by_professional], measured, insurers, QuotaLimits()) == credential.exposures


CHANGES: dict[str, dict[str, Any]] = {
    "neither key nor professional": {"keyid": None},
    "both": {"professional": bytes(32)},
    "no end": {"to_at": None},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_stolen_device_that_cannot_be_counted_is_refused(name: str) -> None:
    whole = Stolen(kind=LootKind.DEVICE_KEY, keyid="k", from_at=1, to_at=2)
    require_countable(whole)
    less = msgspec.structs.replace(whole, **CHANGES[name])
    with pytest.raises(InvalidConfiguration):
        require_countable(less)
    with pytest.raises(InvalidConfiguration):
        exposure._window(less)
