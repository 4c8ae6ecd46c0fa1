"""Acts on a right, drawn at random, and a naive model of what comes of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from paravent.errors import AlreadyReserved, NoReservation, ParaventError, RenewalNotDue
from paravent.optics.claim_states import RESERVATION_SECONDS, Request, RightRecord, RightState
from paravent.wire.claims import ActKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act, and how long after the one before."""

    holder: bytes
    kind: str
    seconds: int = 0
    months: int = 0
    free_from: int = 202601
    renewal_months: int = 24
    early: bool = False

    def request(self, now: int, month: int) -> Request:
        """The act as the hub hands it to the table."""
        return Request(
            kind=ActKind(self.kind), holder=self.holder, now=now, month=month, free_from=self.free_from,
            renewal_months=self.renewal_months, early_renewal=self.early,
        )  # fmt: skip


def _steps(free_from: int, renewal_months: int) -> st.SearchStrategy[list[Step]]:
    """Acts on the right of one entitlement: single ones, and visits that reserve and then consume."""
    holders = st.sampled_from([b"a", b"a", b"a", b"a", b"b", b"c"])
    pauses = st.sampled_from([0, 1, 1, 1, 86_400, RESERVATION_SECONDS - 1, RESERVATION_SECONDS])
    months = st.sampled_from([0, 0, 0, 1, renewal_months - 1, renewal_months])

    def step(holder: bytes, kind: str, seconds: int, passed: int, *, early: bool) -> Step:
        return Step(
            holder=holder, kind=kind, seconds=seconds, months=passed, free_from=free_from,
            renewal_months=renewal_months, early=early,
        )  # fmt: skip

    def visit(holder: bytes, seconds: int, passed: int, early: bool) -> list[Step]:
        return [step(holder, "reserve", seconds, passed, early=early), step(holder, "consume", 1, 0, early=early)]

    def single(holder: bytes, kind: str, seconds: int, passed: int, early: bool) -> list[Step]:
        return [step(holder, kind, seconds, passed, early=early)]

    kinds = st.sampled_from(["reserve", "reserve", "consume", "consume", "cancel"])
    visits = st.builds(visit, holders, pauses, months, st.booleans())
    singles = st.builds(single, holders, kinds, pauses, months, st.booleans())
    return st.lists(visits | singles, min_size=3, max_size=14).map(
        lambda parts: [act for part in parts for act in part]
    )


ACTS = st.builds(_steps, st.sampled_from([202601, 202607, 205001]), st.sampled_from([6, 12, 24])).flatmap(
    lambda steps: steps
)


def counted(month: int) -> int:
    """The number of a month, so that the next month has the next one."""
    return month // 100 * 12 + month % 100


def end_of_reservation(now: int) -> int:
    """The first midnight in France at which sixty whole days have passed: two hours before that of UTC in summer."""
    end = datetime.fromtimestamp(now + 60 * 86_400, UTC)
    for hour in itertools.count():
        # Every instant at which a day of France can begin is tried.
        start = datetime.combine(end.date() - timedelta(days=1), time(), UTC) + timedelta(hours=hour)
        if start >= end and start.astimezone(ZoneInfo("Europe/Paris")).time() == time():
            return int(start.timestamp())
    raise AssertionError


class NaiveRight:
    """Who holds a right until when, and when it was last paid: no states, three fields."""

    def __init__(self) -> None:
        """Starts with a right that was never used."""
        self.holder: bytes | None = None
        self.until = 0
        self.paid: int | None = None
        self.early: int | None = None

    def apply(self, step: Step, now: int, month: int) -> type[ParaventError] | None:
        """Applies an act, or names the error it must raise."""
        if now >= self.until:
            self.holder = None
        refused = self._refusal(step, month)
        if refused is None:
            self._write(step, now, month)
        return refused

    def _refusal(self, step: Step, month: int) -> type[ParaventError] | None:
        if self.holder not in {None, step.holder}:
            return AlreadyReserved
        if step.kind != "reserve" and self.holder is None:
            return NoReservation
        if step.kind != "cancel" and not self._due(step, month) and not (step.early and self._early_left(step, month)):
            return RenewalNotDue
        return None

    def _early_left(self, step: Step, month: int) -> bool:
        return self.early is None or counted(month) >= counted(self.early) + step.renewal_months

    def _due(self, step: Step, month: int) -> bool:
        if counted(month) < counted(step.free_from):
            return False
        return self.paid is None or counted(month) >= counted(self.paid) + step.renewal_months

    def _write(self, step: Step, now: int, month: int) -> None:
        self.holder = step.holder if step.kind == "reserve" else None
        self.until = end_of_reservation(now)
        if step.kind == "consume":
            self.early = self.early if self._due(step, month) else month
            self.paid = month

    def require_same(self, record: RightRecord) -> None:
        """Compares with the record that the table gave."""
        assert record.holder == self.holder
        assert record.reserved_until == (None if self.holder is None else self.until)
        assert record.consumed_month == self.paid
        assert record.early_month == self.early
        assert (record.state is RightState.RESERVED) is (self.holder is not None)
