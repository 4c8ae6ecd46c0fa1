"""The whole life of claims, played at random on the hub's and the insurer's real code beside a naive model.

Two shops (one has two machines), two persons, one insurer; requests and answers are lost and sent again; the clock
moves. After every step the hub said what the model expects, and the insurer owes what the model adds up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from tests.unit.parties.life import Insurer
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, DAY, NOW, World

from paravent.crypto.entitlement import HubPart, issue
from paravent.errors import IdempotencyConflict, NoReservation
from paravent.insurer.ledger import LedgerState
from paravent.insurer.sealing import RightNumbers
from paravent.optics.months import month_of
from paravent.wire.claims import Act, ActKind, Decision, InsurerAct, Outcome
from paravent.wire.statements import Signed

RENEWAL_MONTHS = 6
YEARS = 20 * 366 * DAY
# A platform serves runs until its clock nears what an entitlement can say; then another one takes over.
PLATFORM_YEARS = 40 * 366 * DAY
LOST = st.sampled_from(["", "", "request", "answer"])
SHOPS, PERSONS = st.sampled_from([0, 1, 2]), st.sampled_from([0, 0, 0, 0, 0, 1])
EARLY = st.sampled_from([False, False, True])
# Mostly who may, so that acts are accepted often enough to follow one another; sometimes anybody.
OWN = st.sampled_from([True, True, True, False])


@dataclass(slots=True)
class Sold:
    """A claim that the hub accepted, as the model sees it."""

    identifier: bytes
    person: int
    shop: str
    cents: int
    month: int
    early: bool
    decided_at: int
    first_at: int
    state: str = "accepted"


@dataclass(slots=True)
class Person:
    """Who holds a person's right, until when, and everything ever sold to them."""

    entitlement: bytes
    part: HubPart
    member: str
    holder: str = ""
    until: int = 0
    sold: list[Sold] = field(default_factory=list)

    def counting(self) -> list[Sold]:
        """What still counts for the right."""
        return [sold for sold in self.sold if sold.state in {"accepted", "disputed"}]


@dataclass(slots=True)
class Sent:
    """An act that left a shop or the insurer: its author, its bytes, the answer the hub gave, if any."""

    author: int
    act: Act | InsurerAct
    answer: Signed | None = None


def counted(month: int) -> int:
    """The number of a month, so that the next month has the next one."""
    return month // 100 * 12 + month % 100


