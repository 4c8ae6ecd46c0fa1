"""Checks about instants: backups, updates, logs, clocks, ends (docs/governance.md section 1): pure."""

from __future__ import annotations

from datetime import UTC, datetime

from paravent.access.doctor.facts import Facts
from paravent.access.doctor.findings import Finding, not_known, ok, wrong
from paravent.access.doctor.rules import Limits

DAY_SECONDS = 86_400
AHEAD_SECONDS_MAX = 3_600
_NO_RECORD = "remove backups.json, and run backup"


def quota_keys(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges whether the pseudonym keys of past days were destroyed (docs/protocol.md section 10)."""
    if facts.quota_key_days is None:
        return not_known("the secrets of this home could not be listed", "run as the user of the service")
    # Keys are made for yesterday, today and tomorrow; one of the day before may wait for the next request.
    old = [day for day in facts.quota_key_days if day < facts.at // DAY_SECONDS - 2]
    if old:
        return wrong(f"{len(old)} keys of days past, the oldest of {_day(min(old) * DAY_SECONDS)}", "see section 6")
    return ok(f"{len(facts.quota_key_days)} keys, of the last two days and the next")


def backup(facts: Facts, limits: Limits) -> Finding:
    """Judges the age of the newest backup that a record tells of."""
    if facts.backups is None:
        return not_known("no record of backups can be read here", _NO_RECORD)
    if not facts.backups:
        return wrong("no backup was ever recorded here", "run backup, each day")
    at = max(one.made_at for one in facts.backups)
    return _aged(facts.at, at, limits.backup_age_days_max, "last backup", "run backup, each day")


def restore(facts: Facts, limits: Limits) -> Finding:
    """Judges the age of the newest trial of a restoration."""
    if facts.backups is None:
        return not_known("no record of backups can be read here", _NO_RECORD)
    tried = [one.restored_at for one in facts.backups if one.restored_at is not None]
    if not tried:
        return wrong("no backup was ever restored as a trial", "run backup --restore, or restore --dry-run at the hub")
    return _aged(
        facts.at,
        max(tried),
        limits.restore_age_days_max,
        "last trial",
        "run backup --restore, or restore --dry-run at the hub",
    )


def patch_age(facts: Facts, limits: Limits) -> Finding:
    """Judges when packages were last installed, Python's and the system's."""
    if facts.updated is None:
        return not_known("no installed package was seen", "install the package with pip")
    if facts.updated.system_at is None:
        return not_known("when the system was updated cannot be seen here", "answer by a document")
    oldest = min(facts.updated.packages_at, facts.updated.system_at)
    seen = f"Python packages of {_day(facts.updated.packages_at)}, system packages of {_day(facts.updated.system_at)}"
    if _ahead(facts.at, max(facts.updated.packages_at, facts.updated.system_at)):
        return wrong(f"{seen}: a date that has not come", "correct the clock of this machine")
    if facts.at - oldest > limits.patch_age_days_max * DAY_SECONDS:
        return wrong(f"{seen}: above {limits.patch_age_days_max} days", "install the newest lock; update the system")
    return ok(seen)


def log_cosigned(facts: Facts, limits: Limits) -> Finding:
    """Judges how many parties cosigned the log lately."""
    if facts.witnessed is None:
        return not_known("the log or the directory could not be read", "run join, then serve")
    since = facts.at - limits.cosigned_age_seconds_max
    signed = facts.witnessed.cosigned_at.items()
    recent = sorted(name for name, at in signed if at >= since and not _ahead(facts.at, at))
    seen = f"{facts.witnessed.size} leaves, cosigned lately by {', '.join(recent) or 'none'}"
    if len(recent) < facts.witnessed.threshold:
        return wrong(f"{seen}: {facts.witnessed.threshold} are needed", "see that the other parties reach this one")
    return ok(seen)


def log_stamped(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges the age of the newest stamp of an authority."""
    if facts.stamping is None:
        return not_known("the log could not be read", "run serve")
    if not facts.stamping.every_seconds:
        return wrong("no time-stamping authority is set", "set timestamp_url")
    at = facts.stamping.stamped_at
    if at is None or _ahead(facts.at, at) or facts.at - at > 2 * facts.stamping.every_seconds:
        return wrong(f"last stamp: {'none' if at is None else _day(at)}", "see that the authority answers")
    return ok(f"stamped on {_day(at)}, every {facts.stamping.every_seconds} seconds")


def clock(facts: Facts, limits: Limits) -> Finding:
    """Judges this clock by the instants that other parties signed."""
    if facts.clock is None or not facts.clock.differences:
        return not_known("no other party answered with an instant", "join a directory; see that key servers answer")
    worst = max(facts.clock.differences.values(), key=abs)
    seen = ", ".join(f"{name} {value:+.1f} s" for name, value in sorted(facts.clock.differences.items()))
    if abs(worst) > limits.clock_difference_seconds_max:
        return wrong(seen, "follow a time source (chrony, systemd-timesyncd)")
    if facts.clock.synchronised is False:
        return wrong(f"{seen}; the system says that it follows no source", "start chrony or systemd-timesyncd")
    return ok(seen)


def live_statements(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges whether what is published is still in force."""
    if facts.live is None:
        return not_known("what is published could not be read", "read the errors of this home's store")
    if not facts.live:
        return not_known("nothing is published yet", "publish")
    ended = [one.name for one in facts.live if one.ends_at <= facts.at]
    if ended:
        return wrong(f"past their end: {', '.join(ended[:6])}", "the insurer runs publish each day, rotate in time")
    return ok(f"{len(facts.live)} in force, the first ends on {_day(min(one.ends_at for one in facts.live))}")


def _ahead(now: int, at: int) -> bool:
    """Says whether an instant is one that has not come: it would look recent for ever."""
    return at > now + AHEAD_SECONDS_MAX


def _aged(now: int, at: int, days_max: int, what: str, advice: str) -> Finding:
    if _ahead(now, at):
        return wrong(f"{what}: {_day(at)}, which has not come", "correct the clock, and what was recorded under it")
    if now - at > days_max * DAY_SECONDS:
        return wrong(f"{what}: {_day(at)}, above {days_max} days", advice)
    return ok(f"{what}: {_day(at)}")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
