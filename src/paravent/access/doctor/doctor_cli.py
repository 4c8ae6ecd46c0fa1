"""The verb ``doctor`` of every party (docs/governance.md section 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.doctor.checks import examine, healthy
from paravent.access.doctor.facts import Facts, PartyKind
from paravent.access.doctor.machine_store import default_lock, packages_of
from paravent.access.doctor.rules import DoctorRules
from paravent.access.doctor.rules_store import shipped_rules
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.wire.doctor import CheckResult, DoctorReport, Outcome, Setting
from paravent.wire.statements import sign_statement

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_MARKS = {Outcome.OK: "ok       ", Outcome.WRONG: "WRONG    ", Outcome.NOT_KNOWN: "not known"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a party saw of itself: its name, its key, its facts, and the settings that records need."""

    party: str
    key: SigningKey
    facts: Facts
    settings: Mapping[str, str]


def add_doctor_verb(
    group: click.Group, kind: PartyKind, observe: Callable[[Path, int], Observed], lock_name: str = "all.lock"
) -> None:
    """Adds to a party's group: doctor."""

    @verb(group, "Check the state of this party: what is wrong, what is not known, what to do; signed with --out.")
    @click.option("--lock", type=_EXISTING, default=None, help="Lock file that this machine was installed from.")
    @click.option("--out", type=_FILE, default=None, help="Where to write the signed report, for the register.")
    def doctor(home: Path, lock: Path | None, out: Path | None) -> Said:
        rules, now = shipped_rules(), cli.now()
        observed = observe(home, now)
        facts = replace(observed.facts, packages=packages_of(lock or default_lock(lock_name)))
        results = examine(kind, facts, rules)
        report = DoctorReport(
            party=observed.party, kind=kind.value, at=now, rules=rules.valid_from.isoformat(), results=tuple(results),
            settings=tuple(Setting(name=name, value=value) for name, value in observed.settings.items()),
        )  # fmt: skip
        if out is not None:
            cli.write_file(out, sign_statement(report, Label.DOCTOR_REPORT, observed.party, observed.key))
        values = _values(report, rules) | {"key": observed.key.public.hex()}
        return Said(text=_text(report, rules), values=values, failed=not healthy(results))


def _text(report: DoctorReport, rules: DoctorRules) -> str:
    """Writes a line a check, and below it what to do."""
    lines = []
    for one in report.results:
        answers = ", ".join(rules.rule(one.check).answers)
        lines.append(f"{_MARKS[one.outcome]} {one.check:18} {one.seen} [{answers}]")
        if one.advice:
            lines.append(f"{'':28} -> {one.advice}")
    counts = ", ".join(f"{sum(one.outcome is kind for one in report.results)} {kind.value}" for kind in Outcome)
    return "\n".join([*lines, f"{report.party} ({report.kind}): {counts}"])


def _values(report: DoctorReport, rules: DoctorRules) -> dict[str, object]:
    checks = [_check(one, rules) for one in report.results]
    counts = {kind.value: sum(one.outcome is kind for one in report.results) for kind in Outcome}
    return {"party": report.party, "kind": report.kind, "at": report.at, "checks": checks} | counts


def _check(one: CheckResult, rules: DoctorRules) -> dict[str, object]:
    row = rules.rule(one.check)
    return {
        "check": one.check, "outcome": one.outcome.value, "seen": one.seen, "advice": one.advice,
        "answers": list(row.answers), "proves": row.proves,
    }  # fmt: skip
