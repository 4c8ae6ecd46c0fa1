"""What requests, quotas and stores promise, each as one function that ``test_seeded_defects`` calls both ways."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.access import ledgers
from tests.unit.access.ledgers import DAY, Attempt, NaiveQuota, Shelf
from tests.unit.access.signed import NOW, SIGNED, Signed, altered, forms
from tests.unit.crypto.examples import EVERY, FEW, seeded

from paravent.access import config, devices, store
from paravent.access.devices import Device
from paravent.access.group_commit import GroupCommit
from paravent.access.requests import EXPIRES_SECONDS_MAX, SKEW_SECONDS_MAX, Authenticated
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    InvalidConfiguration,
    QuotaExceeded,
    RequestNotAuthentic,
    StorageDown,
    UnknownDevice,
)

WAIT_SECONDS = 20
"""Longer than any commit here takes: an answer that does not come fails the test instead of hanging it."""

# --- signed requests -----------------------------------------------------------------------------


@FEW
@given(SIGNED, st.integers(0, 200))
def every_component_is_signed(signed: Signed, place: int) -> None:
    """Method, target, body, key, nonce and dates: whatever is altered, the request is refused."""
    assert signed.verify() == signed.said
    for request in altered(signed, place):
        with pytest.raises(RequestNotAuthentic):
            signed.verify(request)


@FEW
@given(SIGNED, st.sampled_from(["http://other.example:1", "http://hub.example:8001", "http://hub.example.evil:8000"]))
def a_request_is_for_one_server(signed: Signed, other: str) -> None:
    """What was signed for one server is refused by every other, as it is and readdressed."""
    with pytest.raises(RequestNotAuthentic, match="another server"):
        signed.verify(base_url=other)
    moved = replace(signed.request, authority=other.split("//")[1])
    with pytest.raises(RequestNotAuthentic):
        signed.verify(moved, base_url=other)
    with pytest.raises(RequestNotAuthentic):
        signed.verify(replace(moved, target_uri=other + "/v1/rows"), base_url=other)


@FEW
@given(SIGNED, st.integers(-200, 200))
def a_request_is_of_its_minute(signed: Signed, moved: int) -> None:
    """Neither created in the future nor expired, but for the skew of two clocks."""
    if -SKEW_SECONDS_MAX <= moved <= EXPIRES_SECONDS_MAX + SKEW_SECONDS_MAX:
        assert signed.verify(now=NOW + moved) == signed.said
    else:
        with pytest.raises(RequestNotAuthentic, match="clock"):
            signed.verify(now=NOW + moved)


@FEW
@given(SIGNED)
def a_request_has_one_form(signed: Signed) -> None:
    """Another label, another order, another parameter, another component: another protocol."""
    for request in forms(signed):
        with pytest.raises(RequestNotAuthentic, match="profile"):
            signed.verify(request)


def a_nonce_is_of_one_request() -> None:
    """Again with the same digest it is free; with another it is refused; another key's nonces are its own."""
    with Shelf() as shelf:

        @FEW
        @given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("mn"), st.sampled_from("xyz")), max_size=12))
        def holds(asked: list[tuple[str, str, str]]) -> None:
            shelf.later()
            seen: dict[tuple[str, str], str] = {}
            for keyid, nonce, digest in asked:
                caller = Authenticated(keyid=keyid * 32, nonce=nonce * 22, digest=digest.encode() * 32)
                first = (keyid, nonce) not in seen
                if seen.setdefault((keyid, nonce), digest) != digest:
                    with pytest.raises(RequestNotAuthentic, match="nonce"):
                        shelf.first_time(caller)
                else:
                    assert shelf.first_time(caller) is first

        holds()


