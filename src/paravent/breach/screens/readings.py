"""What the console of the breach desk shows, from what a home keeps (docs/screens.md): pure.

Nothing here is of an insured person: a case holds labels, and counts alone are shown of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from paravent.access.doctor.witnessed import witnessed
from paravent.access.services import LogHead
from paravent.breach.closing import closing, require_closable
from paravent.breach.duties import Duty
from paravent.breach.entries import (
    Closed,
    Computed,
    Decided,
    Documented,
    Filed,
    LootKind,
    Noted,
    Opened,
    Origin,
    Placed,
    Stolen,
    Switched,
)
from paravent.breach.registers.contracts import Contract, audit_due
from paravent.breach.registers.measures import Standing, State
from paravent.breach.requests import Request, requests
from paravent.breach.standing import opened, standing
from paravent.breach.texts import ASSUMPTIONS
from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.note import NoteKey, parse_note
from paravent.errors import InvalidConfiguration
from paravent.wire.alarm import Alarm
from paravent.wire.suspension import Measure

SHOWN_STATES = (State.WRONG, State.NO, State.NOT_KNOWN)


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    EXERCISE = "exercise"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One thing that is due: a duty or the request of an authority; instants are Unix seconds.

    ``former_at`` is the instant that it was due by, before the opening of the case was corrected.
    """

    case: str
    name: str
    whom: str
    what: str
    source: str
    at: int | None
    own_target: bool
    weekend: bool
    done_at: int | None
    late: bool
    doubtful: bool
    decision: str
    reason: str
    contract: str
    former_at: int | None
    duty: bool

    def missed(self, now: int) -> bool:
        """Says whether an instant has passed that no text sets: not overdue, and not done."""
        return self.at is not None and self.at < now and self.done_at is None and not self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """How many persons of one insurer, with the assumption under each number in both languages, and its entry."""

    insurer: str
    numbers: tuple[tuple[int, tuple[str, str]], ...]
    membership: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An entry that no longer stands: what it was, when it was said, and which entry took its place."""

    number: int
    event: str
    said_at: int
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAlarm:
    """An alarm that was taken, and the case that it opened or was added to."""

    case: str
    state: CaseState
    alarm: Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReading:
    """A case as its page shows it; what was said is given with the position of its entry in the log.

    ``documents`` are (entry number, name, instant), the newest first; ``closed`` is (position, reason, instant), and
    ``closable`` says why the case cannot be closed, or nothing.
    """

    case: str
    state: CaseState
    start: Opened
    closed: tuple[int, str, int] | None
    closable: str
    stolen: tuple[LootKind, ...]
    clocks: tuple[Clock, ...]
    exposed: tuple[Exposed, ...]
    filings: tuple[tuple[int, Filed], ...]
    decisions: tuple[tuple[int, Decided], ...]
    notes: tuple[tuple[int, Noted], ...]
    documents: tuple[tuple[int, str, int], ...]
    switched: tuple[tuple[int, Switched], ...]
    corrected: tuple[Corrected, ...]
    alarms: tuple[SeenAlarm, ...]

    @property
    def late(self) -> int:
        """Counts what is overdue."""
        return sum(clock.late for clock in self.clocks)

    def next_at(self, now: int) -> int | None:
        """When the next thing is due that is not done; None when nothing is. What has passed is never next."""
        waiting = (one.at for one in self.clocks if one.at is not None and one.done_at is None and one.at >= now)
        return min(waiting, default=None)


def case_reading(
    case: str, placed: Sequence[Placed], duties: Iterable[Duty], former: Iterable[Duty], alarms: Iterable[Alarm],
    now: int,
) -> CaseReading:  # fmt: skip
    """Gathers a case; ``former`` are its duties as its first entry alone made them."""
    entries, end = standing(placed), closing(placed)
    start = opened(entries).entry.said
    assert isinstance(start, Opened)  # noqa: S101 - ``opened`` returns the entry that opened the case
    state = _state(start, end)
    before = {one.identifier: one.due_at for one in former}
    clocks = [
        *(_of_duty(case, one, before.get(one.identifier), now) for one in duties),
        *(_of_request(case, one, now) for one in requests(placed)),
    ]
    said = [(each.position, each.entry.said) for each in entries]
    return CaseReading(
        case=case, state=state, start=start, closed=_closed(end), closable=_closable(placed),
        stolen=tuple(dict.fromkeys(one.kind for _, one in said if isinstance(one, Stolen))),
        clocks=tuple(sorted(clocks, key=urgency)),
        exposed=tuple(_exposed(position, one) for position, one in said if isinstance(one, Computed)),
        filings=tuple((position, one) for position, one in said if isinstance(one, Filed)),
        decisions=tuple((position, one) for position, one in said if isinstance(one, Decided)),
        notes=tuple((position, one) for position, one in said if isinstance(one, Noted)),
        documents=tuple(
            (each.entry.number, each.entry.said.name, each.entry.at) for each in reversed(entries)
            if isinstance(each.entry.said, Documented)
        ),
        switched=tuple((position, one) for position, one in said if isinstance(one, Switched)),
        corrected=tuple(_corrected(placed)),
        alarms=tuple(SeenAlarm(case=case, state=state, alarm=one) for one in alarms),
    )  # fmt: skip


def urgency(clock: Clock) -> tuple[bool, bool, bool, int, str]:
    """Orders clocks: the overdue first, then the next due, then what has no instant, what is done last."""
    return clock.done_at is not None, not clock.late, clock.at is None, clock.at or 0, clock.name


def _state(start: Opened, end: Placed | None) -> CaseState:
    if end is not None:
        return CaseState.CLOSED
    return CaseState.EXERCISE if start.origin is Origin.DRILL else CaseState.OPEN


def _closed(end: Placed | None) -> tuple[int, str, int] | None:
    if end is None or not isinstance(end.entry.said, Closed):
        return None
    return end.position, end.entry.said.reason, end.entry.at


def _closable(placed: Sequence[Placed]) -> str:
    """Says why a case cannot be closed; empty when it can."""
    try:
        require_closable(placed)
    except InvalidConfiguration as reason:
        return str(reason)
    return ""


def _of_duty(case: str, one: Duty, former_at: int | None, now: int) -> Clock:
    changed = former_at is not None and one.due_at is not None and former_at != one.due_at
    return Clock(
        case=case, name=one.identifier, whom=one.rule.recipient, what=one.rule.text, source=one.rule.source,
        at=one.next_at, own_target=one.next_at is not None and one.own_target, weekend=one.weekend,
        done_at=max((filed.filed_at for filed in one.filings), default=None), late=one.late(now),
        doubtful=one.rule.status != "verified", decision=one.decision, reason=one.reason, contract=one.contract,
        former_at=former_at if changed else None, duty=True,
    )  # fmt: skip


def _of_request(case: str, one: Request, now: int) -> Clock:
    done = max((piece.handed_at for _, piece in one.pieces), default=None) if one.answered else None
    return Clock(
        case=case, name=one.name, whom=one.said.authority, what=one.said.text, source=one.said.basis,
        at=one.said.due_at, own_target=False, weekend=False, done_at=done, late=one.late(now), doubtful=False,
        decision="", reason="", contract="", former_at=None, duty=False,
    )  # fmt: skip


def _exposed(position: int, one: Computed) -> Exposed:
    numbers = (one.proved, one.estimate, one.upper)
    return Exposed(
        insurer=one.insurer, membership=one.membership_upper, position=position,
        numbers=tuple((value, ASSUMPTIONS[code]) for value, code in zip(numbers, one.assumptions, strict=True)),
    )  # fmt: skip


def _corrected(placed: Sequence[Placed]) -> Iterator[Corrected]:
    by_number = {each.entry.number: each.entry for each in placed}
    for each in placed:
        former = None if each.entry.supersedes is None else by_number.get(each.entry.supersedes)
        if former is not None:
            event = type(former.said).__struct_config__.tag
            yield Corrected(number=former.number, event=str(event), said_at=former.at, by=each.entry.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a case suspended and did not resume: the kind, the subject, since when, whether every verifier took it."""

    case: str
    kind: str
    subject: str
    since: int
    complete: bool


