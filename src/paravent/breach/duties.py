"""What is due, to whom, when, what was decided and filed (docs/protocol.md section 16): pure.

One duty per rule and recipient. Instants are the wall clock, counted from the trigger and nothing else; what
Regulation 1182/71 may do to a week-end is left to counsel, and the longer date is never claimed.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from paravent.breach.closing import closing
from paravent.breach.duties_rules import DutyRule, DutyRules
from paravent.breach.entries import Decided, Filed, Opened, Placed, Stage
from paravent.breach.registers.contracts import Promise
from paravent.breach.standing import opened, standing
from paravent.errors import InvalidConfiguration
from paravent.optics.months import FRANCE

HOUR_SECONDS = 3_600
OPERATOR_DUTY = "operateur"
NOTICE_CODE = "rgpd-33-2"
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One row of a case: ``due_at`` is None while its trigger has not happened, or when the law gives no figure.

    ``since`` is the position of the entry that triggered it; ``weekend`` says that the due day is a Saturday or a
    Sunday, which is for counsel.
    """

    identifier: str
    rule: DutyRule
    insurer: str | None
    trigger_at: int | None
    since: int | None
    due_at: int | None
    target_at: int | None
    weekend: bool
    decision: str
    reason: str
    filings: tuple[Filed, ...]
    contract: str = ""

    @property
    def next_at(self) -> int | None:
        """When it is to be done: the instant of the law or of a contract, or our own target when that is earlier."""
        return min((at for at in (self.due_at, self.target_at) if at is not None), default=None)

    @property
    def own_target(self) -> bool:
        """Says whether that instant is our own."""
        return self.next_at != self.due_at

    def late(self, now: int) -> bool:
        """Says whether the instant of the law or of a contract has passed with nothing filed."""
        return self.due_at is not None and now > self.due_at and not self.filings


def duties(
    rules: DutyRules, placed: Sequence[Placed], insurers: Iterable[str], promised: Mapping[str, Promise] | None = None
) -> list[Duty]:  # fmt: skip
    """Lists every duty of a case; ``promised`` are the notice delays of contracts, by AMC number (33(2)).

    In a case that was closed as a false alarm nothing is due any more: what was decided and filed stays.
    """
    entries = standing(placed)
    names, stopped = sorted(insurers), closing(placed) is not None
    found = [
        _duty(rule, insurer, entries, (promised or {}).get(insurer or "") if rule.code == NOTICE_CODE else None)
        for rule in rules.duty for insurer in (names if rule.each_insurer else [None])
    ]  # fmt: skip
    return [replace(one, due_at=None, target_at=None, weekend=False) for one in found] if stopped else found


def require_duty(found: Iterable[Duty], identifier: str) -> Duty:
    """Finds a duty; raises InvalidConfiguration when there is none of this identifier."""
    duty = next((one for one in found if one.identifier == identifier), None)
    if duty is None:
        raise InvalidConfiguration("no duty of this case has this identifier")
    return duty


def identifier(code: str, insurer: str | None) -> str:
    """Names a duty: the code of its rule, and whose it is."""
    return f"{code}:{insurer or OPERATOR_DUTY}"


def _duty(rule: DutyRule, insurer: str | None, entries: Sequence[Placed], promise: Promise | None) -> Duty:
    name = identifier(rule.code, insurer)
    trigger = _trigger(rule.trigger, insurer, entries)
    at, since = trigger or (None, None)
    decided = [each.entry.said for each in entries if isinstance(each.entry.said, Decided)]
    last = next((one for one in reversed(decided) if one.duty == name), None)
    # A contract shortens what the law leaves open, and never lengthens what it says.
    hours = min(
        (one for one in (rule.hours, None if promise is None else promise.hours) if one is not None), default=None
    )
    due = None if at is None else _after(at, hours, rule.months)
    return Duty(
        identifier=name, rule=rule, insurer=insurer, trigger_at=at, since=since, due_at=due,
        target_at=None if at is None else _after(at, rule.target_hours, None),
        weekend=due is not None and datetime.fromtimestamp(due, FRANCE).weekday() >= _SATURDAY,
        decision="" if last is None else last.decision, reason="" if last is None else last.reason,
        filings=tuple(
            each.entry.said for each in entries if isinstance(each.entry.said, Filed) and each.entry.said.duty == name
        ),
        contract="" if promise is None else promise.contract,
    )  # fmt: skip


def _trigger(trigger: str, insurer: str | None, entries: Sequence[Placed]) -> tuple[int, int] | None:
    """Finds when a duty starts to run, and the entry that says so."""
    start = opened(entries)
    aware = (start.entry.said.aware_at, start.position) if isinstance(start.entry.said, Opened) else None
    match trigger.split(":"):
        case ["aware"]:
            return aware
        case ["told"]:
            # A controller is aware when its processor tells it; until then the operator's clock, shorter.
            return _filed(identifier(NOTICE_CODE, insurer), entries) or aware
        case [_, code]:
            return _filed(identifier(code, insurer), entries)
        case _:
            return None


def _filed(duty: str, entries: Sequence[Placed]) -> tuple[int, int] | None:
    for each in entries:
        said = each.entry.said
        if isinstance(said, Filed) and (said.duty, said.stage) == (duty, Stage.INITIAL):
            return said.filed_at, each.position
    return None


def _after(at: int, hours: int | None, months: int | None) -> int | None:
    if hours is not None:
        return at + hours * HOUR_SECONDS
    if months is None:
        return None
    start = datetime.fromtimestamp(at, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    # The 31st of a shorter month is its last day: earlier, never later.
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def next_working_day_ends(due_at: int) -> int:
    """Returns the end (in France) of the first day from a due instant that is neither a Saturday nor a Sunday."""
    day = datetime.fromtimestamp(due_at, FRANCE).replace(hour=23, minute=59, second=59)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return int(day.timestamp())
