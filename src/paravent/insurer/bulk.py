"""A part of a publication as a task for another machine: pure (docs/protocol.md section 5; decision 0034).

The task is one box, sealed to the workers: it holds the keys of the publication and the lines of the part, so that
whatever carries it (a scheduler, its logs, its memory) has ciphertext. The answer is a box too, sealed to a key that
this publication drew. The rows are sealed by the function of one machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from paravent.crypto import hpke
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.crypto.sealing import Row
from paravent.crypto.signing import Seed, SigningKey
from paravent.errors import ProofFailure
from paravent.insurer.members import entries, right_of
from paravent.insurer.sealing import Right, SealingKeys, seal
from paravent.insurer.sealing_client import ToSeal
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir
from paravent.wire.codec import Amc, Bytes16, Bytes32, Message, Natural, decode, encode
from paravent.wire.publication import RECORD_BYTES, from_records, to_record

JOB_BYTES_MAX = 16_777_216
WORKER = "sealing worker"
_LINE_BYTES = 16


class SetKey(Message, frozen=True, kw_only=True):
    """The opening key of one set of servers."""

    members: tuple[int, ...]
    key: Bytes32


class LineToSeal(Message, frozen=True, kw_only=True):
    """One line: whose, and which right."""

    line: Bytes16
    name: str
    birth_date: str
    nir: str
    rank: int
    right: Right

    def __repr__(self) -> str:
        return "LineToSeal(REDACTED)"


class SealingJob(Message, frozen=True, kw_only=True):
    """The keys of a publication and the lines of one part of it; ``answer`` is the key that the rows are sealed to."""

    part: Natural
    insurer: Amc
    epoch: Natural
    batch: Natural
    issuer: Bytes32
    lookup: Bytes32
    opening: tuple[SetKey, ...]
    answer: Annotated[bytes, msgspec.Meta(max_length=4_096)]
    lines: tuple[LineToSeal, ...]

    def __repr__(self) -> str:
        return "SealingJob(REDACTED)"

    def keys(self) -> SealingKeys:
        """Returns the keys to seal with."""
        return SealingKeys(
            insurer=self.insurer, epoch=self.epoch, batch=self.batch, issuer_key=SigningKey(Seed(self.issuer)),
            lookup_key=Scalar(self.lookup),
            opening_keys={ServerSet(one.members): OpeningKey(one.key) for one in self.opening},
        )  # fmt: skip


def box_job(
    part: int, keys: SealingKeys, lines: Sequence[ToSeal], workers: BoxPublicKey, answer: BoxPublicKey
) -> bytes:
    """Seals a part for the workers."""
    job = SealingJob(
        part=part, insurer=keys.insurer, epoch=keys.epoch, batch=keys.batch, issuer=keys.issuer_key.seed().reveal(),
        lookup=keys.lookup_key.reveal(), answer=answer,
        opening=tuple(SetKey(members=tuple(of), key=key.reveal()) for of, key in keys.opening_keys.items()),
        lines=tuple(_line(one, identity) for one in lines for identity in entries(one.member)),
    )  # fmt: skip
    return hpke.seal(workers, encode(job), Label.SEALING_JOB_BOX)


def do_job(box: bytes, worker: BoxKey, rng: Rng) -> bytes:
    """Seals the lines of a box, and returns their rows in a box; raises ProofFailure when it is not for this worker."""
    job = decode(
        worker.open(box, Label.SEALING_JOB_BOX, culprit="publisher"), SealingJob, bytes_max=JOB_BYTES_MAX
    )  # fmt: skip
    keys = job.keys()
    rows = b"".join(one.line + to_record(seal(keys, _identity(one), one.right, rng)) for one in job.lines)
    return hpke.seal(BoxPublicKey(job.answer), rows, Label.SEALED_PART_BOX, job.part)


def open_part(
    box: bytes, part: int, keys: SealingKeys, lines: Sequence[ToSeal], answer: BoxKey
) -> list[tuple[Row, bytes]]:
    """Opens the rows of a part; raises ProofFailure unless they are those of every line of it, each once."""
    content = answer.open(box, Label.SEALED_PART_BOX, part, culprit=WORKER)
    size = _LINE_BYTES + RECORD_BYTES
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    rows = list(from_records(b"".join(piece[_LINE_BYTES:] for piece in pieces), keys.insurer, keys.epoch))
    named = [piece[:_LINE_BYTES] for piece in pieces]
    wanted = [one.line for one in lines for _ in entries(one.member)]
    if named != wanted or len({row.handle for row in rows}) != len(rows):
        raise ProofFailure("the rows are not those of the lines that were to be sealed", culprit=WORKER)
    if any(row.batch != keys.batch for row in rows):
        raise ProofFailure("a row is of another batch", culprit=WORKER)
    return list(zip(rows, named, strict=True))


def _line(one: ToSeal, identity: PersonIdentity) -> LineToSeal:
    return LineToSeal(
        line=one.line, name=str(identity.name), birth_date=str(identity.birth_date), nir=identity.nir.thirteen,
        rank=identity.rank, right=right_of(one.member, one.numbers),
    )  # fmt: skip


def _identity(one: LineToSeal) -> PersonIdentity:
    return PersonIdentity(
        name=NormalisedName(one.name), birth_date=BirthDate(one.birth_date), nir=Nir(one.nir), rank=one.rank
    )
