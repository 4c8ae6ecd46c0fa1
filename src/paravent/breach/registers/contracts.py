"""Processor contracts (GDPR article 28) and what is missing or overdue in them (docs/governance.md section 3): pure.

A contract is written in a file and read strictly. It says where a clause stands, never that it is good: whether a text
meets article 28 is for a jurist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Literal

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Amc, Message, Name

Reference = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
Hours = Annotated[int, msgspec.Meta(ge=1, le=720)]
Months = Annotated[int, msgspec.Meta(ge=1, le=60)]
Clause = Literal["a", "b", "c", "d", "e", "f", "g", "h"]
CLAUSES: tuple[Clause, ...] = ("a", "b", "c", "d", "e", "f", "g", "h")
SOON_DAYS = 90
YEAR_MIN, YEAR_MAX = 1900, 2200
UNDER_MAX = 100
CONTRACT_BYTES_MAX = 100_000


class Hds(Message, frozen=True, kw_only=True):
    """A certificate of hosting of health data (CSP L.1111-8): the activities of R.1111-9, 1 to 6, and its end."""

    certificate: Name
    activities: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=6)], ...], msgspec.Meta(min_length=1)]
    expires_on: date


class Contract(Message, frozen=True, kw_only=True):
    """One contract between a customer and its processor.

    ``insurer`` is the AMC number of the controller, when the customer is one. ``under`` are the contracts whose
    processing this one is part of (28(4)). ``clauses`` says where each clause of 28(3) stands; one that is not there is
    missing. ``description`` says where object, duration, nature, purpose, data and persons stand (28(3), first
    sentence). ``contact`` is a function, never a person. ``hds_activities`` are those that the processor performs.
    ``returned_on`` is when it returned or deleted the data, once the contract had ended.
    """

    reference: Reference
    customer: Name
    processor: Name
    insurer: Amc | None = None
    under: Annotated[tuple[Reference, ...], msgspec.Meta(max_length=UNDER_MAX)] = ()
    signed_on: date
    ends_on: date | None = None
    contact: Name
    description: Name | None = None
    clauses: dict[Clause, Name] = {}  # noqa: RUF012 - msgspec copies the default of each struct
    notice_hours: Hours | None = None
    sub_processors: Literal["specific", "general", "none"] = "none"
    hds_activities: tuple[Annotated[int, msgspec.Meta(ge=1, le=6)], ...] = ()
    hds: Hds | None = None
    audited_on: tuple[date, ...] = ()
    audit_months_max: Months = 12
    returned_on: date | None = None

    def __post_init__(self) -> None:
        """Checks that its days are of years with which an audit can be reckoned; raises ValueError."""
        certified = None if self.hds is None else self.hds.expires_on
        days = (self.signed_on, self.ends_on, self.returned_on, *self.audited_on, certified)
        if not all(day is None or YEAR_MIN <= day.year <= YEAR_MAX for day in days):
            raise ValueError(f"a day of a contract is of a year from {YEAR_MIN} to {YEAR_MAX}")

    def closed(self, day: date) -> bool:
        """Says whether it has ended, and the processor has returned or deleted the data (28(3)(g))."""
        return (
            self.ends_on is not None and self.ends_on < day and self.returned_on is not None and self.returned_on <= day
        )

    def in_force(self, day: date) -> bool:
        """Says whether it binds on a day."""
        return self.signed_on <= day and (self.ends_on is None or day <= self.ends_on)


class FaultKind(Enum):
    """What is wrong: a text that is missing, a day that has passed, a chain that does not hold."""

    MISSING = "missing"
    OVERDUE = "overdue"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with a contract, and the text that it is measured by."""

    contract: str
    kind: FaultKind
    what: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """How long a contract gives its processor to tell a breach, and whom."""

    contract: str
    hours: int
    contact: str


def read_contract(content: bytes, *, toml: bool) -> Contract:
    """Reads the file of a contract, TOML or JSON; raises InvalidConfiguration saying which line is wrong."""
    if len(content) > CONTRACT_BYTES_MAX:
        raise InvalidConfiguration(f"the file of a contract has at most {CONTRACT_BYTES_MAX} bytes")
    try:
        if toml:
            return msgspec.toml.decode(content, type=Contract)
        return msgspec.json.decode(content, type=Contract)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidConfiguration(f"the file of a contract is not one: {error}") from None


def require_chain(contract: Contract, others: Mapping[str, Contract]) -> None:
    """Raises InvalidConfiguration when a contract stands under one that is not registered, or under itself."""
    above, seen = [*contract.under], set[str]()
    while above:
        name = above.pop()
        if name == contract.reference:
            raise InvalidConfiguration("a contract cannot be under itself")
        if name not in others:
            raise InvalidConfiguration(f"the contract above is not registered: {name}")
        # Once each: as many ways may lead up as two to the power of the height.
        if name not in seen:
            seen.add(name)
            above += others[name].under


