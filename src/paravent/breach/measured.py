"""What an exposure is computed from, each file verified first (docs/protocol.md section 16): pure.

Nobody types a number: counts come from heads that insurers signed, openings from logs that lead to their
checkpoints, labels from insurers, each shown to be the one that its leaf commits to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from paravent.breach.unsealing import Unsealed
from paravent.crypto.labels import Label, dec, enc
from paravent.crypto.sealing import HANDLE_BYTES
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure, UnknownInsurer
from paravent.wire.case import HubCounts, InsurerCounts, LeakedFile, OpeningsAnswered, RemedyDone
from paravent.wire.log import LogLine, OpeningEntry
from paravent.wire.statements import (
    Directory,
    EpochBundle,
    EpochFile,
    InsurerEntry,
    ManifestHead,
    Signed,
    open_statement,
)

Place = tuple[str, int]
"""A server and a position in its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One epoch of one insurer: how many rows (decoys included), t, and the servers that hold its shares."""

    epoch: int
    count: int
    threshold: int
    servers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Measured:
    """Everything verified so far of one case; ``inputs`` are positions in the breach desk's log, by insurer."""

    published: dict[str, dict[int, Published]] = field(default_factory=dict)
    claims: dict[str, dict[int, int]] = field(default_factory=dict)
    commitments: dict[Place, bytes] = field(default_factory=dict)
    openings: list[Unsealed] = field(default_factory=list)
    labels: dict[Place, bytes] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    leaks: dict[bytes, LeakedFile] = field(default_factory=dict)
    requests: set[bytes] = field(default_factory=set)
    professionals: dict[bytes, str] = field(default_factory=dict)

    def newest(self, insurer: str) -> Published | None:
        """Returns the newest epoch of an insurer, or None."""
        epochs = self.published.get(insurer, {})
        return epochs[max(epochs)] if epochs else None

    def take_log(self, lines: Iterable[LogLine]) -> None:
        """Takes the openings of a log that ``log_check`` has verified."""
        for line in lines:
            if line.entry.startswith(enc(Label.LOG_ENTRY)):
                self.commitments[line.server, line.index] = OpeningEntry.decode(line.entry).commitment

    def take_counts(self, signed: Signed, directory: Directory) -> HubCounts:
        """Takes what the hub holds, each head signed by its insurer; raises ProofFailure."""
        hub = directory.hub
        counts = open_statement(signed, HubCounts, Label.CASE_COUNTS, hub.name, VerifyKey(hub.verify_key))
        for counted in counts.insurers:
            self.published[counted.insurer] = _published(counted, directory)
            self.claims[counted.insurer] = {month.month: month.lines for month in counted.claims}
        return counts

    def take_answer(self, signed: Signed, case: str, directory: Directory) -> OpeningsAnswered:
        """Takes the labels that an insurer opened; raises ProofFailure when a leaf commits to another label."""
        entry = _signer(signed, directory)
        answer = open_statement(signed, OpeningsAnswered, Label.CASE_ANSWER, entry.amc, VerifyKey(entry.issuer_key))
        _require_of(answer, case, entry)
        for leaf in answer.leaves:
            digest = hashlib.sha256(enc(Label.LEAF, leaf.label, leaf.randomness)).digest()
            if self.commitments.get((leaf.server, leaf.index)) != digest:
                raise ProofFailure("a leaf does not commit to the label that is said", culprit=answer.insurer)
            if handle_of(leaf.label)[0] != answer.insurer:
                raise ProofFailure("an insurer opens labels of its own only", culprit=answer.insurer)
            self.labels[leaf.server, leaf.index] = leaf.label
        self.persons[answer.insurer] = answer.persons
        return answer

    def take_leak(self, signed: Signed, case: str, directory: Directory) -> LeakedFile:
        """Takes what an insurer says of its own clear-text file; raises ProofFailure."""
        entry = _signer(signed, directory)
        leak = open_statement(signed, LeakedFile, Label.CASE_LEAK, entry.amc, VerifyKey(entry.issuer_key))
        _require_of(leak, case, entry)
        if any(handle_of(label)[0] != leak.insurer for label in leak.labels):
            raise ProofFailure("an insurer lists labels of its own only", culprit=leak.insurer)
        self.leaks[leak.sha256] = leak
        return leak

    def take_done(self, signed: Signed, case: str, directory: Directory) -> RemedyDone:
        """Takes what an insurer did at a request of this case; raises ProofFailure when none of it asked so."""
        entry = _signer(signed, directory)
        done = open_statement(signed, RemedyDone, Label.CASE_REMEDY_DONE, entry.amc, VerifyKey(entry.issuer_key))
        _require_of(done, case, entry)
        if done.request not in self.requests:
            raise ProofFailure("an insurer answers a request that this case did not make", culprit=entry.amc)
        return done


def handle_of(label: bytes) -> tuple[str, int, bytes]:
    """Reads the insurer, the epoch and the handle of a label; raises MalformedMessage."""
    insurer, epoch, _, handle = dec(Label.OPEN, label, 4)
    if len(handle) != HANDLE_BYTES:
        raise MalformedMessage("a label has another form")
    return insurer.decode("ascii", "replace"), int.from_bytes(epoch, "big"), handle


def _signer(signed: Signed, directory: Directory) -> InsurerEntry:
    entry = directory.insurer(signed.signer)
    if entry is None:
        raise UnknownInsurer("the directory has no such insurer")
    return entry


def _require_of(statement: OpeningsAnswered | LeakedFile | RemedyDone, case: str, entry: InsurerEntry) -> None:
    if (statement.case, statement.insurer) != (case, entry.amc):
        raise ProofFailure("a statement is of another case or insurer", culprit=entry.amc)


def _published(counted: InsurerCounts, directory: Directory) -> dict[int, Published]:
    entry = directory.insurer(counted.insurer)
    if entry is None:
        raise UnknownInsurer("the directory has no such insurer")
    found = [_epoch(bundle, entry.amc, VerifyKey(entry.issuer_key)) for bundle in counted.bundles]
    return {published.epoch: published for published in found}


def _epoch(bundle: EpochBundle, amc: str, key: VerifyKey) -> Published:
    epoch = open_statement(bundle.epoch.statement, EpochFile, Label.EPOCH, amc, key)
    head = open_statement(bundle.head.alone(), ManifestHead, Label.MANIFEST_HEAD, amc, key)
    if {(epoch.insurer, epoch.epoch), (head.insurer, head.epoch)} != {(amc, epoch.epoch)}:
        raise ProofFailure("a head is of another epoch", culprit=amc)
    return Published(epoch=epoch.epoch, count=head.count, threshold=epoch.threshold, servers=epoch.servers)
