"""Measures and their answers (docs/governance.md section 2): ANSSI's 42 measures, the sheets of the CNIL's guide.

An answer is checked by machine, proved by a document, declared by its owner, or no. Answers are added and never
changed. What no answer was ever given is said as such: it is neither yes nor no.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import msgspec

from paravent.access.doctor.rules import DoctorRules
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Bytes32, Message, Name, Natural
from paravent.wire.doctor import DoctorReport, Outcome

DAY_SECONDS = 86_400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# From the worst: what one check found wrong is not made right by another.
_WORST = (Outcome.WRONG, Outcome.NOT_KNOWN, Outcome.OK)


class Kind(Enum):
    """What an answer rests on."""

    MACHINE = "checked by machine"
    DOCUMENT = "document"
    DECLARED = "declared"
    NO = "no"


class State(Enum):
    """What is to be thought of a measure: ``MACHINE`` and ``DOCUMENT`` alone are green."""

    WRONG = "wrong"
    NO = "no"
    NOT_KNOWN = "not known"
    MACHINE = "checked by machine"
    DOCUMENT = "document"
    DECLARED = "declared"
    UNANSWERED = "unanswered"


class Measure(Message, frozen=True, kw_only=True):
    """A measure of a published list: its reference (``anssi-12``, ``cnil-3``) and its French title."""

    reference: str
    title: str


class Answer(Message, frozen=True, kw_only=True):
    """An answer: what was so at ``at``, kept here at ``kept_at`` (Unix seconds), by the function that answers for it.

    ``proof`` is the SHA-256 of the document, or of the signed report of the ``party`` that its ``checks`` ran at.
    """

    reference: str
    kind: Kind
    owner: str
    at: Natural
    kept_at: Natural
    proof: Bytes32 | None = None
    party: str = ""
    checks: tuple[str, ...] = ()
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        """Checks that a proof comes with what it proves, and nothing else does; raises ValueError."""
        if (self.kind in {Kind.DOCUMENT, Kind.MACHINE}) is not (self.proof is not None):
            raise ValueError("an answer by document has the hash of it, another answer has none")
        by_machine = self.outcome is not None and bool(self.party) and bool(self.checks)
        if (self.kind is Kind.MACHINE) is not by_machine:
            raise ValueError("an answer by machine has a party, its checks and what they found")

    @property
    def day(self) -> str:
        """The day on which it was kept, UTC: a report of before that came later is not one of before."""
        return datetime.fromtimestamp(self.kept_at, UTC).date().isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is thought of one measure, and the answers that make it: the latest of each party, the latest by hand.

    ``decisive`` is the one that the state rests on, None when there is none.
    """

    measure: Measure
    state: State
    answers: tuple[Answer, ...]
    decisive: Answer | None


def require_owner(text: str) -> str:
    """Returns the name of a function that answers, which exports write in one line; raises InvalidConfiguration."""
    try:
        owner = msgspec.convert(text, Name)
    except msgspec.ValidationError:
        owner = ""
    if not owner or _CONTROL.search(owner):
        raise InvalidConfiguration("an owner is the name of a function: one line of at most 120 characters")
    return owner


def measures(anssi: Iterable[Mapping[str, str]], cnil: Iterable[Mapping[str, str]]) -> list[Measure]:
    """Lists the measures from the rows of both shipped files."""
    return [Measure(reference=f"anssi-{row['ref']}", title=row["title"]) for row in anssi] + [
        Measure(reference=f"cnil-{row['fiche']}", title=row["titre"]) for row in cnil
    ]


def answers_of(report: DoctorReport, rules: DoctorRules, proof: bytes, owner: str, now: int) -> list[Answer]:
    """Answers every measure that the checks of a report answer in part: with the worst that they found.

    Raises InvalidConfiguration when a check has no row here.
    """
    found: dict[str, list[tuple[str, Outcome]]] = defaultdict(list)
    for result in report.results:
        for reference in rules.rule(result.check).answers:
            found[reference].append((result.check, result.outcome))
    return [
        Answer(
            reference=reference, kind=Kind.MACHINE, owner=owner, at=report.at, kept_at=now, proof=proof,
            party=report.party, checks=tuple(check for check, _ in results),
            outcome=next(kind for kind in _WORST if kind in {outcome for _, outcome in results}),
        )
        for reference, results in found.items()
    ]  # fmt: skip


def standings(known: Sequence[Measure], history: Iterable[Answer], at: int, age_days_max: int) -> list[Standing]:
    """Says what was to be thought of each measure at an instant, from the answers that were kept by then.

    One machine that found something wrong outweighs every other answer. One that did not know, or whose answer is
    older than ``age_days_max``, is not believed: an answer by hand counts then, and without one nothing is known.
    """
    by_reference: dict[str, list[Answer]] = defaultdict(list)
    for answer in history:
        if answer.kept_at <= at:
            by_reference[answer.reference].append(answer)
    return [_standing(one, by_reference[one.reference], at - age_days_max * DAY_SECONDS) for one in known]


def _standing(measure: Measure, answers: Sequence[Answer], since: int) -> Standing:
    machines: dict[str, Answer] = {}
    by_hand: Answer | None = None
    for answer in answers:
        if answer.kind is not Kind.MACHINE:
            by_hand = answer
        elif answer.party not in machines or answer.at >= machines[answer.party].at:
            machines[answer.party] = answer
    state, decisive = _state([(_believed(one, since), one) for one in machines.values()], by_hand)
    counted = (*machines.values(), *(() if by_hand is None else (by_hand,)))
    return Standing(measure=measure, state=state, answers=counted, decisive=decisive)


def _believed(answer: Answer, since: int) -> Outcome | None:
    """What was right so long ago is not known any more; what was wrong stays so until its party says otherwise."""
    late = answer.at < since and answer.outcome is Outcome.OK
    return Outcome.NOT_KNOWN if late else answer.outcome


def _state(machines: Sequence[tuple[Outcome | None, Answer]], by_hand: Answer | None) -> tuple[State, Answer | None]:
    """Decides on the worst that a machine said, and on what was answered by hand."""
    worst, decisive = next(
        ((kind, answer) for kind in _WORST for outcome, answer in machines if outcome is kind), (None, None)
    )
    if worst is Outcome.WRONG:
        return State.WRONG, decisive
    if by_hand is not None and (worst is not Outcome.OK or by_hand.kind is Kind.NO):
        return State(by_hand.kind.value), by_hand
    match worst:
        case Outcome.OK:
            return State.MACHINE, decisive
        case Outcome.NOT_KNOWN:
            return State.NOT_KNOWN, decisive
        case _:
            return State.UNANSWERED, None


def tally(found: Iterable[Standing]) -> dict[str, int]:
    """Counts measures by state."""
    states = [one.state for one in found]
    return {state.value: states.count(state) for state in State}
