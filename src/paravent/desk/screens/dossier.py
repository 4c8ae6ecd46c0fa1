"""One customer at the counter: what was checked, ordered, prepared, sent and decided (docs/screens.md): pure.

The customer is in memory only. Acts are on disk, and a later check of the same right finds them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from paravent.crypto.entitlement import HubPart, read_entitlement
from paravent.desk.audit import KeptPrescription
from paravent.desk.before_sale import BeforeSale, QuoteFile
from paravent.desk.departures import Departure
from paravent.desk.entitled import Entitled
from paravent.desk.screens.order_form import Order
from paravent.desk.trade import Prescribed, Quoted
from paravent.optics.claim_states import CORRECTION_SECONDS
from paravent.wire.claims import CLAIM_KINDS, Act, ActKind, Decision, Outcome
from paravent.wire.codec import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act of the optician, in French, of the catalogue, and every message that it made this machine send."""

    name: str
    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """An order with its categories, its quote under the coverage that was checked, and what a quote shows beside.

    ``shown`` has every coverage and the class A offer (CSS L.165-9); ``asked`` is what it answers.
    """

    order: Order
    taken: Prescribed
    quoted: Quoted
    asked: QuoteFile
    shown: BeforeSale

    def __repr__(self) -> str:
        return "Priced(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An act built and not sent: ``name`` is of its very bytes, so that what is read is what goes."""

    step: str
    act: Act
    kept: KeptPrescription | None

    @property
    def name(self) -> str:
        """H(bytes), in hexadecimal."""
        return hashlib.sha256(encode(self.act)).hexdigest()

    def __repr__(self) -> str:
        return "Prepared(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A customer as this session knows him; ``check`` names the check that everything rests on.

    ``born`` is None for a date that no calendar has; ``billed`` is the order of the last claim of this session.
    """

    check: str
    customer: str
    entitled: Entitled
    born: date | None = None
    steps: tuple[Step, ...] = ()
    priced: Priced | None = None
    billed: Priced | None = None
    decisions: tuple[Decision, ...] = ()
    early: bool = False
    prepared: Prepared | None = None

    def recalled(self, kept: Iterable[tuple[Act, Decision]]) -> Dossier:
        """Adds what was decided on this right before, oldest first."""
        known = tuple(kept)
        accepted = [act for act, decision in known if decision.outcome is Outcome.ACCEPTED]
        return replace(
            self, decisions=tuple(decision for _, decision in known),
            early=bool(accepted) and accepted[-1].early_renewal,
        )  # fmt: skip

    def stepped(self, name: str, departures: list[Departure]) -> Dossier:
        """Adds an act and what it sent; nothing is prepared any more."""
        return replace(self, steps=(*self.steps, Step(name=name, departures=tuple(departures))), prepared=None)

    def decided(self, act: Act, decision: Decision) -> Dossier:
        """Adds a decision of the hub on an act."""
        billed = act.kind in CLAIM_KINDS and decision.outcome is Outcome.ACCEPTED
        return replace(
            self, decisions=(*self.decisions, decision), early=act.early_renewal,
            billed=self.priced if billed else self.billed,
        )  # fmt: skip

    @property
    def reserved(self) -> Decision | None:
        """The live prise en charge, if any."""
        last = self._last(ActKind.RESERVE, ActKind.CANCEL, *CLAIM_KINDS)
        return last if last is not None and last.kind is ActKind.RESERVE else None

    def to_correct(self, now: int) -> Decision | None:
        """Gives the claim that a correction can still replace (11.3, step 5), if any."""
        first, last = self._last(ActKind.CONSUME), self._last(ActKind.RESERVE, *CLAIM_KINDS)
        if first is None or last is None or last.kind is ActKind.RESERVE:
            return None
        return last if now < first.decided_at + CORRECTION_SECONDS else None

    def _last(self, *kinds: ActKind) -> Decision | None:
        found = [one for one in self.decisions if one.kind in kinds and one.outcome is Outcome.ACCEPTED]
        return found[-1] if found else None

    def __repr__(self) -> str:
        return "Dossier(REDACTED)"


def same_right(entitlement: bytes, part: HubPart) -> bool:
    """Says whether an entitlement that this desk sent is of the right of another: the nullifier is of one right."""
    other = read_entitlement(entitlement)
    return (other.insurer, other.nullifier) == (part.insurer, part.nullifier)
