"""One share of a blind evaluation (docs/protocol.md section 7, step 7.2).

Order of safety: authenticate, check the epoch, spend durably, then compute. The server sees a
uniformly random element and never the input.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.access.devices import Device, authenticate, charge_of, require_open_lane
from paravent.access.quotas import QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto.dleq import generate_proof
from paravent.crypto.group import Element, Rng, decode_element, multiply
from paravent.crypto.labels import Label
from paravent.errors import EpochNotLive
from paravent.keyserver.state import EpochShare, KeyServerStore, ServerIdentity
from paravent.wire.codec import decode
from paravent.wire.number_lane import EvaluationAnswer, EvaluationRequest, evaluation_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedEvaluation:
    """A verified request, ready to be charged and then answered."""

    device: Device
    caller: Authenticated
    message: EvaluationRequest
    blinded: Element
    share: EpochShare


def admit(request: HttpRequest, identity: ServerIdentity, store: KeyServerStore, now: int) -> AdmittedEvaluation:
    """Verifies a request; raises what is wrong with it, having spent nothing."""
    device, caller = authenticate(request, store, authority=authority_of(identity.base_url), now=now)
    message = decode(request.body, EvaluationRequest)
    require_open_lane(store, message.insurer)
    return AdmittedEvaluation(
        device=device, caller=caller, message=message, blinded=decode_element(message.blinded),
        share=live_share(store, message.insurer, message.epoch, now),
    )  # fmt: skip


def live_share(store: KeyServerStore, insurer: str, epoch: int, now: int) -> EpochShare:
    """Returns the share of an epoch that is current for look-ups now; raises EpochNotLive."""
    share = store.share(insurer, epoch)
    if share is None or not share.not_before <= now < share.ends_at:
        raise EpochNotLive("this server holds no live share of this epoch")
    return share


def spend(admitted: AdmittedEvaluation, store: KeyServerStore, now: int) -> None:
    """Spends one look-up, wrong tries included; an identical signed request is free."""
    if store.first_time(admitted.caller, now):
        # Each accepted evaluation counts: the subject is the request itself.
        digest = admitted.caller.digest
        store.spend(charge_of(QuotaKind.LOOKUP, admitted.device, admitted.message.insurer, digest, digest), now)


def answer(admitted: AdmittedEvaluation, identity: ServerIdentity, rng: Rng) -> EvaluationAnswer:
    """Evaluates, proves (RFC 9497 GenerateProof) and signs; called once the spending is durable."""
    share = admitted.share
    evaluated = multiply(share.share, admitted.blinded)
    proof = generate_proof(share.share, share.public, [admitted.blinded], [evaluated], rng)
    fields = evaluation_fields(identity.name, admitted.message, share.index, admitted.caller.digest, evaluated, proof)
    signature = identity.signing_key.sign(Label.EVALUATION, *fields)
    return EvaluationAnswer(index=share.index, evaluated=evaluated, proof=proof, signature=signature)