def in_force(case: str, placed: Sequence[Placed]) -> list[InForce]:
    """Lists the suspensions and withdrawals of a case that hold; a request to an insurer is none."""
    found: dict[tuple[str, str], InForce] = {}
    for each in standing(placed):
        said = each.entry.said
        if not isinstance(said, Switched):
            continue
        match said.target.split(" ", 2):
            case [Measure.RESUME, kind, subject]:
                found.pop((kind, subject), None)
            case [Measure.SUSPEND | Measure.WITHDRAW, kind, subject]:
                found[kind, subject] = InForce(
                    case=case, kind=kind, subject=subject, since=each.entry.at, complete=said.complete
                )
            case _:
                pass
    return list(found.values())


class Overdue(StrEnum):
    """What of a contract has passed."""

    END = "end"
    HDS = "hds"
    AUDIT = "audit"


def overdue(contracts: Iterable[Contract], day: date) -> list[tuple[str, Overdue, date]]:
    """Lists what has passed in the contracts whose data were not returned, the oldest first."""
    found = [
        (one.reference, what, at)
        for one in contracts if not one.closed(day)
        for what, at in (
            (Overdue.END, one.ends_on), (Overdue.HDS, None if one.hds is None else one.hds.expires_on),
            (Overdue.AUDIT, audit_due(one)),
        )
        if at is not None and at < day
    ]  # fmt: skip
    return sorted(found, key=lambda one: one[2])


def to_do(found: Iterable[Standing]) -> list[Standing]:
    """Lists the measures that somebody answered, and that are wrong, refused or not known any more."""
    return [one for one in found if one.state in SHOWN_STATES]


def own_head(note: bytes | None, log: NoteKey, cosigners: Sequence[NoteKey], now: int) -> LogHead | None:
    """Reads the newest checkpoint of the desk's own log and the cosignatures of it that verify; None without one."""
    found = witnessed(note, log, cosigners, 0, now)
    if note is None or not found.size:
        return None
    root = parse_checkpoint(parse_note(note).text).root
    return LogHead(name=log.name, size=found.size, root=root, cosigned_at=found.cosigned_at, seen_at=now)
