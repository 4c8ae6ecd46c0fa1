"""An alarm at one verifier: once, signed, suspending only by policy, counted without a person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests import engines

from paravent.access.alarm_app import DAY_SECONDS
from paravent.access.alarms import AlarmPolicy, raise_alarm
from paravent.access.devices import Device
from paravent.access.quotas import Charge, QuotaKind, QuotaLimits, Seen
from paravent.access.store import DailyKeys, VerifierStore
from paravent.access.suspension import Verifier
from paravent.breach.alarms import Source, read_alarm, take_alarm
from paravent.breach.entries import Artefact, Opened, Origin
from paravent.breach.store import Store as CaseStore
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import ProofFailure
from paravent.hub.store import MIGRATIONS
from paravent.wire.alarm import Alarm, AlarmSubject, Finding, Sign
from paravent.wire.enrolment import DeviceState
from paravent.wire.statements import HubEntry, Signed, sign_statement

TODAY = 20_500
NOW = TODAY * DAY_SECONDS + 50_000
WHO = "80000000001"
KEY = SigningKey.generate(os.urandom)
DEVICE = Device(public=SigningKey.generate(os.urandom).public, professional=WHO, shop="580000001")
HUB = Verifier(name="hub", base_url="http://hub.example", signing_key=KEY)
SUSPENDING = AlarmPolicy(suspends=(Sign.VOLUME,))

pytestmark = engines.BOTH


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VerifierStore]:
    keys = DailyKeys(tmp_path, os.urandom)
    with VerifierStore(engines.connect(tmp_path / "ledger.db"), MIGRATIONS, keys, QuotaLimits()) as opened:
        opened.enrol(DEVICE, NOW - 40 * DAY_SECONDS)
        yield opened


def finding(sign: Sign = Sign.VOLUME, kind: AlarmSubject = AlarmSubject.PROFESSIONAL, subject: str = WHO) -> Finding:
    return Finding(
        sign=sign, kind=kind, subject=subject, day=TODAY, observed=40, whole=40, usual="12", statistic="80", limit="75"
    )


def raised(store: VerifierStore, found: Finding, policy: AlarmPolicy, *, drill: bool = False) -> Alarm | None:
    with store.commit():
        return raise_alarm(found, store, HUB, policy, NOW, drill=drill)


@pytest.mark.parametrize(
    ("found", "policy", "drill", "suspended"),
    [
        (finding(), SUSPENDING, False, True),
        (finding(), AlarmPolicy(), False, False),  # off by default
        (finding(Sign.CLOSED_HOURS), SUSPENDING, False, False),
        (finding(), SUSPENDING, True, False),
        (finding(kind=AlarmSubject.FLEET, subject="fleet"), SUSPENDING, False, False),
    ],
)
def test_an_alarm_suspends_only_by_policy(
    store: VerifierStore, found: Finding, policy: AlarmPolicy, *, drill: bool, suspended: bool
) -> None:
    alarm = raised(store, found, policy, drill=drill)
    assert alarm is not None
    assert (alarm.number, alarm.suspended) == (1, suspended)
    state = store.standing(DEVICE).state(NOW)
    assert (state is DeviceState.SUSPENDED) is suspended
    # Once for a sign, a subject and a day, even after it was lifted.
    assert raised(store, found, policy) is None
    (kept,) = store.alarms.after(0)
    assert kept.leaf is None
    assert store.alarms.after(1) == []


def test_the_sequential_test_begins_again_once_its_alarm_is_taken(store: VerifierStore) -> None:
    with store.commit():
        store.alarms.keep_tried(WHO, (9, 1))
    raised(store, finding(Sign.UNKNOWN_PERSONS), AlarmPolicy())
    assert store.alarms.tried(WHO) == (0, 0)


def test_counts_are_by_day_and_kind_with_no_label(store: VerifierStore) -> None:
    charge = Charge(
        kind=QuotaKind.LOOKUP, professional=WHO, shop="580000001", keyid=DEVICE.keyid, insurer="99000001",
        subject=b"s" * 32, request=b"r" * 32,
    )  # fmt: skip
    sunday = NOW - NOW % DAY_SECONDS + 43_200 + (3 - TODAY % 7) % 7 * DAY_SECONDS
    with store.commit():
        store.spend(charge, sunday)
        store.see(Seen.ROW, WHO, sunday)
    counts = store.counts_of(WHO)
    assert counts[sunday // DAY_SECONDS] == {"lookup": 1, "closed-hours": 1, "row": 1}
    assert counts[TODAY - 40] == {"new-device": 1}
    assert store.take_touched(10) == [WHO]
    assert store.take_touched(10) == []
    store.touch_counted(sunday)
    assert store.take_touched(10) == [WHO]
    assert store.sums_before(sunday // DAY_SECONDS) == [(0, 0, 0, 1)]
    assert store.sums_before(sunday // DAY_SECONDS + 2) == [(1, 1, 2, 0)]


# --- at the breach desk ----------------------------------------------------------------------------

ENTRY = HubEntry(name="hub", address="http://hub.example", verify_key=KEY.public)
SOURCE = Source(name="hub", key=KEY.public, at=ENTRY)


def signed(alarm: Alarm, key: SigningKey = KEY, signer: str = "hub") -> Signed:
    return sign_statement(alarm, Label.ALARM, signer, key)


def alarm_of(number: int, subject: str = WHO, raised_at: int = NOW, *, drill: bool = False) -> Alarm:
    return Alarm(
        verifier="hub", number=number, raised_at=raised_at, finding=finding(subject=subject), budget=12,
        suspended=False, drill=drill,
    )  # fmt: skip


def test_an_alarm_is_believed_with_its_verifier_s_signature_alone() -> None:
    alarm = alarm_of(1)
    assert read_alarm(signed(alarm), SOURCE) == alarm
    for forged in (signed(alarm, SigningKey.generate(os.urandom)), signed(alarm, signer="keyserver-1")):
        with pytest.raises(ProofFailure):
            read_alarm(forged, SOURCE)


def test_alarms_about_one_subject_are_one_case_and_a_drill_is_another(tmp_path: Path) -> None:
    key = tmp_path / "breach-desk.key"
    key.touch()
    alarms = [
        alarm_of(1), alarm_of(2), alarm_of(3, "80000000002"), alarm_of(4, drill=True),
        alarm_of(5, raised_at=NOW + 8 * DAY_SECONDS),
    ]  # fmt: skip
    with CaseStore(tmp_path) as store:
        taken = [take_alarm(store, signed(alarm), alarm, NOW, os.urandom) for alarm in alarms]
        assert [new for _, new in taken] == [True, False, True, True, True]
        assert taken[0][0] == taken[1][0]
        said = [placed.entry.said for placed in store.entries(taken[0][0])]
        origins = [
            next(one.origin for placed in store.entries(case) if isinstance(one := placed.entry.said, Opened))
            for case in (taken[0][0], taken[3][0])
        ]
    assert sum(isinstance(one, Artefact) for one in said) == 2
    assert origins == [Origin.DETECTOR, Origin.DRILL]
    # No professional stands in what the log commits to.
    assert WHO not in repr(said)


def test_a_day_on_which_all_are_above_their_usual_suspends_so_many_and_no_more(store: VerifierStore) -> None:
    policy = AlarmPolicy(suspends=(Sign.VOLUME,), suspends_a_day_max=2)
    alarms = [raised(store, finding(subject=f"8000000{number}"), policy) for number in range(4)]
    assert [alarm is not None and alarm.suspended for alarm in alarms] == [True, True, False, False]
    with store.commit():
        following = msgspec.structs.replace(finding(subject="80000009"), day=TODAY + 1)
        tomorrow = raise_alarm(following, store, HUB, policy, NOW + DAY_SECONDS)
    assert tomorrow is not None
    assert tomorrow.suspended
