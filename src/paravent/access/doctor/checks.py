"""The checks of a party (docs/governance.md section 1): each a pure function over what was seen.

A check says "ok", "wrong" or "not known". What was not seen is not known, and an exemption is never "ok".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paravent.access.doctor import checks_machine, checks_time
from paravent.access.doctor.facts import Facts, PartyKind
from paravent.access.doctor.findings import Finding, not_known, ok, wrong
from paravent.access.doctor.rules import DoctorRules, Limits
from paravent.wire.doctor import CheckResult, Outcome

VERIFIERS = frozenset({PartyKind.KEYSERVER, PartyKind.HUB})
SERVING = VERIFIERS | {PartyKind.INSURER, PartyKind.DESK}
EVERY = frozenset(PartyKind)
# A desk keeps 30 days of acts and fetches the rest again: it has no backup (docs/operating.md section 6).
KEEPING = EVERY - {PartyKind.DESK}
JOINED = EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check, and the parties that run it."""

    name: str
    parties: frozenset[PartyKind]
    judge: Callable[[Facts, Limits], Finding]


def second_factor(facts: Facts, limits: Limits) -> Finding:
    """Judges the levels of authentication that are accepted at an enrolment."""
    if facts.second_factor is None:
        return not_known("no identity provider is set: no device can be enrolled", "run the verb openid")
    demanded, issuer = facts.second_factor.demanded, facts.second_factor.issuer
    weak = sorted(set(demanded) - set(limits.acr_second_factor))
    if not demanded or weak:
        return wrong(
            f"{issuer} may answer with: {', '.join(weak) or 'any level'}",
            "set acr_accepted to levels of two factors, and restart",
        )
    return ok(f"{issuer}: {', '.join(demanded)} demanded")


def quotas(facts: Facts, limits: Limits) -> Finding:
    """Judges the quotas that are set."""
    if facts.quotas is None:
        return not_known("the quotas could not be read", "correct config.toml")
    above = [
        f"{name} {facts.quotas.get(name, 'unset')} above {bound}" for name, bound in limits.quotas_max.items()
        if facts.quotas.get(name, bound + 1) > bound
    ]  # fmt: skip
    if above:
        return wrong("; ".join(above), "lower them in [quotas]: they bound what one stolen access opens")
    return ok(", ".join(f"{name} {value}" for name, value in facts.quotas.items()))


def key_files(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges who may read the home, its secrets and its databases."""
    if not facts.files:
        return not_known("no file of this home was seen", "give the home of a party")
    open_ = [one.name for one in facts.files if one.mode & 0o077]
    foreign = [one.name for one in facts.files if not one.owned]
    if open_ or foreign:
        seen = "; ".join(
            f"{what}: {_some(names)}"
            for what, names in (("open to others", open_), ("of another user", foreign))
            if names
        )
        return wrong(seen, "chmod 700 the folders, 600 the files; chown them to the user of the service")
    return ok(f"{len(facts.files)} files and folders, readable by their owner alone")


def share_custody(facts: Facts, limits: Limits) -> Finding:
    """Judges whether what has ended was deleted."""
    if facts.held is None:
        return not_known("what is held could not be read", "read the errors of this home's store")
    late = [one.name for one in facts.held if one.ends_at + limits.deletion_grace_seconds_max <= facts.at]
    if late:
        return wrong(f"ended and still here: {_some(late)}", "start the service, which deletes them, or run end-epoch")
    return ok(f"held, none ended: {_some([one.name for one in facts.held])}" if facts.held else "nothing is held")


def independence(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges whether one organisation declares as many key servers as open a row."""
    if facts.trust is None:
        return not_known("no directory is joined here", "run join")
    roles = ("operator", "host", "administrator")
    for role, names in zip(roles, zip(*facts.trust.declared, strict=True), strict=False):
        common = [name for name in set(names) if names.count(name) >= facts.trust.threshold]
        if common:
            return wrong(f"one {role} for {facts.trust.threshold} key servers: {common[0]}", "share them out otherwise")
    return ok(f"{len(facts.trust.declared)} key servers; no {facts.trust.threshold} declare one organisation")


def contracts(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges the register of processor contracts."""
    if facts.contracting is None or not facts.contracting.contracts:
        return not_known("no contract is registered here", "paravent watch contract FILE")
    if facts.contracting.faults:
        return wrong(f"{len(facts.contracting.faults)}: {facts.contracting.faults[0]}", "paravent watch contracts")
    return ok(f"{facts.contracting.contracts} contracts, no clause missing, nothing overdue")


CHECKS = (
    Check(name="second-factor", parties=VERIFIERS, judge=second_factor),
    Check(name="quotas", parties=VERIFIERS, judge=quotas),
    Check(name="key-files", parties=EVERY, judge=key_files),
    Check(name="share-custody", parties=frozenset({PartyKind.KEYSERVER, PartyKind.INSURER}), judge=share_custody),
    Check(name="quota-keys", parties=VERIFIERS, judge=checks_time.quota_keys),
    Check(name="backup", parties=KEEPING, judge=checks_time.backup),
    Check(name="restore", parties=KEEPING, judge=checks_time.restore),
    Check(name="packages", parties=EVERY, judge=checks_machine.packages),
    Check(name="patch-age", parties=EVERY, judge=checks_time.patch_age),
    Check(
        name="log-cosigned", parties=frozenset({PartyKind.KEYSERVER, PartyKind.BREACH}), judge=checks_time.log_cosigned
    ),
    Check(name="log-stamped", parties=frozenset({PartyKind.KEYSERVER}), judge=checks_time.log_stamped),
    Check(name="listening", parties=SERVING, judge=checks_machine.listening),
    Check(name="clock", parties=JOINED, judge=checks_time.clock),
    Check(name="tls-front", parties=VERIFIERS, judge=checks_machine.tls_front),
    Check(name="synchronous-writes", parties=EVERY, judge=checks_machine.synchronous_writes),
    Check(name="disk-space", parties=EVERY, judge=checks_machine.disk_space),
    Check(
        name="live-statements", parties=frozenset({PartyKind.HUB, PartyKind.INSURER}), judge=checks_time.live_statements
    ),
    Check(name="independence", parties=JOINED, judge=independence),
    Check(name="contracts", parties=frozenset({PartyKind.BREACH}), judge=contracts),
)


def checks_of(kind: PartyKind) -> list[Check]:
    """Lists the checks that a party runs."""
    return [check for check in CHECKS if kind in check.parties]


def examine(kind: PartyKind, facts: Facts, rules: DoctorRules) -> list[CheckResult]:
    """Runs every check of a party; raises InvalidConfiguration when one has no row of what it answers."""
    results = []
    for check in checks_of(kind):
        rules.rule(check.name)
        found = check.judge(facts, rules.limits)
        results.append(
            CheckResult(check=check.name, outcome=found.outcome, seen=found.seen[:600], advice=found.advice[:600])
        )
    return results


def healthy(results: Sequence[CheckResult]) -> bool:
    """Says whether every check is right: what is not known is not."""
    return all(one.outcome is Outcome.OK for one in results)


def _some(names: Sequence[str]) -> str:
    """Names a few, and counts the rest."""
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
