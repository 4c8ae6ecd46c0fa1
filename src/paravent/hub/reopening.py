"""Deciding again: what was given back is applied, oldest first and a piece at a time (docs/protocol.md section 18.3).

A piece is one transaction: an act of it is in the books and no longer waits, or it still waits. A reopening that was
killed goes on where it stopped, and the hub decides nothing before nothing waits. Memory holds one piece, however many
acts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from paravent.crypto.group import Rng
from paravent.errors import StorageDown
from paravent.hub.recovery_store import KeptReturn, Restoration
from paravent.hub.returns import Applied, Returns, Verified
from paravent.wire.claims import Decision, read_detail
from paravent.wire.codec import decode
from paravent.wire.recovery import ReturnedAct

if TYPE_CHECKING:
    from paravent.hub.store import Store

PIECE_ACTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """Applies what waits in a hub's store; ``told`` hears how many acts each piece applied, once it is on disk."""

    returns: Returns
    store: Store
    rng: Rng
    told: Callable[[int], None]

    def run(self, now: int) -> Restoration:
        """Applies every act that waits and opens the hub; returns how many were taken, and how many conflict.

        Raises StorageDown, and can then be run again: what was applied counts once.
        """
        while self._piece(now):
            pass
        restoration = self.store.recovery.restoration()
        if restoration is None:
            raise StorageDown("this hub was not put back")
        return restoration

    def _piece(self, now: int) -> bool:
        """Applies the oldest acts that wait; opens the hub, and returns False, when none does."""
        with self.store.commit():
            waiting = self.store.recovery.kept(PIECE_ACTS)
            if not waiting:
                self.store.recovery.reopen(now)
                return False
            # Acts of one second belong together: those at the end of a full piece may have others after them.
            last = waiting[-1].decided_at if len(waiting) == PIECE_ACTS else None
            whole = [kept for kept in waiting if kept.decided_at != last]
            outcomes: list[Applied] = []
            for _, together in groupby(whole, key=lambda kept: kept.decided_at):
                outcomes += self._apply_together([self._opened(kept) for kept in together])
            self._keep(whole, outcomes)
        self.told(len(whole))
        if not whole:
            self._apply_crowd(waiting[0].decided_at)
        return True

    def _apply_together(self, acts: list[Verified]) -> list[Applied]:
        """Applies acts of one instant: again and again those that did not fit, as long as another one did.

        Instants are whole seconds: acts of one second are applied in whatever order they fit.
        """
        outcomes: list[Applied] = []
        while acts:
            tried = [(one, self._apply(one, final=False)) for one in acts]
            left = [one for one, outcome in tried if outcome is Applied.CONFLICTING]
            outcomes += [outcome for _, outcome in tried if outcome is not Applied.CONFLICTING]
            if len(left) == len(acts):
                return outcomes + [self._apply(one, final=True) for one in left]
            acts = left
        return outcomes

    def _apply_crowd(self, instant: int) -> None:
        """Does the same with acts of one second that are more than a piece: those that did not fit wait on the disk."""
        while self._pass(instant, final=False):
            pass
        self._pass(instant, final=True)

    def _pass(self, instant: int, *, final: bool) -> int:
        """Goes once through the acts of one second, a piece at a time; returns how many were applied."""
        applied, after = 0, None
        while True:
            with self.store.commit():
                piece = self.store.recovery.kept_at(instant, after, PIECE_ACTS)
                tried = [(kept, self._apply(self._opened(kept), final=final)) for kept in piece]
                done = [each for each in tried if final or each[1] is not Applied.CONFLICTING]
                self._keep([kept for kept, _ in done], [outcome for _, outcome in done])
            if not piece:
                return applied
            self.told(len(done))
            applied, after = applied + len(done), piece[-1]

    def _apply(self, one: Verified, *, final: bool) -> Applied:
        return self.returns.apply(one, self.store, self.rng, final=final)

    def _keep(self, kept: Sequence[KeptReturn], outcomes: Sequence[Applied]) -> None:
        """Ends the waiting of acts that were applied, in the transaction that applied them."""
        known, conflicting = outcomes.count(Applied.KNOWN), outcomes.count(Applied.CONFLICTING)
        self.store.recovery.forget([one.name for one in kept], taken=len(outcomes) - known, conflicting=conflicting)
        self.store.database.number_on()

    def _opened(self, kept: KeptReturn) -> Verified:
        """Opens an act that was verified before it was sealed: what opens under its name is what was sealed."""
        opened = self.returns.identity.database_key.open(kept.name, kept.sealed)
        detail = read_detail(decode(opened, ReturnedAct).detail)
        return Verified(
            detail=detail, decision=decode(detail.decision.payload, Decision), name=kept.name, event=kept.event
        )
