"""Whoever holds stolen device keys: opens as many records of a leaked list as the key servers let through.

Asks only true hits, spreads over servers and devices, computes alone whatever stolen servers would have said,
and has a copy of the hub's database, so that the hub's own limit does not bind it (docs/protocol.md section 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from paravent.access.quotas import QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, new_nonce
from paravent.crypto import oprf, sealing
from paravent.crypto.entitlement import verify_entitlement
from paravent.crypto.group import Scalar, multiply
from paravent.crypto.hpke import BoxKey
from paravent.crypto.replicated import opening_value
from paravent.crypto.sealing import Row, open_label
from paravent.crypto.signing import SigningKey, key_id
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer
from paravent.desk.number_lane import Blinding, KnownRecord, Opening
from paravent.drill.credentials.spread import Spreader
from paravent.drill.simulation.parties import EVALUATIONS, OPENINGS
from paravent.errors import QuotaExceeded, TechnicalFailure
from paravent.person.bindings import lookup_input
from paravent.person.identity import PersonIdentity
from paravent.wire.number_lane import EvaluationAnswer, OpeningAnswer
from paravent.wire.statements import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A line of the leaked list that is true: whose it is, and under which insurer."""

    person: str
    amc: str
    identity: PersonIdentity


@dataclass(slots=True, kw_only=True)
class Attacker(Spreader):
    """Everything the thief holds and has learnt; ``opened`` gives the label by person."""

    directory: Directory
    epochs: Mapping[str, VerifiedEpoch]
    rows: Mapping[bytes, Row]
    lookup_keys: Mapping[str, Scalar] = field(default_factory=dict)
    """Look-up keys of insurers: with one, nobody has to be asked whose record it is."""
    opened: dict[str, bytes] = field(default_factory=dict)
    known: dict[str, KnownRecord] = field(default_factory=dict)
    begun: dict[str, Opening] = field(default_factory=dict)
    seen: Callable[[int], None] = lambda _: None
    """Is told, after each person, how many are open."""

    def drain(self, hits: Iterable[Hit]) -> None:
        """Opens whoever is not open yet until no quota is left; forgets first what it believed exhausted."""
        self.exhausted.clear()
        for hit in hits:
            if hit.person not in self.opened:
                try:
                    self.open(hit)
                except QuotaExceeded:
                    return
                except TechnicalFailure:
                    continue  # whom it cannot open it leaves, to ask for others while there is quota

    def look_up(self, hit: Hit) -> KnownRecord:
        """Learns whose record it is, with as few servers as the stolen ones leave necessary."""
        if hit.person in self.known:
            return self.known[hit.person]
        epoch = self.epochs[hit.amc]
        if hit.amc in self.lookup_keys:
            self.known[hit.person] = self._alone(hit, epoch)
            return self.known[hit.person]
        blinding = Blinding.start(epoch, lookup_input(hit.amc, epoch.epoch, hit.identity), self.rng)
        for index, files in self.stolen.items():
            blinding.evaluations[index] = multiply(files.shares[hit.amc], blinding.blinded)

        def ask(server: VerifiedServer, device: SigningKey) -> None:
            request, caller = self.signed(server, EVALUATIONS, blinding.message(), device)
            blinding.take(server, self.answer(server, EVALUATIONS, request, EvaluationAnswer), caller.digest)

        self.spread(QuotaKind.LOOKUP, epoch, set(self.stolen), ask)
        self.known[hit.person] = blinding.finish()
        return self.known[hit.person]

    def _alone(self, hit: Hit, epoch: VerifiedEpoch) -> KnownRecord:
        """Computes whose record it is with the insurer's own key."""
        output = oprf.evaluate(lookup_input(hit.amc, epoch.epoch, hit.identity), self.lookup_keys[hit.amc])
        key = sealing.handle_key(output, hit.amc, epoch.epoch)
        handle = sealing.handle_of(hit.amc, epoch.epoch, key.public)
        return KnownRecord(epoch=epoch, output=output, handle_key=key, handle=handle, evaluators=frozenset())

    def begin(self, hit: Hit) -> Opening:
        """Takes the row from the database copy, and the opening values from the stolen files; what came stays."""
        record = self.look_up(hit)
        if hit.person in self.begun:
            return self.begun[hit.person]
        row = self.rows[record.handle]
        opening = Opening(record=record, row=row, answer_key=BoxKey.generate(self.rng))
        label = open_label(row.insurer, row.epoch, row.batch, row.handle)
        for index, files in self.stolen.items():
            keys = files.keys[row.insurer]
            opening.contents[index] = {members: opening_value(key, label) for members, key in keys.items()}
        self.begun[hit.person] = opening
        return opening

    def open(self, hit: Hit) -> None:
        """Opens one record; raises QuotaExceeded when too few servers let it through."""
        opening = self.begin(hit)
        self.spread(
            QuotaKind.OPENING, opening.record.epoch, set(opening.contents),
            lambda server, device: self.take_opening(opening, server, *self.opening_request(opening, server, device)),
        )  # fmt: skip
        self.finish(hit)

    def opening_request(
        self, opening: Opening, server: VerifiedServer, device: SigningKey, nonce: str | None = None
    ) -> tuple[HttpRequest, Authenticated]:
        """Signs a request for one server's opening values."""
        drawn = nonce or new_nonce(self.rng)
        message = opening.message(server, drawn, key_id(device.public))
        return self.signed(server, OPENINGS, message, device, drawn)

    def take_opening(
        self, opening: Opening, server: VerifiedServer, request: HttpRequest, caller: Authenticated
    ) -> None:  # fmt: skip
        """Sends a request for opening values and keeps what comes."""
        answer = self.answer(server, OPENINGS, request, OpeningAnswer)
        opening.take(server, answer, caller.nonce, caller.digest)

    def finish(self, hit: Hit) -> None:
        """Counts a person when the record opens and the insurer's signature in it verifies."""
        opening = self.begun[hit.person]
        opened = opening.finish() if len(opening.contents) >= opening.record.epoch.threshold else None
        if opened is not None:
            verify_entitlement(opened[0], self.directory.issuers())
            row = opening.row
            self.opened[hit.person] = open_label(row.insurer, row.epoch, row.batch, row.handle)
            self.seen(len(self.opened))
