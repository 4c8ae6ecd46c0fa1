"""The desk's conversations: number lane, acts, statements (docs/protocol.md sections 7, 8, 11).

This file fetches and retries; what to believe is decided in the pure modules it feeds.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TypeVar

from paravent.access.client import PreparedRequest, SignedClient
from paravent.access.requests import content_digest, new_nonce
from paravent.crypto import sealing
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.desk.audit import KeptPrescription
from paravent.desk.bulletin_client import refresh_bulletins
from paravent.desk.config import DeskConfig
from paravent.desk.departures import Departure
from paravent.desk.entitled import Entitled, Judgement, judge_card, judge_row, opened_status_list
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer, verify_bundle
from paravent.desk.give_back_client import give_back
from paravent.desk.number_lane import Blinding, KnownRecord, Opening
from paravent.desk.store import Store
from paravent.desk.waiting import require_room
from paravent.errors import (
    BadInput,
    EpochNotLive,
    LaneSuspended,
    Overloaded,
    ParaventError,
    ProofFailure,
    Refusal,
    SignedLie,
    StaleData,
    TechnicalFailure,
    TooFewServers,
    UnansweredAct,
    UnknownInsurer,
    Unreachable,
    WitnessNotReady,
)
from paravent.optics.audit import unchanged
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.months import FRANCE
from paravent.person.bindings import lookup_input
from paravent.person.class_a_tariff import ClassATariff
from paravent.person.identity import Holder, PersonIdentity
from paravent.person.store import class_a_tariff_for
from paravent.wire.audit import AuditBook
from paravent.wire.card import read_card
from paravent.wire.claims import Act, Decision, DecisionsAnswer, DecisionsRequest
from paravent.wire.codec import decode, encode
from paravent.wire.number_lane import EvaluationAnswer, OpeningAnswer, RowAnswer
from paravent.wire.quota import QuotaAnswer, QuotaRequest
from paravent.wire.statements import (
    STATEMENT_BYTES_MAX,
    Directory,
    EpochBundle,
    Signed,
    StatusList,
    open_statement,
)

T = TypeVar("T")

STATUS_LIST = "status-list"
GUARANTEES = "guarantees"
AUDIT = "audit"
ACTS = "/v1/acts"
EPOCH_CACHE_SECONDS = 3_600
REFRESH_SECONDS = 12 * 3_600
PATIENCE_SECONDS_MAX = 8.0
"""How long a check waits for a hub that said when to come back; a person stands at the counter."""
STARTING_SECONDS = 1.0
STARTING_PAUSES_MAX = 3
"""How often a check waits so long for key servers that have just started, where no other is left to ask."""
QUOTA_THRESHOLD = 2
"""How many key servers a person costs a unit of, as insurers set it by default; the epoch has the last word."""


class DeskClient:
    """One desk talking to the hub and the key servers with its device key."""

    def __init__(
        self, config: DeskConfig, key: SigningKey, directory: Directory, store: Store, client: SignedClient
    ) -> None:
        """Talks with the device key of the desk."""
        self._config = config
        self._key = key
        self._keyid = key_id(key.public)
        self._directory = directory
        self._store = store
        self._client = client
        self._rng: Rng = os.urandom
        self._epochs: dict[str, tuple[VerifiedEpoch, float]] = {}

    # --- statements ----------------------------------------------------------------------------

    async def refresh(self, insurer: str) -> None:
        """Fetches an insurer's status list and guarantees; what is already kept stays when a fetch fails."""
        entry = self._insurer_key(insurer)
        status_list = await self._statement(insurer, STATUS_LIST)
        fresh = open_statement(status_list, StatusList, Label.STATUS_LIST, insurer, entry)
        if self._counter_kept(insurer, STATUS_LIST, StatusList) <= fresh.counter:
            self._store.keep_statement(insurer, STATUS_LIST, status_list)
        guarantees = await self._statement(insurer, GUARANTEES)
        newest = open_statement(guarantees, GuaranteeTables, Label.GUARANTEES, insurer, entry)
        if self._counter_kept(insurer, GUARANTEES, GuaranteeTables) <= newest.counter:
            self._store.keep_statement(insurer, GUARANTEES, guarantees)
        with suppress(EpochNotLive):
            # An insurer that announces no audit has none: its absence stops nothing.
            await self.audits(insurer)

    async def audits(self, insurer: str) -> AuditBook:
        """Fetches the audits that an insurer committed to; each is kept as it was first seen, and none may change."""
        signed = await self._statement(insurer, AUDIT)
        book = open_statement(signed, AuditBook, Label.AUDIT, insurer, self._insurer_key(insurer))
        for audit in book.months:
            seen = self._store.see_audit(insurer, audit)
            if not unchanged(seen, audit):
                raise ProofFailure("an audit is not as this desk first saw it", culprit=insurer)
        return book

    def _counter_kept(self, insurer: str, name: str, kind: type[StatusList | GuaranteeTables]) -> int:
        """Reads the counter of what is kept; it was verified when it was kept, and its key may have changed since."""
        known = self._store.statement(insurer, name)
        return 0 if known is None else decode(known[0].payload, kind, bytes_max=STATEMENT_BYTES_MAX).counter

    def _status_list_verifies(self, known: Signed, insurer: str) -> bool:
        """Says whether the list kept is signed with the insurer's key of now."""
        try:
            opened_status_list(known, insurer, self._insurer_key(insurer))
        except ProofFailure:
            return False
        return True

    async def _refresh_when_old(self, insurer: str) -> None:
        """Fetches the lists again once a day; what is kept serves as long as the hub does not answer."""
        known = self._store.statement(insurer, STATUS_LIST)
        if known is None or not self._status_list_verifies(known[0], insurer):
            await self.refresh(insurer)
        elif time.time() - known[1] > REFRESH_SECONDS:
            with suppress(TechnicalFailure):
                await self.refresh(insurer)

    async def refresh_all(self) -> int:
        """Fetches the lists of every insurer of the directory; returns of how many."""
        await give_back(self._config, self._key.public, self._directory, self._store, self._client)
        for entry in self._directory.insurers:
            await self.refresh(entry.amc)
        with suppress(Unreachable):
            # The lists that decide on cover are kept by now; a list of bulletins that is not true is said.
            await refresh_bulletins(self._directory, self._store, self._client)
        return len(self._directory.insurers)

    def class_a_tariff(self) -> ClassATariff:
        """Returns today's tariff of class A lenses: an official one in the desk's folder, else the package's."""
        return class_a_tariff_for(datetime.now(FRANCE).date(), self._store.home)

    def guarantees(self, insurer: str) -> GuaranteeTables:
        """Returns the guarantee tables kept of an insurer."""
        found = self._store.statement(insurer, GUARANTEES)
        if found is None:
            raise StaleData("the guarantees of this insurer were never fetched")
        return open_statement(found[0], GuaranteeTables, Label.GUARANTEES, insurer, self._insurer_key(insurer))

    async def _statement(self, insurer: str, kind: str) -> Signed:
        url = f"{self._directory.hub.address}/v1/insurers/{insurer}/{kind}"
        return await self._client.get(self._directory.hub.name, url, Signed, bytes_max=STATEMENT_BYTES_MAX)

    def _insurer_key(self, insurer: str) -> VerifyKey:
        entry = self._directory.insurer(insurer)
        if entry is None:
            raise UnknownInsurer("no insurer of the directory has this AMC number")
        return VerifyKey(entry.issuer_key)

    # --- card lane -----------------------------------------------------------------------------

    def check_card(self, text: str, holder: Holder) -> Entitled:
        """Checks a card offline against the last status list kept."""
        return judge_card(read_card(text), holder, self._judgement())

    def _judgement(self) -> Judgement:
        return Judgement(
            directory=self._directory, status_list=self._status_list, now=int(time.time()),
            degraded_days_max=self._config.degraded_days_max,
        )  # fmt: skip

    def _status_list(self, insurer: str) -> Signed | None:
        found = self._store.statement(insurer, STATUS_LIST)
        return None if found is None else found[0]

    # --- number lane ---------------------------------------------------------------------------

    async def _patiently(self, party: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks; once more, when the party said to come back soon and the budget of retries allows it."""
        try:
            return await ask()
        except Overloaded:
            retries, now = self._client.retries, time.monotonic()
            wait = retries.wait(party, now)
            if not 0 < wait <= PATIENCE_SECONDS_MAX or not retries.may_ask_again(now):
                raise
            await asyncio.sleep(wait)
            return await ask()

    async def check_number(self, insurer: str, person: PersonIdentity) -> Entitled:
        """Runs the number lane (steps 7.1 to 7.6); raises NotCovered only on a proof of absence.

        When the insurer has published or changed epoch since the desk last read it, the epoch is read
        again and the check runs once more.
        """
        self._require_usable(insurer, person)
        try:
            return await self._check_number(insurer, person)
        except EpochNotLive:
            if self._epochs.pop(insurer, None) is None:
                raise
            return await self._check_number(insurer, person)

    async def _check_number(self, insurer: str, person: PersonIdentity) -> Entitled:
        epoch = await self._epoch(insurer)
        record = await self._evaluate(epoch, lookup_input(insurer, epoch.epoch, person))
        head_counter = self._store.counter_seen(insurer, epoch.epoch)
        row = await self._fetch(record, head_counter)
        parts = await self._open(record, row)
        label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
        await self._refresh_when_old(insurer)
        try:
            return judge_row(parts, person.holder, insurer, label, self._judgement())
        except StaleData:
            # A list of today may be of before a publication that made it longer.
            with suppress(TechnicalFailure):
                await self.refresh(insurer)
            return judge_row(parts, person.holder, insurer, label, self._judgement())

    def _require_usable(self, insurer: str, person: PersonIdentity) -> None:
        entry = self._directory.insurer(insurer)
        if entry is None:
            raise UnknownInsurer("no insurer of the directory has this AMC number")
        # Elsewhere than at a synthetic insurer a number of no register is looked up as any other: who is refused
        # before the look-up would know a trap by it (protocol.md 9.15).
        if entry.synthetic:
            person.nir.require_usable(synthetic=True)

    async def _epoch(self, insurer: str) -> VerifiedEpoch:
        cached = self._epochs.get(insurer)
        if cached is not None and time.monotonic() - cached[1] < EPOCH_CACHE_SECONDS:
            return cached[0]
        url = f"{self._directory.hub.address}/v1/insurers/{insurer}/epoch"
        hub = self._directory.hub.name
        bundle = await self._patiently(
            hub, lambda: self._client.get(hub, url, EpochBundle, bytes_max=STATEMENT_BYTES_MAX)
        )
        epoch = verify_bundle(
            bundle, insurer, self._directory, now=int(time.time()),
            single_operator_allowed=self._config.single_operator_allowed,
        )  # fmt: skip
        self._epochs[insurer] = (epoch, time.monotonic())
        return epoch

    async def _evaluate(self, epoch: VerifiedEpoch, input_: bytes) -> KnownRecord:
        blinding = Blinding.start(epoch, input_, self._rng)
        message = encode(blinding.message())

        async def ask(server: VerifiedServer) -> None:
            prepared = self._client.prepare(server.entry.address, "/v1/evaluations", message)
            answer = await self._client.send(server.entry.name, prepared, EvaluationAnswer)
            with self._keeping_lies(prepared):
                blinding.take(server, answer, prepared.authenticated.digest)

        await self._ask_enough(self._shuffled(list(epoch.servers.values())), epoch.threshold, ask)
        return blinding.finish()

    async def _fetch(self, record: KnownRecord, counter_min: int) -> sealing.Row:
        hub = self._directory.hub
        nonce = new_nonce(self._rng)
        prepared = self._client.prepare(
            hub.address, "/v1/rows", record.row_message(hub.name, nonce, self._keyid), nonce=nonce
        )
        answer = await self._patiently(hub.name, lambda: self._client.send(hub.name, prepared, RowAnswer))
        head, row = record.take_row(answer, hub.name, now=int(time.time()), counter_min=counter_min)
        if head.counter > counter_min:
            self._store.see_counter(head.insurer, head.epoch, head.counter)
        return row

    async def _open(self, record: KnownRecord, row: sealing.Row) -> tuple[bytes, bytes]:
        epoch = record.epoch
        opening = Opening(record=record, row=row, answer_key=BoxKey.generate(self._rng))
        # Who evaluated opens: no other server learns of the check, and a look-up has its opening beside it.
        holders = [epoch.servers[index] for index in epoch.batches[row.batch]]
        servers = self._shuffled(holders, first=record.evaluators)
        signed: dict[int, tuple[PreparedRequest, Signed]] = {}

        async def ask(server: VerifiedServer) -> None:
            nonce = new_nonce(self._rng)
            message = opening.message(server, nonce, self._keyid)
            prepared = self._client.prepare(server.entry.address, "/v1/openings", message, nonce=nonce)
            answer = await self._client.send(server.entry.name, prepared, OpeningAnswer)
            with self._keeping_lies(prepared):
                signed[server.index] = prepared, opening.take(server, answer, nonce, prepared.authenticated.digest)

        left = await self._ask_enough(servers, epoch.threshold, ask)
        opened = opening.finish()
        while opened is None:
            # A wrong value is among the answers: ask one more server and try the sets again.
            if not left:
                raise ProofFailure("no set of key servers opens this row", culprit="key servers")
            left = await self._ask_enough(left, 1, ask)
            opened = opening.finish()
        entitlement, desk_part, lies = opened
        for lie in lies:
            prepared, answered = signed[lie.index]
            self._store.keep_lie(answered.signer, lie.reason, encode(prepared), encode(answered))
        return entitlement, desk_part

    @contextmanager
    def _keeping_lies(self, prepared: PreparedRequest) -> Iterator[None]:
        """Keeps a signed wrong answer with the request it answers, then lets the failure go on."""
        try:
            yield
        except SignedLie as lie:
            self._store.keep_lie(lie.culprit, str(lie), encode(prepared), encode(lie.evidence))
            raise

    async def _ask_enough(
        self, servers: Sequence[VerifiedServer], needed: int, ask: Callable[[VerifiedServer], Awaitable[None]]
    ) -> list[VerifiedServer]:
        """Asks ``needed`` servers at once, then others one for each that failed, as far as the budget of retries goes.

        Where none is left, those that have just started are asked again: they are ready once another has answered them.
        Returns who is left to ask: not asked yet, or only when they had just started.
        """
        left, starting = list(servers), list[VerifiedServer]()
        failures, not_replaced = list[ParaventError](), list[ParaventError]()
        good, pauses = 0, 0
        while (short := needed - good) > 0:
            if not left and starting and pauses < STARTING_PAUSES_MAX:
                pauses += 1
                await asyncio.sleep(STARTING_SECONDS * (1 + self._rng(1)[0] / 510))
                left, starting = starting, []
            hoped_for = len(left) + (len(starting) if pauses < STARTING_PAUSES_MAX else 0)
            group, left = left[:short], left[short:]
            if hoped_for < short or not self._may_ask_instead(not_replaced[: len(group)]):
                raise _too_few(failures, good, needed)
            del not_replaced[: len(group)]
            results = await asyncio.gather(*(ask(server) for server in group), return_exceptions=True)
            for server, result in zip(group, results, strict=True):
                if isinstance(result, ParaventError):
                    failures.append(result)
                    not_replaced.append(result)
                    starting += [server] if isinstance(result, WitnessNotReady) else []
                elif isinstance(result, BaseException):
                    raise result
                else:
                    good += 1
        return [*left, *starting]

    def _may_ask_instead(self, failures: Sequence[ParaventError]) -> bool:
        """Says whether others may be asked instead of these: one that did no work for us costs a retry, no other."""
        now = time.monotonic()
        return all(
            self._client.retries.may_ask_again(now)
            for failure in failures
            if isinstance(failure, Overloaded | Unreachable)
        )

    def _shuffled(self, servers: list[VerifiedServer], first: frozenset[int] = frozenset()) -> list[VerifiedServer]:
        """Draws an order, in which some indices come first; those who want to be left alone come last."""
        secrets.SystemRandom().shuffle(servers)
        now = time.monotonic()

        def turn(server: VerifiedServer) -> tuple[float, bool]:
            return self._client.retries.wait(server.entry.name, now), server.index not in first

        return sorted(servers, key=turn)

    async def quota(self) -> tuple[int, list[tuple[str, QuotaAnswer]]]:
        """Asks every verifier what is left; returns how many persons that makes, and each answer.

        A person costs one unit at each of t key servers, and one look-up at the hub.
        """
        hub = self._directory.hub
        asked = [(hub.name, hub.address), *((entry.name, entry.address) for entry in self._directory.keyservers)]
        answers = await asyncio.gather(
            *(self._client.post(name, address, "/v1/quota", QuotaRequest(), QuotaAnswer) for name, address in asked),
            return_exceptions=True,
        )
        found = [
            (name, answer) for (name, _), answer in zip(asked, answers, strict=True) if isinstance(answer, QuotaAnswer)
        ]
        servers = [min(answer.lookups, answer.openings) for name, answer in found if name != hub.name]
        at_hub = next((answer.lookups for name, answer in found if name == hub.name), 0)
        return min(at_hub, persons_left(servers, QUOTA_THRESHOLD)), found

    # --- the trade -----------------------------------------------------------------------------

    async def act(self, act: Act, kept: KeptPrescription | None = None) -> Decision:
        """Sends an act, kept durably first, and returns the hub's verified decision.

        Sending the same act again gives the same decision: a retry after a lost answer is safe. Raises
        UnansweredAct when no answer came: whether it was decided is unknown until it is sent again; raises
        WaitingLimitReached for a claim that would wait beside too many others.
        """
        body = encode(act)
        if first := self._store.act(act.idempotency_key) is None:
            require_room(self.undecided(), act, self._config.waiting_cents_max)
        self._store.keep_act(act.idempotency_key, body, None if kept is None else encode(kept))
        hub = self._directory.hub
        try:
            # An act that was kept gives way to those of who stands at a counter.
            signed = await self._client.post(hub.name, hub.address, ACTS, body, Signed, background=not first)
        except Unreachable as error:
            raise UnansweredAct(f"{error}; the {act.kind} is kept as {act.idempotency_key.hex()}") from None
        except (BadInput, Refusal):
            # The hub decided nothing and never will on these bytes: there is nothing to send again.
            self._store.drop_act(act.idempotency_key)
            raise
        return self._keep_decision(act, body, signed)

    def departure(self, act: Act) -> Departure:
        """Gives an act as it would be sent: to whom, where, its very bytes; the signature is made when it goes."""
        body, hub = encode(act), self._directory.hub
        headers = {"content-digest": content_digest(body)}
        return Departure(party=hub.name, method="POST", url=hub.address + ACTS, headers=headers, body=body)

    def _keep_decision(self, act: Act, body: bytes, signed: Signed) -> Decision:
        decision = self._open_decision(signed)
        if (decision.kind, decision.request) != (act.kind, hashlib.sha256(body).digest()):
            raise ProofFailure("the decision answers another act", culprit=self._directory.hub.name)
        self._store.keep_decision(act.idempotency_key, signed)
        return decision

    def _open_decision(self, signed: Signed) -> Decision:
        hub = self._directory.hub
        return open_statement(signed, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))

    async def decisions(self, asked: DecisionsRequest) -> list[Decision]:
        """Asks what was decided on an act of this desk or a claim of its shop, oldest first; nothing is decided.

        An act that got no answer and was decided is kept as such; one of which nothing is found can be sent again.
        """
        hub = self._directory.hub
        answer = await self._client.post(hub.name, hub.address, "/v1/decisions", asked, DecisionsAnswer)
        kept = None if asked.act is None else self._store.act(asked.act)
        if kept is not None and answer.decisions:
            self._keep_decision(decode(kept[0], Act), kept[0], answer.decisions[0])
        return [self._open_decision(signed) for signed in answer.decisions]

    def undecided(self) -> list[Act]:
        """Lists the acts that got no answer, oldest first."""
        return [decode(body, Act) for body in self._store.undecided()]


def persons_left(servers: Sequence[int], threshold: int) -> int:
    """Computes for how many persons t of the servers can still be asked, each person at t different ones."""
    persons = 0
    while sum(min(left, persons + 1) for left in servers) >= threshold * (persons + 1):
        persons += 1
    return persons


def _too_few(failures: Sequence[ParaventError], good: int, needed: int) -> ParaventError:
    """A refusal by the servers themselves (a quota, say) is said as such; anything else is technical."""
    said = [failure for failure in failures if isinstance(failure, EpochNotLive | LaneSuspended)]
    if said:
        return said[0]
    refusals = [failure for failure in failures if isinstance(failure, Refusal)]
    if refusals and len(refusals) == len(failures):
        return refusals[0]
    details = "; ".join(str(failure) for failure in failures)
    return TooFewServers(f"{good} of {needed} key servers answered: {details}")
