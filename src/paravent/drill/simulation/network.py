"""What lies between the parties of a simulation: messages lost, sent again, altered, and processes that die.

Requests and answers cross it in the encoding of the wire, errors as problem details, as over HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from paravent.access.requests import HttpRequest
from paravent.drill.simulation.crash import Died, Gate, Moment
from paravent.drill.simulation.lies import Liar
from paravent.drill.simulation.parties import SimulatedHub, SimulatedServer
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.watch import Watch
from paravent.errors import ParaventError, Unreachable
from paravent.wire.codec import Message, decode, encode
from paravent.wire.problem import from_problem, to_problem
from paravent.wire.statements import STATEMENT_BYTES_MAX, EpochBundle

M = TypeVar("M", bound=Message)


class Loss(StrEnum):
    """What is lost of an exchange."""

    REQUEST = "lost-request"
    ANSWER = "lost-answer"


NO_FAULT = "none"
FAULTS = (*Loss, *Moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request as it was sent, to be sent again by somebody."""

    party: str
    path: str
    request: HttpRequest
    kind: type[Message]


@dataclass(slots=True)
class Network:
    """Delivers requests; one fault can be set on one of the next exchanges."""

    platform: SimulatedPlatform
    watch: Watch
    dice: random.Random
    sent: list[Exchange] = field(default_factory=list)
    liars: dict[str, Liar] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    disturbed: bool = False
    _fault: str = NO_FAULT
    _countdown: int = 0

    @contextmanager
    def fault(self, kind: str, at: int) -> Iterator[None]:
        """Sets a fault on exchange number ``at``, from 0, of what is done inside."""
        self._fault, self._countdown, self.disturbed = kind, at, False
        self.told.clear()
        yield
        self._fault = NO_FAULT

    def send(self, party: str, path: str, request: HttpRequest, kind: type[M]) -> M:
        """Sends a signed request and reads the answer; raises what the sender of the request would see."""
        self.sent.append(Exchange(party=party, path=path, request=request, kind=kind))
        return self.deliver(self.sent[-1], kind)

    def deliver(self, exchange: Exchange, kind: type[M]) -> M:
        """Delivers a request, new or old, under the fault set, if it is this exchange's."""
        fault = self._next_fault()
        to = self.platform.verifier(exchange.party)
        if fault == Loss.REQUEST or not to.up:
            raise Unreachable(f"{exchange.party} does not answer")
        gate = Gate(to.home, Moment(fault) if fault in set(Moment) else None)
        try:
            answer = self._taken(to, exchange, gate)
        except ParaventError as error:
            raise from_problem(encode(to_problem(error)), party=exchange.party) from None
        except Died:
            self.restart(to, gate)
            raise Unreachable(f"{exchange.party} does not answer") from None
        if fault == Loss.ANSWER:
            raise Unreachable(f"{exchange.party} does not answer")
        return decode(encode(answer), kind)

    def bundle(self, amc: str) -> EpochBundle:
        """Fetches what the hub serves of an insurer's epoch; not signed by the asker, so never sent again."""
        fault, hub = self._next_fault(), self.platform.hub
        manifest = hub.store.newest(amc)
        if fault in set(Loss) or not hub.up or manifest is None:
            raise Unreachable(f"{hub.name} does not answer")
        return decode(encode(manifest.bundle), EpochBundle, bytes_max=STATEMENT_BYTES_MAX)

    def restart(self, party: SimulatedServer | SimulatedHub, gate: Gate | None = None) -> None:
        """Starts a party again, on what was on its disk when it died."""
        survivor = gate.survivor if gate is not None else None
        party.restart(survivor or party.home.copy(), self.platform.directory, self.platform.now)

    def _taken(self, to: SimulatedServer | SimulatedHub, exchange: Exchange, gate: Gate) -> Message:
        path, request, now = exchange.path, exchange.request, self.platform.now
        if isinstance(to, SimulatedHub):
            answer = to.take(path, request, now, self.platform.directory, gate)
            self.watch.answered_by_hub(to, path, request, answer, now)
            return answer
        answer = to.take(path, request, now, gate)
        self.watch.answered(to, path, request, now)
        liar = self.liars.get(to.name)
        return answer if liar is None else self._lie(liar, to, path, request, answer)

    def _lie(
        self, liar: Liar, server: SimulatedServer, path: str, request: HttpRequest, answer: Message
    ) -> Message:  # fmt: skip
        altered = liar.answer(server, path, request, answer)
        if altered is not answer:
            self.told.append((server.name, liar.kind))
        return altered

    def _next_fault(self) -> str:
        self._countdown -= 1
        if self._countdown != -1 or self._fault == NO_FAULT:
            return NO_FAULT
        self.disturbed = True
        return self._fault
