"""Every check is green on a healthy party, red on its own fault, and not known when it saw nothing.

A check without its red case does not pass here, nor does a measure whose check was never seen turning it red.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from paravent.access.doctor import rules_store
from paravent.access.doctor.checks import CHECKS, Check, checks_of, examine
from paravent.access.doctor.facts import (
    BackupRecord,
    Clock,
    Contracting,
    Database,
    Disk,
    Ending,
    Facts,
    FileMode,
    Front,
    Listening,
    Packages,
    PartyKind,
    SecondFactor,
    Stamping,
    Trust,
    Updated,
    Witnessed,
)
from paravent.access.doctor.rules import read_rules
from paravent.access.doctor.rules_store import shipped_rules
from paravent.access.quotas import QuotaLimits
from paravent.breach.registers.measures import Measure, State, answers_of, standings
from paravent.breach.registers.store import shipped
from paravent.errors import InvalidConfiguration
from paravent.wire.doctor import DoctorReport, Outcome

NOW = 1_795_000_000
DAY = 86_400
RULES = shipped_rules()
FLUSHING = ("fsync", "full_page_writes", "synchronous_commit")
BACKUP = BackupRecord(made_at=NOW - DAY, restored_at=NOW - DAY, sha256=bytes(32))

HEALTHY = Facts(
    at=NOW,
    files=(FileMode(name="secrets/signing.key", mode=0o600, owned=True),),
    held=(Ending(name="share of 99000001, epoch 2", ends_at=NOW + DAY),),
    quota_key_days=(NOW // DAY, NOW // DAY + 1),
    second_factor=SecondFactor(issuer="https://provider.example", demanded=("eidas1",)),
    quotas=msgspec.structs.asdict(QuotaLimits()),
    backups=(BACKUP,),
    packages=Packages(installed={"click": "8.2"}, locked={"click": frozenset({"8.2"})}, lock="all.lock"),
    updated=Updated(packages_at=NOW - DAY, system_at=NOW - DAY),
    witnessed=Witnessed(size=7, cosigned_at={"ks2": NOW - 20, "hub": NOW - 30}, threshold=2),
    stamping=Stamping(stamped_at=NOW - 60, every_seconds=3_600),
    listening=Listening(host="127.0.0.1", addresses=("127.0.0.1",), loopback_only=True),
    clock=Clock(differences={"ks2": 0.2, "ks3": -0.4}, synchronised=None),
    front=Front(base_url="https://ks1.example", certificate_ends_at=NOW + 60 * DAY, fault=None),
    database=Database(engine="sqlite", settings={"journal_mode": "wal"}, filesystem="ext4"),
    disk=Disk(free_bytes=50 * 2**30, total_bytes=100 * 2**30),
    live=(Ending(name="epoch 2", ends_at=NOW + DAY),),
    trust=Trust(declared=(("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i")), threshold=2),
    contracting=Contracting(contracts=3, faults=()),
)

# One fault a line, and the check that must see it. Several lines for a check are several faults.
RED: dict[str, tuple[Facts, ...]] = {
    "second-factor": (
        replace(HEALTHY, second_factor=SecondFactor(issuer="https://provider.example", demanded=())),
        replace(
            HEALTHY, second_factor=SecondFactor(issuer="https://provider.example", demanded=("eidas1", "password"))
        ),
    ),
    "quotas": (
        replace(HEALTHY, quotas=msgspec.structs.asdict(QuotaLimits(openings_per_day_max=400))),
        replace(HEALTHY, quotas={}),
    ),
    "key-files": (
        replace(HEALTHY, files=(FileMode(name="hub.db", mode=0o640, owned=True),)),
        replace(HEALTHY, files=(FileMode(name="secrets", mode=0o700, owned=False),)),
    ),
    "share-custody": (replace(HEALTHY, held=(Ending(name="share of 99000001, epoch 1", ends_at=NOW - DAY),)),),
    "quota-keys": (replace(HEALTHY, quota_key_days=(NOW // DAY - 3,)),),
    "backup": (
        replace(HEALTHY, backups=()),
        replace(HEALTHY, backups=(msgspec.structs.replace(BACKUP, made_at=NOW - 30 * DAY),)),
        # An instant that has not come would look recent for ever.
        replace(HEALTHY, backups=(msgspec.structs.replace(BACKUP, made_at=NOW + 30 * DAY),)),
    ),
    "restore": (
        replace(HEALTHY, backups=(msgspec.structs.replace(BACKUP, restored_at=None),)),
        replace(HEALTHY, backups=(msgspec.structs.replace(BACKUP, restored_at=NOW - 365 * DAY),)),
        replace(HEALTHY, backups=(msgspec.structs.replace(BACKUP, restored_at=NOW + 365 * DAY),)),
    ),
    "packages": (
        replace(HEALTHY, packages=Packages(installed={"click": "8.1"}, locked={"click": frozenset({"8.2"})}, lock="x")),
    ),
    "patch-age": (
        replace(HEALTHY, updated=Updated(packages_at=NOW - 365 * DAY, system_at=NOW)),
        replace(HEALTHY, updated=Updated(packages_at=NOW, system_at=NOW - 365 * DAY)),
        replace(HEALTHY, updated=Updated(packages_at=NOW, system_at=NOW + 365 * DAY)),
    ),
    "log-cosigned": (
        replace(HEALTHY, witnessed=Witnessed(size=7, cosigned_at={"ks2": NOW - 20, "hub": NOW - DAY}, threshold=2)),
        replace(HEALTHY, witnessed=Witnessed(size=0, cosigned_at={}, threshold=2)),
        replace(HEALTHY, witnessed=Witnessed(size=7, cosigned_at={"ks2": NOW - 20, "hub": NOW + DAY}, threshold=2)),
    ),
    "log-stamped": (
        replace(HEALTHY, stamping=Stamping(stamped_at=None, every_seconds=0)),
        replace(HEALTHY, stamping=Stamping(stamped_at=None, every_seconds=3_600)),
        replace(HEALTHY, stamping=Stamping(stamped_at=NOW - DAY, every_seconds=3_600)),
        replace(HEALTHY, stamping=Stamping(stamped_at=NOW + DAY, every_seconds=3_600)),
    ),
    "listening": (
        replace(HEALTHY, listening=Listening(host="127.0.0.1", addresses=("192.0.2.1",), loopback_only=True)),
        replace(HEALTHY, listening=Listening(host="192.0.2.1", addresses=("0.0.0.0",), loopback_only=False)),  # noqa: S104 - the fault
        replace(HEALTHY, listening=Listening(host="::", addresses=(), loopback_only=False)),
        replace(HEALTHY, listening=Listening(host="shop.example", addresses=(), loopback_only=True)),
    ),
    "clock": (
        replace(HEALTHY, clock=Clock(differences={"ks2": 0.1, "ks3": -40.0}, synchronised=True)),
        replace(HEALTHY, clock=Clock(differences={"ks2": 0.1}, synchronised=False)),
    ),
    "tls-front": (
        replace(HEALTHY, front=Front(base_url="http://ks1.example", certificate_ends_at=None, fault=None)),
        replace(HEALTHY, front=Front(base_url="https://ks1.example", certificate_ends_at=None, fault="SSLError")),
        replace(HEALTHY, front=Front(base_url="https://ks1.example", certificate_ends_at=NOW + DAY, fault=None)),
    ),
    "synchronous-writes": (
        replace(HEALTHY, database=Database(engine="sqlite", settings={"journal_mode": "delete"}, filesystem="ext4")),
        replace(HEALTHY, database=Database(engine="sqlite", settings={"journal_mode": "wal"}, filesystem="tmpfs")),
        replace(
            HEALTHY,
            database=Database(
                engine="postgresql",
                settings={"fsync": "off", "full_page_writes": "on", "synchronous_commit": "on"},
                filesystem="x",
            ),
        ),
    ),
    "disk-space": (
        replace(HEALTHY, disk=Disk(free_bytes=2**29, total_bytes=2**31)),
        replace(HEALTHY, disk=Disk(free_bytes=5 * 2**30, total_bytes=100 * 2**30)),
    ),
    "live-statements": (replace(HEALTHY, live=(Ending(name="status list", ends_at=NOW - 1),)),),
    "independence": (
        replace(HEALTHY, trust=Trust(declared=(("a", "x", "c"), ("d", "x", "f"), ("g", "h", "i")), threshold=2)),
    ),
    "contracts": (replace(HEALTHY, contracting=Contracting(contracts=1, faults=("clause f is missing",))),),
}
FAULTS = [(check, facts) for check in CHECKS for facts in RED.get(check.name, ())]


def test_every_check_has_its_red_case_and_its_row() -> None:
    assert {check.name for check in CHECKS} == RED.keys() == {row.name for row in RULES.check}
    assert all(RED.values())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_healthy_party_is_green_and_one_that_saw_nothing_is_not(check: Check) -> None:
    assert check.judge(HEALTHY, RULES.limits).outcome is Outcome.OK
    assert check.judge(Facts(at=NOW), RULES.limits).outcome is Outcome.NOT_KNOWN


@pytest.mark.parametrize(
    ("check", "facts"),
    [pytest.param(check, facts, id=f"{check.name}-{place}") for place, (check, facts) in enumerate(FAULTS)],
)
def test_a_fault_turns_its_check_red_and_says_what_to_do(check: Check, facts: Facts) -> None:
    found = check.judge(facts, RULES.limits)
    assert (found.outcome, bool(found.advice)) == (Outcome.WRONG, True)


@pytest.mark.parametrize("reference", sorted(RULES.machine_measures()))
def test_each_measure_checked_by_machine_turns_red(reference: str) -> None:
    """By each check that answers it, at each party that runs it: and green before."""
    known, seen = shipped(), 0
    for check, facts in FAULTS:
        if reference not in RULES.rule(check.name).answers:
            continue
        for kind in check.parties:
            assert _state(reference, _report(kind, HEALTHY), known) is State.MACHINE
            assert _state(reference, _report(kind, facts), known) is State.WRONG
            seen += 1
    assert seen


def _report(kind: PartyKind, facts: Facts) -> DoctorReport:
    results = tuple(examine(kind, facts, RULES))
    return DoctorReport(party="ks1", kind=kind.value, at=NOW, rules="2026-01-01", results=results, settings=())


def _state(reference: str, report: DoctorReport, known: list[Measure]) -> State:
    answers = answers_of(report, RULES, bytes(32), "RSSI", NOW)
    found = standings(known, answers, NOW, RULES.limits.answer_age_days_max)
    return next(one.state for one in found if one.measure.reference == reference)


def test_what_a_party_cannot_be_judged_by_is_not_asked_of_it() -> None:
    assert {check.name for check in checks_of(PartyKind.DESK)}.isdisjoint({"backup", "tls-front", "quotas"})
    assert "contracts" in {check.name for check in checks_of(PartyKind.BREACH)}


def test_every_measure_that_a_check_answers_is_in_a_list() -> None:
    assert {one.reference for one in shipped()} >= RULES.machine_measures()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "quotas"\n', 'name = "second-factor"\n'),
        ('backup_age_days_max = "own choice"\n', ""),
        ("backup_age_days_max = 2", 'backup_age_days_max = "two"'),
    ],
)
def test_a_file_of_limits_without_sources_or_with_a_check_twice_is_refused(old: str, new: str) -> None:
    text = (rules_store._DATA / "doctor-2026-01-01.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(InvalidConfiguration):
        read_rules(text.replace(old, new, 1).encode())
