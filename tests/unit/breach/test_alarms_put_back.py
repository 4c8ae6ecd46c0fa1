"""A verifier whose database was put back numbers its alarms again: none of them is lost to the breach desk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from paravent.access.alarms import sign_alarm
from paravent.access.suspension import Verifier
from paravent.breach import alarm_cli, alarm_client
from paravent.breach.alarm_client import AlarmClient, Fetched, digest_of
from paravent.breach.alarms import Source, read_alarm
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import ProofFailure
from paravent.wire.alarm import Alarm, AlarmsAnswer, AlarmsRequest, AlarmSubject, Finding, KeptAlarm, Sign
from paravent.wire.statements import Directory, HubEntry, Signed

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


def test_both_alarms_of_one_number_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_cli, "take_alarm", lambda *_: ("2026-001", True))
    for subject in ("first", "second"):
        one = signed(1, subject)
        alarm = read_alarm(one, Source(name="hub", key=VerifyKey(KEY.public), at=HUB))
        alarm_cli._taken(tmp_path, [Fetched(verifier="hub", alarms=((one, alarm),))])
    monkeypatch.setattr(alarm_cli, "read_any_alarm", lambda one, _: read_alarm(
        one, Source(name="hub", key=VerifyKey(KEY.public), at=HUB)
    ))  # fmt: skip
    directory: Directory | None = None
    known = alarm_cli._known(tmp_path, directory)  # type: ignore[arg-type] # read by the stand-in above
    assert {number: len(digests) for number, digests in known["hub"].items()} == {1: 2}