def a_device_is_enrolled_or_refused() -> None:
    """Only the key of an enrolled device signs, and no longer once it is withdrawn."""
    key, stranger = SigningKey.generate(seeded(1)), SigningKey.generate(seeded(2))
    device = Device(public=key.public, professional="p", shop="s")
    with Shelf() as shelf:
        shelf.store.enrol(device, NOW)
        usual = Signed.of(key, "POST", "http://hub.example:1", "/x", b"", "n" * 22, NOW)
        unknown = Signed.of(stranger, "POST", "http://hub.example:1", "/x", b"", "n" * 22, NOW)
        found, caller = devices.authenticate(usual.request, shelf.store, authority="hub.example:1", now=NOW)
        assert (found, caller) == (device, usual.said)
        with pytest.raises(UnknownDevice):
            devices.authenticate(unknown.request, shelf.store, authority="hub.example:1", now=NOW)
        # A stranger that names the enrolled key does not hold it.
        forged = replace(usual.request, headers={
            **usual.request.headers, "signature": unknown.request.headers["signature"]})  # fmt: skip
        with pytest.raises(RequestNotAuthentic):
            devices.authenticate(forged, shelf.store, authority="hub.example:1", now=NOW)
        shelf.store.withdraw(device.keyid, NOW)
        for now in (NOW, NOW + DAY):
            later = Signed.of(key, "POST", "http://hub.example:1", "/x", b"", "n" * 22, now)
            with pytest.raises(UnknownDevice):
                devices.authenticate(later.request, shelf.store, authority="hub.example:1", now=now)


# --- quotas --------------------------------------------------------------------------------------


def never_more_than_q_persons_in_24_hours() -> None:
    """In no sliding 24 hours does a professional get more than q distinct subjects of a kind, whatever is repeated."""
    with Shelf() as shelf:

        @EVERY
        @given(ledgers.ATTEMPTS)
        def holds(attempts: list[Attempt]) -> None:
            shelf.later()
            accepted: list[Attempt] = []
            for attempt in attempts:
                if shelf.accepts(attempt):
                    accepted.append(attempt)
                    window = [
                        other.subject
                        for other in accepted
                        if other.who == attempt.who and other.kind == attempt.kind and other.at > attempt.at - DAY
                    ]
                    assert len(set(window)) <= ledgers.QUOTA
                    assert window.count(attempt.subject) <= ledgers.REPEATS + 1

        holds()


def quotas_are_those_of_the_naive_model() -> None:
    """Each decision is that of a list of everything accepted: what may be had is had, and nothing more."""
    with Shelf() as shelf:

        @EVERY
        @given(ledgers.ATTEMPTS, st.integers(0, 5))
        def holds(attempts: list[Attempt], forgetting: int) -> None:
            shelf.later()
            model = NaiveQuota()
            for attempt in attempts:
                # What is deleted as too old is never missed.
                if attempt.subject == forgetting:
                    shelf.forget(attempt)
                expected = model.accepts(attempt)
                assert shelf.accepts(attempt) is expected
                assert shelf.remaining(attempt) == model.remaining(attempt)

        holds()


def a_quota_is_spent_once_by_many_at_once() -> None:
    """Connections that spend at the same time get q subjects between them, not q each."""
    with Shelf() as shelf:
        with ledgers.racing(shelf, writers=4, each=6) as results:
            outcomes = list(results)
        assert sum(outcomes) == ledgers.QUOTA
        assert shelf.remaining(Attempt(who=0, subject=0)) == 0


def what_was_spent_is_not_forgotten_by_a_crash() -> None:
    """A process that dies after its commit has spent; one that dies before has not."""
    with Shelf() as shelf:
        ledgers.spend_and_die(shelf, commit=True)
        assert shelf.reopened().remaining(Attempt(who=0, subject=0)) == ledgers.QUOTA - 1
        ledgers.spend_and_die(shelf, commit=False)
        assert shelf.reopened().remaining(Attempt(who=0, subject=0)) == ledgers.QUOTA - 1


def a_lost_key_refills_no_quota() -> None:
    """When the key of a counted day is gone, nothing is answered rather than counted afresh."""
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject))
        for path in shelf.keys.glob("quota-*.key"):
            path.unlink()
        shelf.reopened()
        with pytest.raises(StorageDown), shelf.store.commit():
            shelf.spend(Attempt(who=0, subject=9))


def a_clock_that_goes_back_refills_no_quota() -> None:
    """When the clock goes back beyond its tolerance, nothing is answered rather than counted in another day."""
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject))
        for back in (60, 300, 301, 3600, DAY, 30 * DAY):
            with pytest.raises((StorageDown, QuotaExceeded)), shelf.store.commit():
                shelf.spend(Attempt(who=0, subject=9, at=-back))


