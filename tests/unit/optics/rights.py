"""Acts on a right, drawn at random, and a naive model of what comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

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
    """Acts on the right of one entitlement, mostly by one shop and soon after one another."""
    step = st.builds(
        Step,
        holder=st.sampled_from([b"a", b"a", b"a", b"a", b"b", b"c"]),
        kind=st.sampled_from(["reserve", "reserve", "consume", "consume", "cancel"]),
        seconds=st.sampled_from([0, 1, 1, 1, 86_400, RESERVATION_SECONDS - 1, RESERVATION_SECONDS]),
        months=st.sampled_from([0, 0, 0, 1, renewal_months - 1, renewal_months]),
        free_from=st.just(free_from),
        renewal_months=st.just(renewal_months),
        early=st.booleans(),
    )
    return st.lists(step, min_size=4, max_size=20)


ACTS = st.builds(_steps, st.sampled_from([202601, 202607, 205001]), st.sampled_from([6, 12, 24])).flatmap(
    lambda steps: steps
)


def end_of_reservation(now: int) -> int:
    """The first midnight (UTC) at which sixty whole days have passed."""
    end = datetime.fromtimestamp(now, UTC) + timedelta(days=60)
    midnight = datetime.combine(end.date(), time(), UTC)
    return int((midnight if midnight == end else midnight + timedelta(days=1)).timestamp())


class NaiveRight:
    """Who holds a right until when, and when it was last paid: no states, three fields."""

    def __init__(self) -> None:
        """Starts with a right that was never used."""
        self.holder: bytes | None = None
        self.until = 0
        self.paid: int | None = None

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
        if step.kind != "cancel" and not step.early and not self._due(step, month):
            return RenewalNotDue
        return None

    def _due(self, step: Step, month: int) -> bool:
        counted = month // 100 * 12 + month % 100
        if counted < step.free_from // 100 * 12 + step.free_from % 100:
            return False
        return self.paid is None or counted >= self.paid // 100 * 12 + self.paid % 100 + step.renewal_months

    def _write(self, step: Step, now: int, month: int) -> None:
        self.holder = step.holder if step.kind == "reserve" else None
        self.until = end_of_reservation(now)
        if step.kind == "consume":
            self.paid = month

    def require_same(self, record: RightRecord) -> None:
        """Compares with the record that the table gave."""
        assert record.holder == self.holder
        assert record.reserved_until == (None if self.holder is None else self.until)
        assert record.consumed_month == self.paid
        assert (record.state is RightState.RESERVED) is (self.holder is not None)
