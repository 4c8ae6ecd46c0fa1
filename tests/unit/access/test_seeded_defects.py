"""Negative controls: each property of requests, quotas and stores holds, and fails when one check is taken out."""

from __future__ import annotations

from typing import Any

import pytest
from tests import engines
from tests.unit.access import properties
from tests.unit.crypto.mutation import Defect, Property, properties_of, require_noticed

from paravent.access import config, devices, quotas, requests, sqlite_store, store
from paravent.access.group_commit import GroupCommit
from paravent.access.store import DailyKeys, Ledger

PROPERTIES = properties_of(properties)


def accepts(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


DEFECTS = [
    Defect(
        name="signature not verified", owner=requests, attribute="verify_bytes", replacement=accepts,
        broken=properties.every_component_is_signed,
    ),
    Defect(
        name="digest not compared", owner=requests, attribute="verify_request",
        old='request.headers.get("content-digest") != digest', new="False",
        broken=properties.every_component_is_signed,
    ),
    Defect(
        name="digest of the header, not of the body", owner=requests, attribute="verify_request",
        old="digest = content_digest(request.body)", new='digest = request.headers.get("content-digest", "")',
        broken=properties.every_component_is_signed,
    ),
    Defect(
        name="method not signed", owner=requests, attribute="signature_base",
        old="for name, value in components.items()", new='for name, value in components.items() if name != "@method"',
        broken=properties.every_component_is_signed,
    ),
    Defect(
        name="addressee not compared", owner=requests, attribute="verify_request",
        old="request.authority != authority", new="False", broken=properties.a_request_is_for_one_server,
    ),
    Defect(
        name="expired request accepted", owner=requests, attribute="verify_request",
        old="or expires < now - SKEW_SECONDS_MAX", new="", broken=properties.a_request_is_of_its_minute,
    ),
    Defect(
        name="request of the future accepted", owner=requests, attribute="verify_request",
        old="created > now + SKEW_SECONDS_MAX or", new="", broken=properties.a_request_is_of_its_minute,
    ),
    Defect(
        name="form searched, not matched", owner=requests, attribute="_parsed", old="_INPUT.fullmatch(",
        new="_INPUT.search(", broken=properties.a_request_has_one_form,
    ),
    Defect(
        name="digest of a nonce not compared", owner=Ledger, attribute="first_time",
        old="known[0] != request_pseudonym(key, caller.digest)", new="False",
        broken=properties.a_nonce_is_of_one_request,
    ),
    Defect(
        name="nonces of all devices together", owner=store, attribute="nonce_pseudonym",
        replacement=lambda key, _, nonce: quotas.nonce_pseudonym(key, "", nonce),
        broken=properties.a_nonce_is_of_one_request,
    ),
    Defect(
        name="request of a device not verified", owner=devices, attribute="verify_request",
        replacement=lambda request, **_: requests.Authenticated(
            keyid=requests.claimed_keyid(request), nonce="n" * 22, digest=bytes(32)
        ),
        broken=properties.a_device_is_enrolled_or_refused,
    ),
    Defect(
        name="withdrawal not looked at", owner=devices, attribute="check_standing", replacement=accepts,
        broken=properties.a_device_is_enrolled_or_refused,
    ),
    Defect(
        name="quota not compared", owner=store, attribute="require_quota",
        old="spent.professional >= limits.of(charge.kind)", new="False",
        broken=properties.never_more_than_q_persons_in_24_hours,
    ),
    Defect(
        name="a charge is not moved by a repeat", owner=Ledger, attribute="spend",
        old='"UPDATE spending SET charged = 0 WHERE', new='"UPDATE spending SET charged = charged WHERE',
        broken=properties.quotas_are_those_of_the_naive_model,
    ),
    Defect(
        name="window of a calendar day", owner=Ledger, attribute="spend", old="now - WINDOW_SECONDS)",
        new="now // WINDOW_SECONDS * WINDOW_SECONDS - 1)",
        broken=properties.never_more_than_q_persons_in_24_hours,
    ),
    Defect(
        name="yesterday's names not looked for", owner=Ledger, attribute="_day_keys",
        old="self._keys.of(today - 1)", new="DailyKey(bytes(32))",
        broken=properties.never_more_than_q_persons_in_24_hours,
    ),
    Defect(
        name="look-ups and openings counted together", owner=Ledger, attribute="spend",
        old="FROM {_OWN_SPENDINGS}", new="FROM {_OWN_SPENDINGS.replace('kind = ?', 'kind != ?')}",
        broken=properties.quotas_are_those_of_the_naive_model,
    ),
    Defect(
        name="repeats not counted", owner=store, attribute="require_quota",
        old="spent.repeats > limits.repeats_per_day_max", new="False",
        broken=properties.never_more_than_q_persons_in_24_hours,
    ),
    Defect(
        name="one repeat too few", owner=store, attribute="require_quota",
        old="spent.repeats > limits.repeats_per_day_max", new="spent.repeats >= limits.repeats_per_day_max",
        broken=properties.quotas_are_those_of_the_naive_model,
    ),
    Defect(
        name="transaction begun late", owner=sqlite_store, attribute="transaction",
        old='"BEGIN IMMEDIATE"', new='"SELECT 1"',
        broken=properties.a_quota_is_spent_once_by_many_at_once,
    ),
    Defect(
        name="commit left out", owner=sqlite_store, attribute="transaction", old='connection.execute("COMMIT")',
        new='connection.execute("SELECT 1")', broken=properties.what_was_spent_is_not_forgotten_by_a_crash,
    ),
    Defect(
        name="lost key drawn again", owner=DailyKeys, attribute="require", old="if known:", new="if False:",
        broken=properties.a_lost_key_refills_no_quota,
    ),
    Defect(
        name="clock not compared", owner=Ledger, attribute="_day_keys",
        old="now < latest - CLOCK_BACK_SECONDS_MAX", new="False",
        broken=properties.a_clock_that_goes_back_refills_no_quota,
    ),
    Defect(
        name="answered although the commit failed", owner=GroupCommit, attribute="_commit",
        old="results = [error for _ in group]", new="pass", broken=properties.an_answer_is_on_disk_before_it_leaves,
    ),
    Defect(
        name="refused request not undone", owner=sqlite_store, attribute="savepoint",
        old='connection.execute("ROLLBACK TO request")', new="pass", broken=properties.one_refusal_spoils_no_other,
    ),
    Defect(
        name="fault of one not caught", owner=GroupCommit, attribute="_commit", old="except Exception as fault:",
        new="except MemoryError as fault:", broken=properties.a_fault_ends_in_an_answer_for_everybody,
    ),
    Defect(
        name="permissions not looked at", owner=store, attribute="read_secret",
        old="path.stat().st_mode & 0o077", new="path.stat().st_mode & 0o004",
        broken=properties.a_secret_is_its_owners_only,
    ),
    Defect(
        name="unknown keys left out", owner=config, attribute="read_config",
        old="msgspec.toml.decode(path.read_bytes(), type=kind)",
        new="msgspec.convert({k: v for k, v in msgspec.toml.decode(path.read_bytes()).items()"
        " if k in kind.__struct_fields__}, kind)",
        broken=properties.an_unknown_key_is_refused,
    ),
]  # fmt: skip


@engines.BOTH
@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property) -> None:
    held()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)


def test_every_property_has_its_defect() -> None:
    assert {defect.broken for defect in DEFECTS} == set(PROPERTIES)