# --- group commit ----------------------------------------------------------------------------------


def _gathered(shelf: Shelf, writes: Sequence[Callable[[], object]]) -> list[object]:
    """Runs writes at the same time through one group commit, and stops it."""

    async def run() -> list[object]:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        try:
            running = [asyncio.wait_for(commits.run(write), WAIT_SECONDS) for write in writes]
            return await asyncio.gather(*running, return_exceptions=True)
        finally:
            worker.cancel()

    return asyncio.run(run())


def an_answer_is_on_disk_before_it_leaves() -> None:
    """When the commit itself fails, nobody is told that it succeeded, and nothing is there."""
    with Shelf() as shelf:
        results = _gathered(shelf, [lambda: shelf.note(1), shelf.break_commit, lambda: shelf.note(2)])
        assert [type(result) for result in results] == [StorageDown] * 3
        assert shelf.notes() == set()


def one_refusal_spoils_no_other() -> None:
    """A request of a group that is refused undoes its own writes, and the others are committed."""
    with Shelf() as shelf:

        def refused() -> None:
            shelf.note(99)
            raise QuotaExceeded("spent")

        results = _gathered(shelf, [lambda: shelf.note(1), refused, lambda: shelf.note(2), refused])
        assert results[0] == 1
        assert results[2] == 2
        assert [type(results[at]) for at in (1, 3)] == [QuotaExceeded] * 2
        assert shelf.notes() == {1, 2}


def a_fault_ends_in_an_answer_for_everybody() -> None:
    """Whatever a request of a group raises, every request is answered, and the next group is committed."""
    for fault in (ValueError("x"), OSError(28, "full"), sqlite3.IntegrityError("y"), KeyError("z"), RecursionError()):
        with Shelf() as shelf:
            _require_answered(shelf, fault)


def _require_answered(shelf: Shelf, fault: Exception) -> None:
    def broken() -> None:
        shelf.note(99)
        raise fault

    async def run() -> None:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        group = [lambda: shelf.note(1), broken, lambda: shelf.note(2)]
        try:
            running = [asyncio.wait_for(commits.run(write), WAIT_SECONDS) for write in group]
            results = await asyncio.gather(*running, return_exceptions=True)
            assert isinstance(results[1], StorageDown)
            # Nobody is told of a success that did not happen.
            for number in (1, 2):
                told = results[0 if number == 1 else 2]
                assert (told == number) is (number in shelf.notes())
                assert told == number or isinstance(told, StorageDown)
            assert 99 not in shelf.notes()
            assert await asyncio.wait_for(commits.run(lambda: shelf.note(3)), WAIT_SECONDS) == 3
            assert 3 in shelf.notes()
        finally:
            worker.cancel()

    asyncio.run(run())


# --- files -----------------------------------------------------------------------------------------


def a_secret_is_its_owners_only() -> None:
    """A secret file is written for its owner alone, never written over, and refused when others can read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "home" / "secret.key"
        store.write_secret(path, b"x" * 32)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert store.read_secret(path) == b"x" * 32
        with pytest.raises(FileExistsError):
            store.write_secret(path, b"y" * 32)
        assert store.read_secret(path) == b"x" * 32
        for mode in (0o604, 0o620, 0o640, 0o644, 0o602, 0o601, 0o610, 0o666, 0o777):
            path.chmod(mode)
            with pytest.raises(InvalidConfiguration, match="chmod"):
                store.read_secret(path)
        path.unlink()
        with pytest.raises(InvalidConfiguration, match="missing"):
            store.read_secret(path)


def an_unknown_key_is_refused() -> None:
    """A configuration file says what the party knows, and nothing else, at any depth."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        config.write_config(home, ledgers.EXAMPLE)
        assert config.read_config(home, ledgers.ExampleConfig) == ledgers.EXAMPLE
        written = (home / config.CONFIG_NAME).read_text()
        for extra in ("unknown = 1\n" + written, written + "unknown = 1\n", written + "[other]\n"):
            (home / config.CONFIG_NAME).write_text(extra)
            with pytest.raises(InvalidConfiguration):
                config.read_config(home, ledgers.ExampleConfig)
