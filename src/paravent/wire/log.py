"""Messages of the witness logs: checkpoints, cosignatures, leaves, and the entries themselves (protocol.md 12).

An entry is what a leaf hashes. Opening entries are readable by nobody as they stand: their parts are sealed
under hourly keys, which key entries of the same log hold, sealed to the insurer or to pairs of custodians.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.crypto.labels import Label, dec, enc
from paravent.errors import MalformedMessage
from paravent.wire.codec import Bytes32, Message, Name, Natural

LEAVES_PER_ANSWER_MAX = 128
CUSTODIANS = "custodians"
"""The recipient of key entries that are for custodians; any other is an AMC number."""

HOUR_MAX = 70_000_000
_NUMBER_BYTES = 8
NO_KEY = 2**63 - 1
"""The position that stands for no key entry: there is nobody to seal to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningEntry:
    """One witnessed opening: a commitment to the label, the hour, two pseudonyms of the day, two sealed parts."""

    commitment: bytes
    hour: int
    request: bytes
    professional: bytes
    subject: bytes
    insurer: str
    insurer_key: int
    insurer_part: bytes
    custodian_key: int
    custodian_part: bytes

    def encode(self) -> bytes:
        """Encodes the entry."""
        return enc(
            Label.LOG_ENTRY, self.commitment, self.hour, self.request, self.professional, self.subject, self.insurer,
            self.insurer_key, self.insurer_part, self.custodian_key, self.custodian_part,
        )  # fmt: skip

    @classmethod
    def decode(cls, encoded: bytes) -> OpeningEntry:
        """Decodes an entry; raises MalformedMessage."""
        commitment, hour, request, professional, subject, insurer, key, part, custodian_key, custodian_part = dec(
            Label.LOG_ENTRY, encoded, 10
        )
        return cls(
            commitment=commitment, hour=_hour(hour), request=request, professional=professional,
            subject=subject, insurer=_name(insurer), insurer_key=_number(key), insurer_part=part,
            custodian_key=_number(custodian_key), custodian_part=custodian_part,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """An hourly key, sealed: one box to an insurer, or one to each pair of custodians, opened by both in turn."""

    recipient: str
    hour: int
    boxes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Encodes the entry."""
        return enc(
            Label.LOG_KEY_ENTRY, self.recipient, self.hour, enc(Label.LOG_KEY_BOXES, *self.boxes), len(self.boxes)
        )

    @classmethod
    def decode(cls, encoded: bytes) -> KeyEntry:
        """Decodes an entry; raises MalformedMessage."""
        recipient, hour, boxes, count = dec(Label.LOG_KEY_ENTRY, encoded, 4)
        return cls(
            recipient=_name(recipient), hour=_hour(hour),
            boxes=tuple(dec(Label.LOG_KEY_BOXES, boxes, _number(count))),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionEntry:
    """The deletion of a share (batch 0) or of the opening keys of a batch, due at an instant (Unix seconds)."""

    insurer: str
    epoch: int
    batch: int
    due_at: int

    def encode(self) -> bytes:
        """Encodes the entry."""
        return enc(Label.DELETION, self.insurer, self.epoch, self.batch, self.due_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEntry:
    """An alarm that this server raised, by the hash of its signed payload: the log says when, not of whom."""

    payload_digest: bytes

    def encode(self) -> bytes:
        """Encodes the entry."""
        return enc(Label.ALARM_ENTRY, self.payload_digest)


def _hour(encoded: bytes) -> int:
    hour = _number(encoded)
    if hour > HOUR_MAX:
        raise MalformedMessage("an hour of a log is one of the years before 9999")
    return hour


def _number(encoded: bytes) -> int:
    if len(encoded) != _NUMBER_BYTES:
        raise MalformedMessage("a number of a log is 8 bytes")
    return int.from_bytes(encoded, "big")


def _name(encoded: bytes) -> str:
    if not encoded.isascii():
        raise MalformedMessage("a name in a log is ASCII")
    return encoded.decode()


def concerns(entry: bytes, recipient: str) -> bool:
    """Says whether an insurer may read an entry: an opening or a deletion of its own, or a key sealed to it."""
    if any(entry.startswith(enc(label, recipient)) for label in (Label.LOG_KEY_ENTRY, Label.DELETION)):
        return True
    return entry.startswith(enc(Label.LOG_ENTRY)) and OpeningEntry.decode(entry).insurer == recipient


class CheckpointRequest(Message, frozen=True, kw_only=True):
    """Asks for the newest checkpoint, with a proof that it extends the log of ``old`` leaves (0: none is known)."""

    old: Natural


class CheckpointAnswer(Message, frozen=True, kw_only=True):
    """A signed checkpoint, with the cosignatures gathered so far, and the consistency proof asked for."""

    note: bytes
    proof: tuple[Bytes32, ...]


class CosignedCheckpoint(Message, frozen=True, kw_only=True):
    """A note that another server hands back with its cosignature added."""

    note: bytes


class Taken(Message, frozen=True, kw_only=True):
    """A cosignature was taken; as a request, it asks what is remembered of the asker's log."""


class SeenAnswer(Message, frozen=True, kw_only=True):
    """The last checkpoint of the asking server that this one cosigned, as it was handed over; None before the first."""

    note: bytes | None


class LeavesRequest(Message, frozen=True, kw_only=True):
    """Asks for leaves from a position on, with their paths in the log of ``size`` leaves."""

    start: Natural
    size: Natural


class LoggedLeaf(Message, frozen=True, kw_only=True):
    """One leaf: where it stands and what it hashes, with its path in the log of ``size`` leaves."""

    index: Natural
    entry: bytes
    path: tuple[Bytes32, ...]


class LeavesAnswer(Message, frozen=True, kw_only=True):
    """The next leaves that the asker may read; ``next`` is where to go on."""

    next: Natural
    leaves: tuple[LoggedLeaf, ...]


class CopyAnswer(Message, frozen=True, kw_only=True):
    """The next entries that the asked server copied of the asker's own log, from ``start`` on."""

    entries: tuple[bytes, ...]


class LogLine(Message, frozen=True, kw_only=True):
    """One leaf as a key server hands it over for a case."""

    server: Name
    index: Natural
    entry: bytes


class LogExport(Message, frozen=True, kw_only=True):
    """What a key server hands over beside its leaves: its newest note, and the newest stamped one with its stamp."""

    server: Name
    note: bytes
    stamped_note: bytes | None
    stamp: bytes | None
