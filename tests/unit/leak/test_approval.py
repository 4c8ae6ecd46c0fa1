"""A match takes two persons, a case and a sample; it is recorded before it is shown, and has a budget."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.leak.persons import AMC, DAY, JANUARY, seeded

from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidLeakSample, ProofFailure, QuotaExceeded
from paravent.insurer.leak.approval import Approval, approve, require_approvals
from paravent.insurer.leak.matching import Matched, Verdict
from paravent.insurer.leak.store import MATCHES_DAYS, MATCHES_MAX, History

KEYS = {name: SigningKey.generate(seeded(number)) for number, name in enumerate(("DPO", "RSSI", "Direction"))}
APPROVERS = {name: key.public for name, key in KEYS.items()}
SAMPLE = bytes(31) + b"\1"
EMPTY = Matched(
    verdict=Verdict.UNDECIDED, rows=1, identified=0, comparable=0, agreeing=0, explained=0, interval=None,
    chance_bits=0.0, suspects=(), members=(),
)  # fmt: skip


def approval(name: str, *, case: str = "2026-7", sample: bytes = SAMPLE, insurer: str = AMC) -> Approval:
    return approve(insurer=insurer, case=case, sample=sample, approver=name, key=KEYS[name])


def required(*approvals: Approval) -> tuple[str, ...]:
    return require_approvals(approvals, APPROVERS, insurer=AMC, case="2026-7", sample=SAMPLE)


def test_two_persons_approve() -> None:
    assert required(approval("RSSI"), approval("DPO")) == ("DPO", "RSSI")


@pytest.mark.parametrize(
    "approvals",
    [
        (),
        (approval("DPO"),),
        (approval("DPO"), approval("DPO")),
        (approval("DPO"), approval("RSSI", case="2026-8")),
        (approval("DPO"), approval("RSSI", sample=bytes(32))),
        (approval("DPO"), approval("RSSI", insurer="99000002")),
        (approval("DPO"), replace(approval("RSSI"), approver="nobody")),
    ],
    ids=str,
)
def test_less_is_refused(approvals: tuple[Approval, ...]) -> None:
    with pytest.raises(InvalidLeakSample):
        required(*approvals)


def test_one_person_under_two_names_is_one() -> None:
    key = KEYS["DPO"]
    twice = [
        approve(insurer=AMC, case="2026-7", sample=SAMPLE, approver=name, key=key) for name in ("DPO", "other name")
    ]
    with pytest.raises(InvalidLeakSample):
        require_approvals(
            twice, {"DPO": key.public, "other name": key.public}, insurer=AMC, case="2026-7", sample=SAMPLE
        )


def test_a_signature_of_another_is_named() -> None:
    forged = replace(approval("RSSI"), approver="Direction")
    with pytest.raises(ProofFailure) as refused:
        required(approval("DPO"), forged)
    assert refused.value.culprit == "Direction"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[History]:
    (tmp_path / "secrets").mkdir()
    with History(tmp_path, seeded(1)) as opened:
        yield opened


def test_an_approver_is_listed_once_and_has_a_key_of_his_own(kept: History) -> None:
    kept.add_approver("DPO", APPROVERS["DPO"])
    for name, key in (("DPO", APPROVERS["RSSI"]), ("RSSI", APPROVERS["DPO"])):
        with pytest.raises(InvalidLeakSample):
            kept.add_approver(name, key)
    assert kept.approvers() == {"DPO": APPROVERS["DPO"]}


def test_matches_have_a_budget_that_comes_back(kept: History) -> None:
    for number in range(MATCHES_MAX):
        assert kept.keep_match("2026-7", SAMPLE, ("DPO", "RSSI"), EMPTY, JANUARY) == number + 1
    with pytest.raises(QuotaExceeded):
        kept.keep_match("2026-7", SAMPLE, ("DPO", "RSSI"), EMPTY, JANUARY + MATCHES_DAYS * DAY - 1)
    assert kept.keep_match("2026-7", SAMPLE, ("DPO", "RSSI"), EMPTY, JANUARY + MATCHES_DAYS * DAY) == MATCHES_MAX + 1
