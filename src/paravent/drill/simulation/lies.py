"""A key server that lies: it charges and witnesses as it must, then says something else (docs/protocol.md 7)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from paravent.access.requests import HttpRequest
from paravent.crypto import group
from paravent.crypto.dleq import generate_proof
from paravent.crypto.group import Element, Scalar, decode_element
from paravent.crypto.labels import Label
from paravent.crypto.replicated import OpeningKey
from paravent.drill.simulation.parties import EVALUATIONS, SimulatedServer
from paravent.errors import EpochNotLive, QuotaExceeded
from paravent.keyserver import evaluation, opening
from paravent.keyserver.opening import AdmittedOpening
from paravent.wire.codec import Message
from paravent.wire.number_lane import EvaluationAnswer, evaluation_fields


class LieKind(StrEnum):
    """What a lying server does; the last two are bare words, which nobody can prove."""

    WRONG_SHARE = "wrong-share"
    STALE_EPOCH = "stale-epoch"
    IDENTITY = "identity"
    NON_CANONICAL = "non-canonical"
    SWAPPED_PROOF = "swapped-proof"
    REPLAYED = "replayed"
    WRONG_VALUE = "wrong-value"
    FEWER_VALUES = "fewer-values"
    OTHER_REQUEST = "other-request"
    REFUSAL = "refusal"
    NOT_LIVE = "not-live"


_NON_CANONICAL = Element(b"\xff" * 32)


@dataclass(slots=True)
class Liar:
    """One way of lying, kept up until the server turns honest again."""

    kind: LieKind
    dice: random.Random
    clock: Callable[[], int]
    before: dict[str, Message] = field(default_factory=dict)

    def answer(self, server: SimulatedServer, path: str, request: HttpRequest, honest: Message) -> Message:
        """Returns the lie, or the honest answer itself where this kind has nothing to lie about."""
        if self.kind is LieKind.REFUSAL:
            raise QuotaExceeded("this server says so")
        if self.kind is LieKind.NOT_LIVE:
            raise EpochNotLive("this server says so")
        if self.kind is LieKind.REPLAYED:
            earlier = self.before.get(path, honest)
            self.before[path] = honest
            return earlier
        if isinstance(honest, EvaluationAnswer) and path == EVALUATIONS:
            return self._evaluation(server, request, honest)
        return self._opening(server, request, honest)

    # --- evaluations ----------------------------------------------------------------------------

    def _evaluation(self, server: SimulatedServer, request: HttpRequest, honest: EvaluationAnswer) -> Message:
        asked = evaluation.admit(request, server.identity, server.store, self.clock() + server.skew)
        share, rng = asked.share, self.dice.randbytes
        evaluated, proof = Element(honest.evaluated), honest.proof
        match self.kind:
            case LieKind.WRONG_SHARE:
                evaluated, proof = self._proved(group.random_scalar(rng), share.public, asked.blinded)
            case LieKind.STALE_EPOCH:
                former = server.store.share(share.insurer, share.epoch - 1)
                if former is None:
                    return honest
                evaluated, proof = self._proved(former.share, former.public, asked.blinded)
            case LieKind.IDENTITY:
                evaluated = Element(group.IDENTITY)
            case LieKind.NON_CANONICAL:
                evaluated = _NON_CANONICAL
            case LieKind.SWAPPED_PROOF:
                other = decode_element(group.multiply_base(group.random_scalar(rng)))
                proof = self._proved(share.share, share.public, other)[1]
            case _:
                return honest
        fields = evaluation_fields(server.name, asked.message, share.index, asked.caller.digest, evaluated, proof)
        signature = server.identity.signing_key.sign(Label.EVALUATION, *fields)
        return msgspec.structs.replace(honest, evaluated=evaluated, proof=proof, signature=signature)

    def _proved(self, key: Scalar, public: Element, blinded: Element) -> tuple[Element, bytes]:
        evaluated = group.multiply(key, blinded)
        return evaluated, generate_proof(key, public, [blinded], [evaluated], self.dice.randbytes)

    # --- openings -------------------------------------------------------------------------------

    def _opening(self, server: SimulatedServer, request: HttpRequest, honest: Message) -> Message:
        admitted = opening.admit(request, server.identity, server.store, self.clock() + server.skew)
        position = server.store.witnessed(admitted.caller.digest)
        altered = self._altered(admitted)
        if position is None or altered is admitted:
            return honest
        return opening.answer(altered, position, server.identity)

    def _altered(self, admitted: AdmittedOpening) -> AdmittedOpening:
        keys = dict(admitted.batch.keys)
        chosen = sorted(keys)[self.dice.randrange(len(keys))]
        match self.kind:
            case LieKind.WRONG_VALUE:
                keys[chosen] = OpeningKey(self.dice.randbytes(32))
            case LieKind.FEWER_VALUES:
                del keys[chosen]
            case LieKind.OTHER_REQUEST:
                return replace(admitted, caller=replace(admitted.caller, digest=self.dice.randbytes(32)))
            case _:
                return admitted
        return replace(admitted, batch=replace(admitted.batch, keys=keys))
