"""A verifier's store with an honest day, and the attacks that are added to it, as its events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paravent.access.alarm_cli import every_alarm, read_own
from paravent.access.alarms import AlarmPolicy, raise_alarm
from paravent.access.devices import BarReason, Device
from paravent.access.events.happened import CaseOpened, Happened, happened
from paravent.access.events.mapping_store import shipped_mapping
from paravent.access.events.ocsf import Ocsf, Values
from paravent.access.quotas import HOUR_SECONDS, Charge, QuotaKind, QuotaLimits
from paravent.access.sqlite_store import connect
from paravent.access.store import DailyKeys, VerifierStore
from paravent.access.suspension import Verifier
from paravent.access.tally import ANSWERED, Counted
from paravent.crypto.signing import SigningKey
from paravent.hub.store import MIGRATIONS
from paravent.wire.alarm import AlarmSubject, Finding, Sign
from paravent.wire.suspension import SubjectKind

NOON = 20_500 * 86_400 + 43_200
HOUR = NOON // HOUR_SECONDS
UNTIL = NOON + 2 * 86_400
HUB = Verifier(name="hub", base_url="http://hub.example", signing_key=SigningKey.generate(os.urandom))
HANDLE = bytes.fromhex("5ec2e7") * 11
Attack = Callable[[VerifierStore], None]


def device(professional: str) -> Device:
    """Gives a new device of a professional."""
    return Device(public=SigningKey.generate(os.urandom).public, professional=professional, shop=f"shop-{professional}")


@contextmanager
def honest(home: Path) -> Iterator[VerifierStore]:
    """Opens a store in which twenty professionals enrolled one device each and worked for a morning.

    One had a second device, one mistyped a shop's code, one was refused now and then; two left and were withdrawn; one
    false alarm came, suspended by policy, and was lifted the next day; a canary was fired in a drill.
    """
    with VerifierStore(connect(home / "hub.db"), MIGRATIONS, DailyKeys(home, os.urandom), QuotaLimits()) as store:
        for number in range(20):
            one = device(f"8000000{number:02}")
            store.enrol(one, NOON - 3_600)
            charge = Charge(
                kind=QuotaKind.LOOKUP, professional=one.professional, shop=one.shop, keyid=one.keyid,
                insurer="99000001", subject=HANDLE[:32], request=os.urandom(32),
            )  # fmt: skip
            with store.commit():
                store.spend(charge, NOON)
        store.enrol(device("800000003"), NOON)
        counted(store, "rows", ANSWERED, 2_400)
        counted(store, "rows", "quota-exceeded", 4)
        counted(store, "rows", "unknown-device", 9)
        with store.commit():
            store.devices.keep_shop_code("shop-1", b"h" * 32, NOON)
            store.devices.try_shop_code("shop-1", b"x" * 32, NOON)
            for who in ("800000018", "800000019"):
                store.devices.withdraw(SubjectKind.PROFESSIONAL, who, BarReason.DEPARTURE, NOON)
        alarm(store, Sign.VOLUME, "800000005", suspends=True)
        with store.commit():
            store.devices.resume(SubjectKind.PROFESSIONAL, "800000005", NOON + 86_400)
        alarm(store, Sign.CANARY_CREDENTIAL, "drilled", kind=AlarmSubject.DEVICE, drill=True)
        yield store


def counted(store: VerifierStore, action: str, code: str, requests: int) -> None:
    """Counts requests of one hour."""
    with store.commit():
        store.tally.add([Counted(hour=HOUR, action=action, code=code, requests=requests, milliseconds=requests)])


def alarm(
    store: VerifierStore, sign: Sign, subject: str, *, kind: AlarmSubject = AlarmSubject.PROFESSIONAL,
    suspends: bool = False, drill: bool = False,
) -> None:  # fmt: skip
    """Raises an alarm."""
    found = Finding(
        sign=sign, kind=kind, subject=subject, day=NOON // 86_400, observed=40, whole=40, usual="12", statistic="80",
        limit="75",
    )  # fmt: skip
    policy = AlarmPolicy(suspends=(sign,) if suspends else ())
    with store.commit():
        raise_alarm(found, store, HUB, policy, NOON, drill=drill)


def events(store: VerifierStore, more: list[Happened] | None = None) -> list[Values]:
    """Gives the events of a store in OCSF, with those of a breach desk."""
    alarms = [read_own(one) for one in every_alarm(store, 0)]
    writer = Ocsf(mapping=shipped_mapping(), service="hub")
    found = [*happened(store, alarms, NOON - 86_400, UNTIL), *(more or [])]
    return [writer.event(one) for one in found]


DRILL_CASE = CaseOpened(case="2026-001", origin="drill", at=NOON)