def faults(contracts: Iterable[Contract], day: date) -> list[Fault]:
    """Lists what is wrong on a day, with every contract whose data were not returned or deleted."""
    known = {one.reference: one for one in contracts}
    return [
        fault for one in known.values() if not one.closed(day)
        for fault in (*_missing(one), *_overdue(one, day), *_chain(one, known))
    ]  # fmt: skip


def _missing(contract: Contract) -> Iterator[Fault]:
    def fault(what: str, source: str) -> Fault:
        return Fault(contract=contract.reference, kind=FaultKind.MISSING, what=what, source=source)

    if contract.description is None:
        yield fault("object, duration, nature, purpose, data and persons", "GDPR 28(3)")
    for clause in CLAUSES:
        if clause not in contract.clauses:
            yield fault(f"clause {clause}", f"GDPR 28(3)({clause})")
    if contract.notice_hours is None:
        yield fault("notice delay in hours", "GDPR 33(2)")
    lacking = sorted(set(contract.hds_activities) - set(contract.hds.activities if contract.hds else ()))
    if lacking:
        yield fault(f"HDS certificate for the activities {', '.join(map(str, lacking))}", "CSP L.1111-8, R.1111-9")


def _overdue(contract: Contract, day: date) -> Iterator[Fault]:
    def fault(what: str, source: str) -> Fault:
        return Fault(contract=contract.reference, kind=FaultKind.OVERDUE, what=what, source=source)

    if contract.ends_on is not None and contract.ends_on < day:
        yield fault(f"ended on {contract.ends_on.isoformat()}", "GDPR 28(3)")
    if contract.hds is not None and contract.hds.expires_on < day:
        yield fault(f"HDS certificate ended on {contract.hds.expires_on.isoformat()}", "CSP L.1111-8")
    due = audit_due(contract)
    if due < day:
        yield fault(f"audit due on {due.isoformat()}", "GDPR 28(3)(h)")


def audit_due(contract: Contract) -> date:
    """Returns the day by which the next audit is due: counted from the last one, or from the signature."""
    last = max(contract.audited_on, default=contract.signed_on)
    month = last.month - 1 + contract.audit_months_max
    # The 28th stands in every month: never later than the day itself.
    return date(last.year + month // 12, month % 12 + 1, min(last.day, 28))


def _chain(contract: Contract, known: Mapping[str, Contract]) -> Iterator[Fault]:
    def fault(what: str, source: str) -> Fault:
        return Fault(contract=contract.reference, kind=FaultKind.CHAIN, what=what, source=source)

    for name in contract.under:
        above = known.get(name)
        if above is None:
            yield fault(f"the contract above is not registered: {name}", "GDPR 28(4)")
            continue
        if above.sub_processors == "none":
            yield fault(f"{name} authorises no sub-processor", "GDPR 28(2)")
        # Who is told late cannot tell in time.
        if above.notice_hours and contract.notice_hours and contract.notice_hours >= above.notice_hours:
            yield fault(
                f"tells within {contract.notice_hours} h, when {name} promises {above.notice_hours} h",
                "GDPR 28(4), 33(2)",
            )


def soon(contracts: Iterable[Contract], day: date) -> list[tuple[str, str, date]]:
    """Lists what ends within 90 days: reference, what, the day."""
    ends = [
        (one.reference, what, at)
        for one in contracts
        for what, at in (
            ("end", one.ends_on), ("HDS certificate", None if one.hds is None else one.hds.expires_on),
            ("audit", audit_due(one)),
        )
        if at is not None and 0 <= (at - day).days <= SOON_DAYS
    ]  # fmt: skip
    return sorted(ends, key=lambda end: end[2])


def promises(contracts: Iterable[Contract], day: date) -> dict[str, Promise]:
    """Says within how many hours each insurer is to be told, by the shortest of its contracts in force on a day."""
    found: dict[str, Promise] = {}
    for one in contracts:
        if one.insurer is None or one.notice_hours is None or not one.in_force(day):
            continue
        known = found.get(one.insurer)
        if known is None or one.notice_hours < known.hours:
            found[one.insurer] = Promise(contract=one.reference, hours=one.notice_hours, contact=one.contact)
    return found


def told_by(contracts: Sequence[Contract], day: date) -> list[Promise]:
    """Lists who must tell this organisation, and within how long: its sub-processors in force on a day."""
    return [
        Promise(contract=one.reference, hours=one.notice_hours, contact=one.contact)
        for one in contracts if one.under and one.notice_hours is not None and one.in_force(day)
    ]  # fmt: skip
