"""Ledgers and secret files on a real disk: what is kept, for how long, and what happens when it is full (10, 14)."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from tests import engines
from tests.unit.access import ledgers, properties
from tests.unit.access.ledgers import DAY, DEVICES, Attempt, Shelf
from tests.unit.access.signed import NOW
from tests.unit.crypto.examples import seeded

from paravent.access.devices import Device, charge_of
from paravent.access.quotas import (
    DailyKey,
    QuotaKind,
    QuotaLimits,
    Scope,
    device_pseudonym,
    nonce_pseudonym,
    professional_pseudonym,
    request_pseudonym,
    scope_pseudonym,
    subject_pseudonym,
)
from paravent.access.requests import Authenticated
from paravent.access.store import DailyKeys, VerifierStore, read_secret, write_secret
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration, QuotaExceeded, RequestNotAuthentic, StorageDown

pytestmark = engines.BOTH

ONE = Authenticated(keyid="a" * 32, nonce="n" * 22, digest=b"1" * 32)
OTHER = Authenticated(keyid="a" * 32, nonce="n" * 22, digest=b"2" * 32)


# --- nonces ------------------------------------------------------------------------------------


def test_a_nonce_is_remembered_for_a_day_and_through_a_restart() -> None:
    with Shelf() as shelf:
        assert shelf.first_time(ONE)
        for at in (0, 1, DAY // 2, DAY - 1):
            shelf.reopened().forget(Attempt(who=0, subject=0, at=at))
            assert not shelf.first_time(ONE, at)
            with pytest.raises(RequestNotAuthentic):
                shelf.first_time(OTHER, at)
        shelf.forget(Attempt(who=0, subject=0, at=DAY))
        assert shelf.rows("nonce") == []
        assert shelf.first_time(OTHER, DAY)


def test_a_nonce_of_before_midnight_is_known_after_it() -> None:
    with Shelf() as shelf:
        assert shelf.first_time(ONE, DAY // 2 - 1)
        assert not shelf.first_time(ONE, DAY // 2)
        with pytest.raises(RequestNotAuthentic):
            shelf.first_time(OTHER, DAY // 2)


# --- quotas ------------------------------------------------------------------------------------


def test_a_repeat_is_free_a_limited_number_of_times() -> None:
    with Shelf() as shelf:
        outcomes = [shelf.accepts(Attempt(who=0, subject=1, at=at)) for at in range(5)]
        assert outcomes == [True] + [True] * ledgers.REPEATS + [False] * (4 - ledgers.REPEATS)
        assert shelf.remaining(Attempt(who=0, subject=1, at=5)) == ledgers.QUOTA - 1


def test_a_window_is_half_open() -> None:
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject))
        assert not shelf.accepts(Attempt(who=0, subject=9, at=DAY - 1))
        assert shelf.accepts(Attempt(who=0, subject=9, at=DAY))


def test_what_is_repeated_is_still_in_the_window_when_its_first_time_is_not() -> None:
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject))
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject, at=DAY - 1))
        assert not shelf.accepts(Attempt(who=0, subject=9, at=DAY))


def test_professionals_and_kinds_are_counted_apart() -> None:
    with Shelf() as shelf:
        for who in range(2):
            for kind in ledgers.KINDS:
                outcomes = [
                    shelf.accepts(Attempt(who=who, subject=subject, kind=kind)) for subject in range(ledgers.QUOTA + 1)
                ]
                assert outcomes == [True] * ledgers.QUOTA + [False]


@pytest.mark.parametrize("back", [1, 299])
def test_a_clock_a_little_slow_frees_nothing(back: int) -> None:
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject, at=300))
            shelf.accepts(Attempt(who=0, subject=subject, at=300 - back))
        window_ends = 300 + DAY - 1
        assert not shelf.accepts(Attempt(who=0, subject=9, at=window_ends))


LARGE = QuotaLimits(
    openings_per_day_max=100, new_device_per_day_max=3, shop_per_day_max=5, insurer_per_day_max=6, server_per_day_max=7
)


def spend(
    opened: VerifierStore, subject: int, *, device: Device = DEVICES[0], insurer: str = "99000001", at: int = NOW
) -> bool:
    """Spends at a store with wide limits for one professional."""
    charge = charge_of(QuotaKind.OPENING, device, insurer, bytes([subject]) * 32, os.urandom(32))
    try:
        with opened.commit():
            opened.spend(charge, at)
    except QuotaExceeded:
        return False
    return True


def a_device(professional: str, shop: str, seed: int) -> Device:
    """A device of a professional in a shop."""
    return Device(public=SigningKey.generate(seeded(seed)).public, professional=professional, shop=shop)


@pytest.fixture
def wide(tmp_path: Path) -> VerifierStore:
    """A store whose wider limits are the small ones."""
    return VerifierStore(
        engines.connect(tmp_path / "wide.sqlite"), ledgers.MIGRATIONS, DailyKeys(tmp_path / "keys", os.urandom), LARGE
    )


def test_a_shop_an_insurer_and_a_server_have_their_limits(wide: VerifierStore) -> None:
    devices = [a_device(f"p{number}", f"s{number // 4}", number) for number in range(8)]
    by_shop = [spend(wide, number, device=devices[number % 4]) for number in range(6)]
    assert by_shop == [True] * 5 + [False]
    by_insurer = [spend(wide, 10 + number, device=devices[4]) for number in range(2)]
    assert by_insurer == [True, False]
    by_server = [spend(wide, 20 + number, device=devices[5], insurer="99000002") for number in range(2)]
    assert by_server == [True, False]
    # Repeats cost no wider quota either.
    assert spend(wide, 0, device=devices[0])
    # Hours are counted whole: up to an hour late, never early.
    for at in (NOW + DAY - 1, NOW + DAY):
        assert not spend(wide, 30, device=devices[6], at=at)
    assert spend(wide, 30, device=devices[6], at=NOW + DAY + 3_600)
    wide.close()


def test_a_new_device_has_its_small_quota(wide: VerifierStore) -> None:
    device = a_device("new", "new-shop", 50)
    with wide.commit():
        wide.devices.enrol(device, NOW, limited_until=NOW + 30 * DAY)
    assert [spend(wide, number, device=device) for number in range(4)] == [True] * 3 + [False]
    wide.close()


def test_an_older_device_has_not(wide: VerifierStore) -> None:
    device = a_device("old", "old-shop", 51)
    with wide.commit():
        wide.devices.enrol(device, NOW - 31 * DAY, limited_until=NOW - DAY)
    assert all(spend(wide, number, device=device) for number in range(5))
    wide.close()


# --- what a stolen ledger says -------------------------------------------------------------------


def test_the_tables_name_nobody_and_join_nothing() -> None:
    with Shelf() as shelf:
        for who in range(2):
            shelf.accepts(Attempt(who=who, subject=7))
        shelf.first_time(ONE)
        held = repr([shelf.rows(table) for table in ("spending", "hourly", "daily", "nonce")])
        for device in DEVICES:
            for name in (device.professional, device.shop, device.keyid, "99000001"):
                assert name not in held
        assert repr(bytes([7]) * 32)[2:-1] not in held
        assert "1" * 32 not in held
        columns: list[set[object]] = [
            {value for row in shelf.rows(table) for value in row if isinstance(value, bytes)}
            for table in ("spending", "hourly", "daily", "nonce")
        ]
        assert sum(len(values) for values in columns) == len(set().union(*columns))


def test_pseudonyms_are_of_one_day_and_one_meaning() -> None:
    today, tomorrow = DailyKey(bytes(32)), DailyKey(b"\x01" * 32)
    names = [
        name
        for key in (today, tomorrow)
        for name in (
            professional_pseudonym(key, "a"), professional_pseudonym(key, "b"), subject_pseudonym(key, "a", b"x"),
            subject_pseudonym(key, "b", b"x"), subject_pseudonym(key, "a", b"y"), device_pseudonym(key, "a"),
            scope_pseudonym(key, Scope.SHOP, "a"), scope_pseudonym(key, Scope.INSURER, "a"),
            scope_pseudonym(key, Scope.SERVER, ""), nonce_pseudonym(key, "a", "b"), nonce_pseudonym(key, "ab", ""),
            request_pseudonym(key, b"a"),
        )
    ]  # fmt: skip
    assert len(set(names)) == len(names) == 24


def test_keys_are_destroyed_after_two_days_in_memory_too() -> None:
    with Shelf() as shelf:
        keys = shelf.store._ledger._keys
        first = NOW // DAY
        for day in range(6):
            assert shelf.accepts(Attempt(who=0, subject=1, at=day * DAY))
            kept = {int(path.stem[6:]) for path in shelf.keys.glob("quota-*.key") if path.stem[6:].isdigit()}
            assert kept == {first + day - 1, first + day, first + day + 1}
            assert {int(name) for name in keys._cache if name.isdigit()} <= kept


# --- crashes, full disks, broken files ---------------------------------------------------------------


def test_a_failed_commit_is_over() -> None:
    with Shelf() as shelf:
        with pytest.raises(StorageDown), shelf.store.commit():
            shelf.break_commit()
        with shelf.store.commit():
            shelf.note(1)
        assert shelf.notes() == {1}


def test_an_error_of_the_caller_passes_through_and_undoes_everything() -> None:
    with Shelf() as shelf:
        for error in (QuotaExceeded("x"), ValueError("x"), KeyboardInterrupt()):
            with pytest.raises(type(error)):
                _fail_after_a_write(shelf, error)
        assert shelf.notes() == set()


def _fail_after_a_write(shelf: Shelf, error: BaseException) -> None:
    with shelf.store.commit():
        shelf.note(1)
        raise error


def test_the_ledger_is_that_of_its_folder_only() -> None:
    with Shelf() as one, Shelf() as other:
        assert one.accepts(Attempt(who=0, subject=1))
        assert other.remaining(Attempt(who=0, subject=1)) == ledgers.QUOTA
        assert one.remaining(Attempt(who=0, subject=1)) == ledgers.QUOTA - 1


# --- secret files --------------------------------------------------------------------------------


def test_a_secret_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "home" / "one.key"
    write_secret(path, b"a" * 32)
    assert [entry.name for entry in path.parent.iterdir()] == ["one.key"]
    with pytest.raises(FileExistsError):
        write_secret(path, b"b" * 32)
    assert [entry.name for entry in path.parent.iterdir()] == ["one.key"]
    assert read_secret(path) == b"a" * 32


def test_a_secret_is_never_readable_by_others_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_secret(tmp_path / "home" / "one.key", b"a" * 32)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "home" / "one.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["absent.key", "folder/absent.key"])
def test_a_secret_that_is_missing_is_said_without_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read_secret(tmp_path / name)
    assert str(tmp_path) not in str(caught.value)
    assert "absent.key" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"a" * 31, b"a" * 33])
def test_a_secret_of_a_wrong_length_is_a_declared_error(tmp_path: Path, content: bytes) -> None:
    keys = DailyKeys(tmp_path, os.urandom)
    write_secret(tmp_path / "quota-20000.key", content)
    with pytest.raises((InvalidConfiguration, StorageDown)):
        keys.of(20_000)


def test_the_properties_of_this_folder_are_not_of_the_disk_alone() -> None:
    # A crash is another process killed: this one still holds nothing open that would keep its writes from view.
    properties.what_was_spent_is_not_forgotten_by_a_crash()
    assert sqlite3.sqlite_version_info >= (3, 37), "STRICT tables"
