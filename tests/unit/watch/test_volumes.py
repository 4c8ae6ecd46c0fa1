"""Volume alarms on the counts by day of a real ledger, and the suspension that may follow."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from paravent.access import cli
from paravent.access.alarm_cli import add_alarm_verb
from paravent.access.devices import Device
from paravent.access.enrolment_store import CASE_SCHEMA, DEVICE_SCHEMA
from paravent.access.quotas import QuotaLimits, professional_pseudonym
from paravent.access.sqlite_store import connect
from paravent.access.store import LEDGER_SCHEMA, DailyKeys, VerifierStore
from paravent.crypto.signing import SigningKey
from paravent.watch.daily import Budget
from paravent.watch.volumes import BASELINE_DAYS, judge_volumes, volume_alarms

TODAY = 20_500


def history(rng: random.Random, added: int, since: int) -> list[tuple[int, int]]:
    """Sixty days of about 12 look-ups, and what a thief adds in the last ones."""
    days = range(TODAY - 59, TODAY + 1)
    usual = {day: sum(rng.random() < 0.1 for _ in range(120)) for day in days}
    return [(day, count + (added if day > TODAY - since else 0)) for day, count in usual.items()]


def test_who_adds_a_dozen_a_day_is_found_within_days_and_nobody_else() -> None:
    rng = random.Random(9)
    counts = [(f"p{n}", day, count) for n in range(200) for day, count in history(rng, 0, 0)]
    assert volume_alarms(counts, TODAY, Budget(professionals=13_000)) == []
    counts += [("thief", day, count) for day, count in history(rng, 12, 10)]
    (alarm,) = volume_alarms(counts, TODAY, Budget(professionals=13_000))
    assert alarm.professional == "thief"
    assert TODAY - 10 < alarm.day <= TODAY - 2


def test_a_professional_without_a_baseline_is_not_judged() -> None:
    counts = [("new", TODAY - day, 500) for day in range(BASELINE_DAYS)]
    assert volume_alarms(counts, TODAY, Budget()) == []


@pytest.mark.parametrize("suspend", [False, True])
def test_the_verb_judges_a_ledger_and_suspends_only_by_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, suspend: bool
) -> None:
    now = TODAY * 86_400 + 50_000
    monkeypatch.setattr(cli, "now", lambda: now)
    keys = DailyKeys(tmp_path, os.urandom)
    names = ("honest", "thief")
    devices = {
        name: Device(public=SigningKey.generate(os.urandom).public, professional=name, shop="s") for name in names
    }

    class Store(VerifierStore):
        def __init__(self, home: Path) -> None:
            self.connection = connect(home / "ledger.db")
            super().__init__(self.connection, (DEVICE_SCHEMA + LEDGER_SCHEMA, CASE_SCHEMA), keys, QuotaLimits())

    rng = random.Random(2)
    with Store(tmp_path) as store:
        for name, added in (("honest", 0), ("thief", 24)):
            store.enrol(devices[name], now - 86_400)
            pseudonym = professional_pseudonym(keys.lasting(), name)
            with store.commit():
                for day, count in history(rng, added, 5):
                    row = ("lookup", pseudonym, day, count, count)
                    store.connection.execute("INSERT INTO daily VALUES (?, ?, ?, ?, ?)", row)

    group = click.Group("verifier")
    add_alarm_verb(group, Store, judge_volumes)
    done = CliRunner().invoke(group, ["alarms", "--home", str(tmp_path), "--json", *["--suspend"] * suspend])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert [alarm["professional"] for alarm in found["alarms"]] == ["thief"]
    assert found["suspended"] == ["thief"] * suspend
    with Store(tmp_path) as store:
        events = [(row.event, row.subject, row.reason) for row in store.devices.events() if row.subject == "thief"]
    assert (("suspended", "thief", "detection") in events) is suspend
