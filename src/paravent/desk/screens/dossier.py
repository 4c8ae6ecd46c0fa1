"""One customer at the counter: what was checked, ordered, sent and decided, in memory only: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paravent.desk.departures import Departure
from paravent.desk.entitled import Entitled
from paravent.desk.screens.order_form import Order
from paravent.desk.trade import Prescribed, Quoted
from paravent.optics.quote import Quote
from paravent.wire.claims import ActKind, Decision, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act of the optician, in French, of the catalogue, and every message that it made this machine send."""

    name: str
    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """An order with its categories, its quote, and the class A offer that a quote shows beside (CSS L.165-9)."""

    order: Order
    taken: Prescribed
    quoted: Quoted
    class_a: Quote

    def __repr__(self) -> str:
        return "Priced(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A customer as this session knows him; ``check`` names the check that everything rests on."""

    check: str
    customer: str
    entitled: Entitled
    steps: tuple[Step, ...] = ()
    priced: Priced | None = None
    decisions: tuple[Decision, ...] = ()
    early: bool = False

    def stepped(self, name: str, departures: list[Departure]) -> Dossier:
        """Adds an act and what it sent."""
        return replace(self, steps=(*self.steps, Step(name=name, departures=tuple(departures))))

    def decided(self, decision: Decision) -> Dossier:
        """Adds a decision of the hub."""
        return replace(self, decisions=(*self.decisions, decision))

    def _last(self, *kinds: ActKind) -> Decision | None:
        found = [one for one in self.decisions if one.kind in kinds and one.outcome is Outcome.ACCEPTED]
        return found[-1] if found else None

    @property
    def reserved(self) -> Decision | None:
        """The live prise en charge of this session, if any."""
        last = self._last(ActKind.RESERVE, ActKind.CANCEL, ActKind.CONSUME)
        return last if last is not None and last.kind is ActKind.RESERVE else None

    @property
    def claimed(self) -> Decision | None:
        """The accepted claim of this session, if any."""
        return self._last(ActKind.CONSUME)

    def __repr__(self) -> str:
        return "Dossier(REDACTED)"
