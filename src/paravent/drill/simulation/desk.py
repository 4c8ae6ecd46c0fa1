"""A desk of a simulation: the conversations of the number lane and of the trade, on the desk's own logic and store.

It asks and retries as ``desk.client`` does, one request after another instead of several at once; a server that starts
here is ready at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from paravent.access.devices import Device
from paravent.access.requests import HttpRequest, new_nonce
from paravent.crypto import sealing
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey

# What a failed question means is decided in one place, for the simulation too.
from paravent.desk.client import EPOCH_CACHE_SECONDS
from paravent.desk.client import _too_few as too_few
from paravent.desk.entitled import Entitled, Judgement, judge_row
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer, verify_bundle
from paravent.desk.number_lane import Blinding, KnownRecord, Opening
from paravent.desk.store import Store
from paravent.drill.simulation.machine import SimulatedMachine
from paravent.drill.simulation.network import Network
from paravent.drill.simulation.parties import EVALUATIONS, OPENINGS, ROWS
from paravent.errors import EpochNotLive, ParaventError, ProofFailure, SignedLie
from paravent.hub.statements import STATUS_LIST
from paravent.person.bindings import lookup_input
from paravent.person.identity import PersonIdentity
from paravent.wire.codec import encode
from paravent.wire.number_lane import EvaluationAnswer, OpeningAnswer, RowAnswer
from paravent.wire.statements import Signed

Ask = Callable[[VerifiedServer], None]


@dataclass(slots=True)
class SimulatedDesk(SimulatedMachine):
    """A desk: asks key servers and hub about its customers."""

    @classmethod
    def create(cls, network: Network, name: str, professional: str, shop: str) -> SimulatedDesk:
        """Creates a desk and enrols it everywhere."""
        key, folder = SigningKey.generate(network.platform.rng), network.platform.home / name
        device = Device(public=key.public, professional=professional, shop=shop)
        network.platform.enrol(device)
        folder.mkdir()
        return cls(network=network, folder=folder, key=key, device=device, store=Store(folder))

    def check(self, amc: str, person: PersonIdentity, order: Sequence[int]) -> tuple[Entitled, sealing.Row]:
        """Runs a whole check, asking servers in an order; once more when the epoch changed meanwhile."""
        self.culprits.clear()
        try:
            return self._check(amc, person, order)
        except EpochNotLive:
            if self.epochs.pop(amc, None) is None:
                raise
            return self._check(amc, person, order)

    def _check(self, amc: str, person: PersonIdentity, order: Sequence[int]) -> tuple[Entitled, sealing.Row]:
        platform = self.network.platform
        epoch = self._epoch(amc)
        record = self._evaluate(epoch, lookup_input(amc, epoch.epoch, person), order)
        row = self._fetch(record)
        parts = self._open(record, row, order)
        judgement = Judgement(
            directory=platform.directory, status_list=lambda found: platform.hub.store.statement(found, STATUS_LIST),
            now=platform.now, degraded_days_max=7,
        )  # fmt: skip
        label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
        return judge_row(parts, person.holder, amc, label, judgement), row

    def _epoch(self, amc: str) -> VerifiedEpoch:
        platform = self.network.platform
        cached = self.epochs.get(amc)
        if cached is None or platform.now - cached[1] >= EPOCH_CACHE_SECONDS:
            bundle = self.network.bundle(amc)
            read = verify_bundle(bundle, amc, platform.directory, now=platform.now, single_operator_allowed=False)
            self.epochs[amc] = cached = read, platform.now
        return cached[0]

    def _evaluate(self, epoch: VerifiedEpoch, input_: bytes, order: Sequence[int]) -> KnownRecord:
        blinding = Blinding.start(epoch, input_, self.network.platform.rng)

        def ask(server: VerifiedServer) -> None:
            request, caller = self.signed(server.entry.address, EVALUATIONS, blinding.message())
            answer = self.network.send(server.entry.name, EVALUATIONS, request, EvaluationAnswer)
            with self._keeping_lies(request):
                blinding.take(server, answer, caller.digest)

        self._ask_enough([epoch.servers[index] for index in order], epoch.threshold, ask)
        return blinding.finish()

    def _fetch(self, record: KnownRecord) -> sealing.Row:
        hub, now = self.network.platform.hub, self.network.platform.now
        nonce = new_nonce(self.network.platform.rng)
        message = record.row_message(hub.name, nonce, self.device.keyid)
        request, _ = self.signed(hub.identity.base_url, ROWS, message, nonce)
        answer = self.network.send(hub.name, ROWS, request, RowAnswer)
        counter = self.store.counter_seen(record.epoch.insurer, record.epoch.epoch)
        head, row = record.take_row(answer, hub.name, now=now, counter_min=counter)
        self.store.see_counter(head.insurer, head.epoch, head.counter)
        return row

    def _open(self, record: KnownRecord, row: sealing.Row, order: Sequence[int]) -> tuple[bytes, bytes]:
        epoch, rng = record.epoch, self.network.platform.rng
        opening = Opening(record=record, row=row, answer_key=BoxKey.generate(rng))
        servers = [epoch.servers[index] for index in order if index in epoch.batches[row.batch]]
        signed: dict[int, tuple[HttpRequest, Signed]] = {}

        def ask(server: VerifiedServer) -> None:
            nonce = new_nonce(rng)
            message = opening.message(server, nonce, self.device.keyid)
            request, caller = self.signed(server.entry.address, OPENINGS, message, nonce)
            answer = self.network.send(server.entry.name, OPENINGS, request, OpeningAnswer)
            with self._keeping_lies(request):
                signed[server.index] = request, opening.take(server, answer, nonce, caller.digest)

        asked = self._ask_enough(servers, epoch.threshold, ask)
        while (opened := opening.finish()) is None:
            if not servers[asked:]:
                raise ProofFailure("no set of key servers opens this row", culprit="key servers")
            asked += self._ask_enough(servers[asked:], 1, ask)
        for lie in opened[2]:
            request, answered = signed[lie.index]
            self.culprits.append(answered.signer)
            self.store.keep_lie(answered.signer, lie.reason, encode(request), encode(answered))
        return opened[0], opened[1]

    @contextmanager
    def _keeping_lies(self, request: HttpRequest) -> Iterator[None]:
        try:
            yield
        except SignedLie as lie:
            self.store.keep_lie(lie.culprit, str(lie), encode(request), encode(lie.evidence))
            raise

    def _ask_enough(self, servers: Sequence[VerifiedServer], needed: int, ask: Ask) -> int:
        failures: list[ParaventError] = []
        for asked, server in enumerate(servers, start=1):
            try:
                ask(server)
            except ParaventError as error:
                failures.append(error)
                self.culprits += [error.culprit] if isinstance(error, ProofFailure) else []
            if asked - len(failures) == needed:
                return asked
        raise too_few(failures, len(servers) - len(failures), needed)
