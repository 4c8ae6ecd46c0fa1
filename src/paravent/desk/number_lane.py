"""One number-lane check as a conversation that is fed answers and never fetches (docs/protocol.md section 7).

blind -> t evaluations -> handle -> row with proof -> t openings -> entitlement. Whatever a server sends
is verified before use; a wrong answer names its server and the check goes on with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from paravent.crypto import oprf, sealing
from paravent.crypto.dleq import verify_proof
from paravent.crypto.group import Element, Rng, Scalar, decode_element
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.manifest import verify_absence, verify_inclusion
from paravent.crypto.replicated import OpeningValue, ServerSet, assemble, server_sets
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.sharing import combine
from paravent.crypto.signing import SigningKey, VerifyKey, verify
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer, verify_head
from paravent.errors import EpochNotLive, MalformedMessage, NotCovered, ProofFailure, SignedLie, TooFewServers
from paravent.wire.codec import decode
from paravent.wire.number_lane import (
    EvaluationAnswer,
    EvaluationRequest,
    OpeningAnswer,
    OpeningContent,
    OpeningRequest,
    RowAnswer,
    RowRequest,
    auth_fields,
    box_context,
    evaluation_fields,
    fetch_fields,
)
from paravent.wire.statements import ManifestHead, Signed, open_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """A signed answer that turned out wrong once the row was open: which server, and why."""

    index: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Blinding:
    """Step 7.1 to 7.3: from the look-up input to the OPRF output."""

    epoch: VerifiedEpoch
    lookup_input: bytes = field(repr=False)
    factor: Scalar = field(repr=False)
    blinded: Element
    evaluations: dict[int, Element] = field(default_factory=dict)

    @classmethod
    def start(cls, epoch: VerifiedEpoch, lookup_input: bytes, rng: Rng) -> Blinding:
        """Blinds an input."""
        factor, blinded = oprf.blind(lookup_input, rng)
        return cls(epoch=epoch, lookup_input=lookup_input, factor=factor, blinded=blinded)

    def message(self) -> EvaluationRequest:
        """Returns what to ask of every server."""
        return EvaluationRequest(insurer=self.epoch.insurer, epoch=self.epoch.epoch, blinded=self.blinded)

    def take(self, server: VerifiedServer, answer: EvaluationAnswer, request_digest: bytes) -> None:
        """Verifies one share: signature, index, proof; raises ProofFailure naming the server."""
        name = server.entry.name
        fields = evaluation_fields(name, self.message(), answer.index, request_digest, answer.evaluated, answer.proof)
        verify(VerifyKey(server.entry.verify_key), answer.signature, Label.EVALUATION, *fields, culprit=name)
        # From here on the server has signed what it says: what is wrong is a lie, and provable.
        if answer.index != server.index:
            raise SignedLie("the share is of another index", culprit=name, evidence=answer)
        try:
            evaluated = decode_element(answer.evaluated)
            verify_proof(answer.proof, server.public, [self.blinded], [evaluated], culprit=name)
        except (MalformedMessage, ProofFailure) as error:
            reason = "the share is not the one that its commitment gives"
            raise SignedLie(reason, culprit=name, evidence=answer) from error
        self.evaluations[server.index] = evaluated

    def finish(self) -> KnownRecord:
        """Interpolates t verified shares, unblinds, derives the handle key."""
        chosen = dict(sorted(self.evaluations.items())[: self.epoch.threshold])
        element = combine(chosen, self.epoch.threshold, self.epoch.size)
        output = oprf.finalize(self.lookup_input, self.factor, element)
        key = sealing.handle_key(output, self.epoch.insurer, self.epoch.epoch)
        handle = sealing.handle_of(self.epoch.insurer, self.epoch.epoch, key.public)
        evaluators = frozenset(self.evaluations)
        return KnownRecord(epoch=self.epoch, output=output, handle_key=key, handle=handle, evaluators=evaluators)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRecord:
    """Step 7.4: the desk knows whose record it wants and can prove it; by the index, which servers evaluated it."""

    epoch: VerifiedEpoch
    output: oprf.OprfOutput
    handle_key: SigningKey
    handle: Handle
    evaluators: frozenset[int]

    def row_message(self, hub: str, nonce: str, device: str) -> RowRequest:
        """Returns what to ask of the hub, with the proof of knowledge of the handle key."""
        return RowRequest(
            insurer=self.epoch.insurer, epoch=self.epoch.epoch, handle_key=self.handle_key.public,
            proof=self.handle_key.sign(Label.FETCH, *fetch_fields(hub, nonce, device)),
        )  # fmt: skip

    def take_row(self, answer: RowAnswer, hub: str, *, now: int, counter_min: int) -> tuple[ManifestHead, Row]:
        """Verifies the row against the signed manifest; raises NotCovered only on a proof of absence."""
        head = verify_head(answer.head, self.epoch, now=now, counter_min=counter_min)
        leaves = [leaf.inclusion() for leaf in answer.leaves]
        if answer.row is None:
            verify_absence(self.handle, leaves, count=head.count, root=head.root, culprit=hub)
            raise NotCovered("the insurer published no right for these particulars")
        try:
            row = Row(
                insurer=self.epoch.insurer, epoch=self.epoch.epoch, batch=answer.row.batch,
                handle=self.handle, stored=answer.row.stored,
            )  # fmt: skip
        except MalformedMessage as error:
            raise ProofFailure("the row has another length than rows have", culprit=hub) from error
        if len(leaves) != 1 or leaves[0].handle != self.handle or leaves[0].row_digest != row.digest():
            raise ProofFailure("the row is not the one of its manifest leaf", culprit=hub)
        verify_inclusion(leaves[0], count=head.count, root=head.root, culprit=hub)
        if row.batch not in head.live_batches:
            raise ProofFailure("the row is of a batch that is not live", culprit=hub)
        if row.batch not in self.epoch.batches:
            raise EpochNotLive("the insurer has published since this desk read its epoch")
        return head, row


@dataclass(slots=True, kw_only=True)
class Opening:
    """Steps 7.5 and 7.6: collect opening values until a set of t servers opens the row."""

    record: KnownRecord
    row: Row
    answer_key: BoxKey
    contents: dict[int, Mapping[ServerSet, OpeningValue]] = field(default_factory=dict)

    def message(self, server: VerifiedServer, nonce: str, device: str) -> OpeningRequest:
        """Returns what to ask of one server, with a proof bound to it, to the label and to the answer key."""
        record, row = self.record, self.row
        label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
        fields = auth_fields(server.entry.name, nonce, label, device, self.answer_key.public)
        return OpeningRequest(
            insurer=row.insurer, epoch=row.epoch, batch=row.batch, handle_key=record.handle_key.public,
            answer_key=self.answer_key.public, proof=record.handle_key.sign(Label.AUTH, *fields),
        )  # fmt: skip

    def take(self, server: VerifiedServer, answer: OpeningAnswer, nonce: str, request_digest: bytes) -> Signed:
        """Opens and verifies one answer; returns what the server signed; raises ProofFailure naming it."""
        name, row = server.entry.name, self.row
        context = box_context(name, row.insurer, row.epoch, nonce)
        opened = self.answer_key.open(answer.box, Label.OPENING_BOX, *context, culprit=name)
        try:
            signed = decode(opened, Signed)
            content = open_statement(signed, OpeningContent, Label.OPENING, name, VerifyKey(server.entry.verify_key))
        except MalformedMessage as error:
            raise ProofFailure("the opening is not of this protocol", culprit=name) from error
        values = {ServerSet(entry.servers): OpeningValue(entry.value) for entry in content.values}
        held = {
            members for members in server_sets(self.record.epoch.threshold, self.record.epoch.size)
            if server.index not in members
        }  # fmt: skip
        if content.request != request_digest or content.server != name or set(values) != held:
            raise SignedLie("the opening answers another request", culprit=name, evidence=signed)
        self.contents[server.index] = values
        return signed

    def finish(self) -> tuple[bytes, bytes, list[Lie]] | None:
        """Tries sets of t servers; returns (E, D) and every lie found, or None when no set opens the row.

        The row's key commitment is the judge. Raises TooFewServers when fewer than t answered.
        """
        threshold, size = self.record.epoch.threshold, self.record.epoch.size
        sets = server_sets(threshold, size)
        if len(self.contents) < threshold:
            raise TooFewServers(f"{len(self.contents)} key servers opened this record, {threshold} are needed")
        for chosen in combinations(sorted(self.contents), threshold):
            values = {members: value for index in chosen for members, value in self.contents[index].items()}
            try:
                opened = sealing.open_row(self.row, self.record.output, assemble(values, sets))
            except ProofFailure:
                continue
            return *opened, self._lies(values)
        return None

    def _lies(self, truth: Mapping[ServerSet, OpeningValue]) -> list[Lie]:
        return [
            Lie(index=index, reason="a wrong opening value")
            for index, values in self.contents.items()
            if any(truth[members] != value for members, value in values.items())
        ]