class LifeOfClaims(RuleBasedStateMachine):
    """Shops, an insurer and a clock that does not stop; ``world`` serves every run, each with persons of its own."""

    build: ClassVar[Any]
    world: ClassVar[World]
    shop: ClassVar[Shop]
    claims = Bundle("claims")
    unanswered = Bundle("unanswered")

    def __init__(self) -> None:
        """Opens two shops to two persons whom no run has seen."""
        super().__init__()
        if self.world.now > NOW + PLATFORM_YEARS:
            type(self).world = self.build()
            type(self).shop = Shop.of(self.world, self.world.covered())
        world, first = self.world, self.shop
        world.hand_over(AMC)
        self.insurer = Insurer(world)
        self.insurer.pull()
        self.events_before = self.insurer.party.store.exchange.last_pulled()
        names = [world.rng(8).hex() for _ in range(2)]
        numbers = self.insurer.party.store.register.rights(names, world.rng)
        self.persons = [self._person(name, numbers[name]) for name in names]
        self.shops = [first, first.second_device(), first.other()]
        self.decided: list[tuple[Sent, Decision]] = []

    def _person(self, member: str, numbers: RightNumbers) -> Person:
        part = self.shop.entitled.part
        part = replace(
            part, nullifier=numbers.nullifier, status_index=numbers.status_index, renewal_months=RENEWAL_MONTHS,
            valid_until=self.world.now + YEARS, free_from=month_of(self.world.now),
        )  # fmt: skip
        return Person(entitlement=issue(part, self.insurer.party.keys.issuer), part=part, member=member)

    def _at(self, shop: int, person: int, cents_less: int = 0) -> Shop:
        known, customer = self.shops[shop], self.persons[person]
        entitled = replace(known.entitled, entitlement=customer.entitlement, part=customer.part)
        return replace(known, entitled=entitled).cheaper(cents_less)

    # --- what the shops and the insurer do ------------------------------------------------------

    @rule(target=unanswered, shop=SHOPS, person=PERSONS, early=EARLY, lost=LOST)
    def reserves(self, shop: int, person: int, early: bool, lost: str) -> object:
        """A shop asks for a prise en charge."""
        return self._goes(Sent(shop, self._at(shop, person).reservation(early=early)), lost)

    @rule(target=unanswered, shop=SHOPS, person=PERSONS, own=OWN, lost=LOST)
    def cancels(self, shop: int, person: int, own: bool, lost: str) -> object:
        """A shop gives it back."""
        shop = self._one_of(self.persons[person].holder if own else "", shop)
        return self._goes(Sent(shop, self._at(shop, person).cancellation()), lost)

    @rule(
        target=unanswered, shop=SHOPS, person=PERSONS, own=OWN, early=EARLY, less=st.sampled_from([0, 5_000]),
        lost=LOST,
    )  # fmt: skip
    def claims_equipment(self, shop: int, person: int, own: bool, early: bool, less: int, lost: str) -> object:
        """A shop claims."""
        shop = self._one_of(self.persons[person].holder if own else "", shop)
        return self._goes(Sent(shop, self._at(shop, person, less).claim(early=early)[0]), lost)

    @rule(target=claims, shop=SHOPS, person=PERSONS, early=EARLY, less=st.sampled_from([0, 5_000]))
    def sells(self, shop: int, person: int, early: bool, less: int) -> object:
        """A whole visit: a prise en charge, then its claim."""
        counter = self._at(shop, person, less)
        self._goes(Sent(shop, counter.reservation(early=early)), "")
        before = len(self.persons[person].sold)
        self._goes(Sent(shop, counter.claim(early=early)[0]), "")
        return multiple(*[(person, sold.identifier) for sold in self.persons[person].sold[before:]])

    @rule(target=unanswered, shop=SHOPS, claim=claims, own=OWN, less=st.sampled_from([0, 4_000, 6_000]), lost=LOST)
    def corrects(self, shop: int, claim: tuple[int, bytes], own: bool, less: int, lost: str) -> object:
        """A shop corrects a claim, of its own or not."""
        if own:
            shop = self._one_of(self._sold(claim[1]).shop, shop)
        act, _ = self._at(shop, claim[0], less).claim(corrects=claim[1])
        return self._goes(Sent(shop, act), lost)

    @rule(target=claims, person=PERSONS)
    def finds_a_claim(self, person: int) -> object:
        """The last claim of a person, a correction perhaps."""
        return multiple(*[(person, sold.identifier) for sold in self.persons[person].sold[-1:]])

    @rule(
        target=unanswered, claim=claims, lost=LOST,
        kind=st.sampled_from([ActKind.REVERSE, ActKind.REVERSE, ActKind.DISPUTE, ActKind.UPHOLD]),
    )  # fmt: skip
    def acts_on_a_claim(self, claim: tuple[int, bytes], kind: ActKind, lost: str) -> object:
        """The insurer reverses, disputes or upholds."""
        return self._goes(Sent(-1, self.insurer.on_claim(kind, claim[1])), lost)

    @rule(target=unanswered, person=PERSONS, lost=LOST)
    def releases(self, person: int, lost: str) -> object:
        """The insurer frees what a shop holds."""
        try:
            act = self.insurer.release(self.persons[person].member)
        except NoReservation:
            return multiple()
        return self._goes(Sent(-1, act), lost)

    @rule(sent=unanswered)
    def sends_again(self, sent: Sent) -> None:
        """What got no answer is sent again, byte for byte."""
        self._goes(sent, "")

    @rule(sent=unanswered)
    def reuses_the_key(self, sent: Sent) -> None:
        """Another body under the same key is a conflict, and changes nothing."""
        if sent.answer is None or not isinstance(sent.act, Act):
            return
        other = Act(
            kind=ActKind.CANCEL if sent.act.kind is ActKind.RESERVE else ActKind.RESERVE,
            entitlement=sent.act.entitlement, idempotency_key=sent.act.idempotency_key, early_renewal=False, claim=None,
        )  # fmt: skip
        try:
            self.shops[sent.author].send(other)
        except IdempotencyConflict:
            return
        raise AssertionError("one key decided two bodies")

    @rule(seconds=st.sampled_from([1, DAY, 3 * DAY, 4 * DAY, 29 * DAY, 30 * DAY, 61 * DAY, 185 * DAY]))
    def time_passes(self, seconds: int) -> None:
        """The clock moves, and the insurer signs its list anew."""
        self.world.now += seconds
        self.world.hand_over(AMC)

    def _one_of(self, name: str, shop: int) -> int:
        """A machine of the shop of this name, the one given where it is of that shop; that one when there is none."""
        if name in {"", self.shops[shop].device.shop}:
            return shop
        return next(place for place, known in enumerate(self.shops) if known.device.shop == name)

    def _sold(self, identifier: bytes) -> Sold:
        return next(one for person in self.persons for one in person.sold if one.identifier == identifier)

    # --- the hub, and what the model expects of it ------------------------------------------------

    def _goes(self, sent: Sent, lost: str) -> object:
        """Sends an act as far as it gets; what the sender got no answer to comes back for later."""
        if lost == "request":
            return sent
        former, sent.answer = sent.answer, self._send(sent)
        if former is not None:
            assert sent.answer == former, "one act has one decision"
        else:
            decision = self.world.read(sent.answer)
            expected = self._expected(sent, decision)
            assert (decision.outcome is Outcome.REFUSED, decision.reason) == (expected != "", expected)
            if expected == "":
                self.decided.append((sent, decision))
        return sent if lost == "answer" else multiple()

    def _send(self, sent: Sent) -> Signed:
        if isinstance(sent.act, InsurerAct):
            return self.insurer.send(sent.act)
        return self.shops[sent.author].send(sent.act)

    def _expected(self, sent: Sent, decision: Decision) -> str:
        """Applies an act to the model; returns the code of the refusal that it must meet."""
        if isinstance(sent.act, InsurerAct):
            return self._insurer_acts(sent.act, decision)
        person = next(one for one in self.persons if one.entitlement == sent.act.entitlement)
        shop = self.shops[sent.author].device.shop
        if decision.kind is ActKind.CORRECT:
            return self._correction(person, shop, decision)
        return self._on_the_right(person, shop, sent.act, decision)

    def _on_the_right(self, person: Person, shop: str, act: Act, decision: Decision) -> str:
        now = self.world.now
        if now >= person.until:
            person.holder = ""
        if person.holder not in {"", shop}:
            return "already-reserved"
        if act.kind is not ActKind.RESERVE and not person.holder:
            return "no-reservation"
        if act.kind is ActKind.CANCEL:
            person.holder = ""
            return ""
        early = self._early(person, act)
        if early is None:
            return "renewal-not-due"
        if act.kind is ActKind.RESERVE:
            person.holder, person.until = shop, decision.reserved_until or 0
            assert 60 * DAY <= person.until - now < 61 * DAY + 3_600
            return ""
        person.holder = ""
        person.sold.append(Sold(
            identifier=decision.claim_id or b"", person=self.persons.index(person), shop=shop, cents=decision.amc_cents,
            month=month_of(now), early=early, decided_at=now, first_at=now,
        ))  # fmt: skip
        return ""

    def _early(self, person: Person, act: Act) -> bool | None:
        """Whether equipment sold now is an early renewal; None when it is not payable."""
        month = counted(month_of(self.world.now))
        counting = person.counting()
        due = max([counted(person.part.free_from)] + [counted(sold.month) + RENEWAL_MONTHS for sold in counting])
        if month >= due:
            return False
        early = [counted(sold.month) for sold in counting if sold.early]
        if act.early_renewal and all(month >= one + RENEWAL_MONTHS for one in early):
            return True
        return None

    def _correction(self, person: Person, shop: str, decision: Decision) -> str:
        now = self.world.now
        former = next((sold for sold in person.sold if sold.identifier == decision.corrects), None)
        if former is None or former.shop != shop:
            return "unknown-claim"
        if former.state != "accepted":
            return "claim-closed"
        if now >= former.first_at + 3 * DAY or now >= former.decided_at + 30 * DAY:
            return "too-late"
        former.state = "corrected"
        person.sold.append(replace(
            former, identifier=decision.claim_id or b"", cents=decision.amc_cents, decided_at=now, state="accepted"
        ))  # fmt: skip
        return ""

    def _insurer_acts(self, act: InsurerAct, decision: Decision) -> str:
        now = self.world.now
        if act.kind is ActKind.RELEASE:
            person = next(one for one in self.persons if one.part.nullifier == act.nullifier)
            granted = [
                (sent, found) for sent, found in self.decided
                if found.kind is ActKind.RESERVE and sent.act.entitlement == person.entitlement  # type: ignore[union-attr]
            ]  # fmt: skip
            newest = granted[-1][1].decision_id if granted else b""
            if not person.holder or now >= person.until or newest != act.decision_id:
                return "no-reservation"
            person.holder = ""
            return ""
        sold = self._sold(decision.claim_id or b"")
        allowed = {
            ActKind.DISPUTE: {"accepted"}, ActKind.UPHOLD: {"disputed"}, ActKind.REVERSE: {"accepted", "disputed"}
        }  # fmt: skip
        if sold.state not in allowed[act.kind]:
            return "claim-closed"
        if sold.state == "accepted" and now >= sold.decided_at + 30 * DAY:
            return "too-late"
        sold.state = {ActKind.DISPUTE: "disputed", ActKind.UPHOLD: "accepted", ActKind.REVERSE: "reversed"}[act.kind]
        return ""

    # --- what always holds --------------------------------------------------------------------------

    @invariant()
    def the_insurer_owes_what_was_accepted_less_what_was_taken_back(self) -> None:
        """To the cent, line by line and in total, whatever was lost and sent again."""
        own = {person.member for person in self.persons}
        self.insurer.pull()
        new = self.insurer.party.store.claims._lines("number > ?", self.events_before)
        lines = [line for line in new if line.member in own]
        assert not [line.reason for line in lines if ":" in line.reason], "the insurer disputes what an honest hub did"
        claimed = {line.claim: line for line in lines if line.claim and line.state is not LedgerState.REFUSED}
        sold = {one.identifier: one for person in self.persons for one in person.sold}
        assert claimed.keys() == sold.keys(), "a claim has one line, and a line one claim"
        states = {
            "accepted": LedgerState.PAYABLE, "corrected": LedgerState.REVERSED, "disputed": LedgerState.DISPUTED,
            "reversed": LedgerState.REVERSED,
        }  # fmt: skip
        for identifier, one in sold.items():
            line = claimed[identifier]
            assert (line.state, line.claimed_cents) == (states[one.state], one.cents)
        accepted = sum(one.cents for one in sold.values())
        taken_back = sum(one.cents for one in sold.values() if one.state != "accepted")
        assert sum(line.payable_cents for line in lines) == accepted - taken_back
        assert len([line for line in lines if line.payable_cents]) <= len(sold)

    @invariant()
    def a_right_is_consumed_once_in_a_period_but_for_one_early_renewal(self) -> None:
        """Of what counts, two that are not early are a whole period apart, and so are two that are."""
        for person in self.persons:
            for early in (False, True):
                months = sorted(counted(sold.month) for sold in person.counting() if sold.early is early)
                assert all(later - sooner >= RENEWAL_MONTHS for sooner, later in pairwise(months))
