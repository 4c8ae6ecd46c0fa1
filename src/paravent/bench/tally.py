"""Two books of the same money: what an insurer is told to pay, and what shops were answered.

The first is read from the sealed events of the hub, opened as the insurer opens them; the second from the decisions
that clients hold. A correction takes the place of its claim, a reversal takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paravent.bench.rivals import Answer
from paravent.crypto.labels import Label
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.errors import TechnicalFailure
from paravent.hub.store import Store
from paravent.wire.claims import ActDetail, ActKind, Decision, InsurerActDetail, Outcome, PaymentLine
from paravent.wire.codec import decode

PAYING = (ActKind.CONSUME, ActKind.CORRECT)


@dataclass(slots=True)
class Book:
    """Open claims with their amounts in cents."""

    strict: bool = True
    open: dict[bytes, int] = field(default_factory=dict)

    def enter(self, decision: Decision, amount: int) -> None:
        """Enters a decision; raises TechnicalFailure when it takes back what was never paid."""
        claim = decision.claim_id
        if decision.outcome is not Outcome.ACCEPTED or claim is None:
            return
        replaced = {ActKind.CORRECT: decision.corrects, ActKind.REVERSE: claim}.get(decision.kind)
        if replaced is not None and self.open.pop(replaced, None) is None and self.strict:
            raise TechnicalFailure("a claim that was not paid was taken back")
        if decision.kind is not ActKind.REVERSE:
            self.open[claim] = amount

    def total(self) -> int:
        """Adds up what is to be paid, in cents."""
        return sum(self.open.values())


@dataclass(slots=True, kw_only=True)
class Tally:
    """Both books, and what each act was answered; ``strict`` but for a hub that is known to get it wrong."""

    insurer: SimulatedInsurer
    hub: str
    strict: bool
    decided: dict[bytes, Decision] = field(default_factory=dict)
    replays: int = 0
    asked_again: int = 0
    debits: Book = field(init=False)
    credits: Book = field(init=False)
    twice: set[int] = field(default_factory=set)
    _pulled: int = 0
    _rights: dict[int, Book] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Opens both books."""
        self.debits, self.credits = Book(strict=self.strict), Book(strict=self.strict)

    def take(self, answer: Answer) -> None:
        """Enters an answer; raises TechnicalFailure when the same act got another decision before."""
        key, decision = answer.attempt.admitted.body_digest, answer.decision
        self.asked_again += answer.asked_again
        if key in self.decided:
            self.replays += 1
            if self.decided[key] == decision:
                return
            if self.strict:
                raise TechnicalFailure("one act got two decisions")
        self.decided[key] = decision
        right = self._rights.setdefault(answer.attempt.right, Book(strict=self.strict))
        right.enter(decision, decision.amc_cents)
        if len(right.open) > 1:
            self.twice.add(answer.attempt.right)
        self.credits.enter(decision, decision.amc_cents)

    def paid(self, right: int) -> list[Decision]:
        """Lists the decisions by which a right is paid now."""
        book = self._rights.setdefault(right, Book(strict=self.strict))
        return [found for found in self.decided.values() if found.claim_id in book.open and found.kind in PAYING]

    def begin(self, store: Store) -> None:
        """Leaves aside the events that are there."""
        while events := store.claims.events(self.insurer.amc, self._pulled).events:
            self._pulled = events[-1].number

    def close(self, store: Store) -> None:
        """Pulls what is new and compares both books; raises TechnicalFailure when they differ."""
        keys, amc = self.insurer.keys, self.insurer.amc
        while events := store.claims.events(amc, self._pulled).events:
            for event in events:
                opened = keys.claims.open(event.detail, Label.CLAIM_DETAIL_BOX, self.hub, amc, culprit=self.hub)
                line = keys.payments.open(event.payment, Label.PAYMENT_LINE_BOX, self.hub, amc, culprit=self.hub)
                detail = decode(opened, ActDetail | InsurerActDetail)  # type: ignore[arg-type]
                decision = decode(detail.decision.payload, Decision)
                self.debits.enter(decision, decode(line, PaymentLine).amc_cents)
                self._pulled = event.number
        if self.strict and self.debits.open != self.credits.open:
            raise TechnicalFailure("what the insurer is told to pay is not what the shops were answered")

    def count(self, kind: ActKind, outcome: Outcome = Outcome.ACCEPTED) -> int:
        """Counts the decisions of a kind."""
        return sum((found.kind, found.outcome) == (kind, outcome) for found in self.decided.values())
