"""Each shipped Sigma rule fires on its attack and not on an honest day, run by pySigma's SQLite backend."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sigma.backends.sqlite.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from tests.unit.events.honest import DRILL_CASE, HUB, NOON, alarm, counted, device, events, honest

from paravent.access.devices import BarReason
from paravent.access.events.happened import CaseOpened, Happened
from paravent.access.events.ocsf import Values
from paravent.access.store import VerifierStore
from paravent.access.tally import ANSWERED
from paravent.watch.budget import Budget
from paravent.watch.distributions import at_least, poisson
from paravent.watch.rules_store import shipped_rules
from paravent.wire.alarm import AlarmSubject, Sign
from paravent.wire.suspension import SubjectKind

COLUMNS = (
    "class_uid", "count", "status_code", "is_alert", "comment", "desc", "metadata.event_code", "metadata.log_name",
    "actor.user.uid", "user.uid", "entity.uid", "unmapped.subject", "unmapped.subject_kind",
)  # fmt: skip


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Names every value of an event by its path."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def matches(rule: str, found: list[Values]) -> int:
    """Runs a rule file over events; returns how many rows its last rule gives."""
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    connection.execute(f"CREATE TABLE logs (timestamp TEXT, {columns})")
    for one in found:
        row = flat(json.loads(json.dumps(one)))
        at = datetime.fromtimestamp(one["time"] / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        holes = ", ".join("?" * (len(COLUMNS) + 1))
        connection.execute(f"INSERT INTO logs VALUES ({holes})", (at, *(row.get(name) for name in COLUMNS)))  # noqa: S608
    backend = sqliteBackend()  # type: ignore[no-untyped-call] # its constructor has no types
    queries = backend.convert(SigmaCollection.from_yaml(shipped_rules()[rule]))
    rows = connection.execute(queries[-1]).fetchall()
    connection.close()
    return len(rows)


def _devices(store: VerifierStore, more: int) -> None:
    for _ in range(more):
        store.enrol(device("800000003"), NOON + 600)


def _codes(store: VerifierStore, tries: int) -> None:
    with store.commit():
        for _ in range(tries):
            store.devices.try_shop_code("shop-1", b"y" * 32, NOON + 60)


def _alarms(store: VerifierStore, more: int) -> None:
    for number in range(more):
        alarm(store, Sign.OPENINGS_WITHOUT_CLAIMS, f"8000000{number:02}")


def _resumed(store: VerifierStore, after: int) -> None:
    alarm(store, Sign.VOLUME, "800000007", suspends=True)
    with store.commit():
        store.devices.resume(SubjectKind.PROFESSIONAL, "800000007", NOON + after)


def _barred(store: VerifierStore, more: int) -> None:
    with store.commit():
        for number in range(more):
            store.devices.suspend(SubjectKind.PROFESSIONAL, f"9{number}", BarReason.OPERATOR, NOON + number)


# Of each rule: the attack, and what comes nearest to it without being one.
Act = Callable[[VerifierStore], None]
DEVICE, VERIFIER = AlarmSubject.DEVICE, AlarmSubject.VERIFIER
ATTACKS: dict[str, tuple[Act, Act]] = {
    "alarm-then-resumed.yml": (lambda store: _resumed(store, 600), lambda store: _resumed(store, 7_200)),
    "canary-credential.yml": (
        lambda store: alarm(store, Sign.CANARY_CREDENTIAL, "key", kind=DEVICE),
        lambda store: alarm(store, Sign.CANARY_CREDENTIAL, "key", kind=DEVICE, drill=True),
    ),
    "files-of-a-service.yml": (
        lambda store: alarm(store, Sign.CANARY_FILE, HUB.name, kind=VERIFIER),
        lambda store: alarm(store, Sign.CANARY_FILE, HUB.name, kind=VERIFIER, drill=True),
    ),
    "request-flood.yml": (
        lambda store: counted(store, "evaluations", ANSWERED, 36_000),
        lambda store: counted(store, "evaluations", ANSWERED, 35_999),
    ),
    "unauthentic-burst.yml": (
        lambda store: counted(store, "openings", "request-not-authentic", 200),
        lambda store: counted(store, "openings", "not-covered", 200),
    ),
    "quota-burst.yml": (
        lambda store: counted(store, "openings", "quota-exceeded", 200),
        lambda store: counted(store, "openings", "quota-exceeded", 199),
    ),
    "new-devices.yml": (lambda store: _devices(store, 1), lambda store: store.enrol(device("8"), NOON)),
    "shop-code-guessing.yml": (lambda store: _codes(store, 2), lambda store: _codes(store, 1)),
    "many-professionals.yml": (lambda store: _alarms(store, 2), lambda store: _alarms(store, 1)),
    "mass-barring.yml": (lambda store: _barred(store, 8), lambda store: _barred(store, 6)),
}  # fmt: skip
# These two pass on what the breach desk and a detector found: on an honest day, the false alarm of that day.
PASSED_ON = {"detector-alarm.yml": 1, "case-opened.yml": 0}


def test_every_shipped_rule_is_tried_here() -> None:
    assert set(shipped_rules()) == {*ATTACKS, *PASSED_ON}


@pytest.mark.parametrize("rule", sorted({*ATTACKS, *PASSED_ON}))
def test_an_honest_day_matches_no_rule_but_the_detectors_own_false_alarm(rule: str, tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        assert matches(rule, events(store, [DRILL_CASE])) == PASSED_ON.get(rule, 0)


@pytest.mark.parametrize("rule", sorted(ATTACKS))
def test_a_rule_fires_on_its_attack_and_not_on_what_comes_nearest(rule: str, tmp_path: Path) -> None:
    attack, near = ATTACKS[rule]
    for act, fires in ((near, False), (attack, True)):
        folder = tmp_path / str(fires)
        folder.mkdir()
        with honest(folder) as store:
            act(store)
            assert (matches(rule, events(store)) > 0) is fires


def test_what_a_detector_or_the_breach_desk_found_is_passed_on(tmp_path: Path) -> None:
    cases: list[Happened] = [CaseOpened(case="2026-002", origin="detector", at=NOON)]
    with honest(tmp_path) as store:
        alarm(store, Sign.FLEET, "fleet", kind=AlarmSubject.FLEET)
        found = events(store, cases)
    assert matches("detector-alarm.yml", found) == 2
    assert matches("case-opened.yml", found) == 1


def test_the_false_alarm_rates_that_the_rules_state() -> None:
    budget, devices_a_day = Budget(), 1 / 365
    days = budget.professionals * 365
    assert days * devices_a_day * at_least(poisson(devices_a_day), 2) == pytest.approx(0.05, abs=0.005)
    assert "0.05 such days" in shipped_rules()["new-devices.yml"]
    alarms_a_day = 11 / 365
    assert 365 * alarms_a_day * at_least(poisson(alarms_a_day), 2) == pytest.approx(0.005, abs=0.0005)
    assert "0.005 times a year" in shipped_rules()["many-professionals.yml"]


def test_rules_have_identifiers_of_their_own_and_say_when_they_are_wrong() -> None:
    rules = [rule for text in shipped_rules().values() for rule in SigmaCollection.from_yaml(text).rules]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.falsepositives for rule in rules if rule.level is not None and rule.level.name != "INFORMATIONAL")
