"""A verifier whose database was put back numbers its alarms again: none of them is lost to the breach desk."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from paravent.access.alarms import sign_alarm
from paravent.access.suspension import Verifier
from paravent.breach import alarm_client, alarm_store
from paravent.breach.alarm_client import AlarmClient, Fetched, digest_of
from paravent.breach.alarm_store import known_alarms, take_alarms
from paravent.breach.alarms import Source, read_alarm
from paravent.breach.entries import Artefact
from paravent.breach.store import Store
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import ProofFailure
from paravent.wire.alarm import Alarm, AlarmsAnswer, AlarmsRequest, AlarmSubject, Finding, KeptAlarm, Sign
from paravent.wire.statements import HubEntry, Signed

KEY = SigningKey.generate(os.urandom)
HUB = HubEntry(name="hub", address="http://hub.example", verify_key=KEY.public)
NOW = 1_795_000_000


def signed(number: int, subject: str) -> Signed:
    """Gives an alarm of the hub."""
    found = Finding(
        sign=Sign.VOLUME, kind=AlarmSubject.PROFESSIONAL, subject=subject, day=20_000, observed=1, whole=1, usual="1",
        statistic="1", limit="1",
    )  # fmt: skip
    alarm = Alarm(
        verifier="hub", number=number, raised_at=NOW + number, finding=found, budget=12, suspended=False, drill=False
    )
    return sign_alarm(alarm, Verifier(name="hub", base_url=HUB.address, signing_key=KEY))


class Asked:
    """The hub, with these alarms."""

    def __init__(self, alarms: Sequence[Signed]) -> None:
        self.alarms = alarms

    async def post(self, _at: object, _path: str, asked: AlarmsRequest, _kind: object) -> AlarmsAnswer:
        return AlarmsAnswer(alarms=tuple(KeptAlarm(signed=one, leaf=None) for one in self.alarms[asked.after :][:2]))


def fetched(monkeypatch: pytest.MonkeyPatch, alarms: Sequence[Signed], told: dict[int, set[bytes]]) -> Fetched:
    source = Source(name="hub", key=VerifyKey(KEY.public), at=HUB)
    monkeypatch.setattr(alarm_client, "sources", lambda _: [source])
    client = AlarmClient.__new__(AlarmClient)
    monkeypatch.setattr(client, "_directory", None, raising=False)
    monkeypatch.setattr(client, "_client", Asked(alarms), raising=False)
    (found,) = asyncio.run(client.fetch({"hub": told}))
    return found


def told_of(alarms: Sequence[Signed]) -> dict[int, set[bytes]]:
    return {number: {digest_of(one)} for number, one in enumerate(alarms, start=1)}


def test_what_is_new_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = [signed(number, f"p{number}") for number in range(1, 6)]
    assert [alarm.number for _, alarm in fetched(monkeypatch, alarms, {}).alarms] == [1, 2, 3, 4, 5]
    found = fetched(monkeypatch, alarms, told_of(alarms[:3]))
    assert ([alarm.number for _, alarm in found.alarms], found.error) == ([4, 5], None)
    assert fetched(monkeypatch, alarms, told_of(alarms)).alarms == ()


@pytest.mark.parametrize("kept", [0, 2])
def test_alarms_of_a_database_that_was_put_back_are_taken_and_the_verifier_is_named(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    before = [signed(number, f"p{number}") for number in range(1, 5)]
    after = [*before[:kept], signed(kept + 1, "thief")]
    found = fetched(monkeypatch, after, told_of(before))
    assert [alarm.finding.subject for _, alarm in found.alarms] == ["thief"]
    assert isinstance(found.error, ProofFailure)
    assert found.error.culprit == "hub"
    # Taken, it comes no second time; once its numbers are past those of before, nothing is wrong any more.
    told = told_of(before)
    told[kept + 1].add(digest_of(after[-1]))
    assert fetched(monkeypatch, after, told).alarms == ()
    grown = [*after, *(signed(number, f"q{number}") for number in range(kept + 2, 7))]
    found = fetched(monkeypatch, grown, told)
    assert [alarm.finding.subject for _, alarm in found.alarms] == [f"q{number}" for number in range(kept + 2, 7)]


@pytest.fixture
def of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believes the alarms of the one hub of these tests, whatever the directory."""
    source = Source(name="hub", key=VerifyKey(KEY.public), at=HUB)
    monkeypatch.setattr(alarm_store, "read_any_alarm", lambda one, _: read_alarm(one, source))


def new_alarms(*subjects: str) -> Fetched:
    """The answer of a hub that was put back: the first alarm of each of its lives."""
    source = Source(name="hub", key=VerifyKey(KEY.public), at=HUB)
    one_each = [signed(1, subject) for subject in subjects]
    return Fetched(verifier="hub", alarms=tuple((one, read_alarm(one, source)) for one in one_each))


@pytest.mark.usefixtures("of_the_hub")
def test_both_alarms_of_one_number_are_kept(tmp_path: Path) -> None:
    directory: Any = None  # what reads alarms here does not look into it
    for subject in ("first", "second"):
        take_alarms(tmp_path, directory, [new_alarms(subject)], NOW, os.urandom)
    known = known_alarms(tmp_path, directory)
    assert {number: len(digests) for number, digests in known["hub"].items()} == {1: 2}


@pytest.mark.usefixtures("of_the_hub")
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "control"])
def test_what_two_were_told_at_one_moment_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, locked: bool
) -> None:
    """A timer and the console: the second waits for the first; without the lock, both take the same alarm."""
    directory: Any = None
    both, attempts = threading.Barrier(2), []

    def take(*_: object) -> tuple[str, bool]:
        attempts.append(1)
        with suppress(threading.BrokenBarrierError):
            both.wait(1 if locked else 30)
        return "2026-001", True

    monkeypatch.setattr(alarm_store, "take_alarm", take)
    if not locked:
        monkeypatch.setattr("fcntl.flock", lambda *_: None)
    found = [new_alarms("thief")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: take_alarms(tmp_path, directory, found, NOW, os.urandom), range(2)))
    assert len(attempts) == (1 if locked else 2)


@pytest.mark.usefixtures("of_the_hub")
def test_an_alarm_whose_file_is_gone_is_said_twice_by_its_case(tmp_path: Path) -> None:
    directory: Any = None
    for known in (False, True):
        _, cases = take_alarms(tmp_path, directory, [new_alarms("thief")], NOW, os.urandom)
        assert list(cases.values()) == [not known]
        for path in (tmp_path / "alarms").iterdir():
            path.unlink()
    with Store(tmp_path) as store:
        (case,) = store.cases()
        names = [one.entry.said.name for one in store.entries(case) if isinstance(one.entry.said, Artefact)]
    assert names == ["alarm-hub-1.json"] * 2
