"""Checkpoints of a log, their signatures and cosignatures (C2SP tlog-checkpoint, tlog-cosignature v1; section 12).

A checkpoint says: the log of this origin has this size and this root. The log signs the text; a cosigner signs the
text with the time, once it verified that the log only grew. Extension lines, which nothing audits, are refused. What
is signed here is text without control characters: it can be no other signed message of section 1.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from paravent.crypto.merkle import EMPTY_ROOT, HASH_BYTES
from paravent.crypto.note import NAME_BYTES_MAX, Note, NoteKey, NoteSignature, SignatureKind, decode_base64, parse_note
from paravent.crypto.signing import SigningKey, verify_bytes
from paravent.errors import MalformedMessage, ProofFailure, StaleData

SIZE_MAX = 2**63 - 1
TIME_MAX = 2**63 - 1
TIME_BYTES = 8
AHEAD_SECONDS_MAX = 60
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a log: its origin, its size and its root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or any(each < " " for each in self.origin) or len(self.origin.encode()) > NAME_BYTES_MAX:
            raise ValueError("an origin is a line of 1 to 255 bytes")
        if not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_BYTES:
            raise ValueError("a checkpoint has a size below 2^63 and a root of 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("the root of an empty log is SHA-256 of nothing")

    @property
    def text(self) -> str:
        """The text of the note: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, *signatures: NoteSignature) -> Note:
        """Makes the note of this checkpoint."""
        return Note(text=self.text, signatures=signatures)


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads the text of a note; raises MalformedMessage on extension lines too."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
        raise MalformedMessage("a checkpoint is an origin, a size and a root, one a line")
    root = decode_base64(lines[2])
    try:
        return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)
    except ValueError as error:
        raise MalformedMessage("a checkpoint has a value out of range") from error


def log_key(name: str, key: SigningKey) -> NoteKey:
    """Names the key with which a log signs its checkpoints."""
    return NoteKey(name=name, kind=SignatureKind.ED25519, public=key.public)


def cosigner_key(name: str, key: SigningKey) -> NoteKey:
    """Names the key with which a cosigner signs checkpoints of others; it differs from every log key."""
    return NoteKey(name=name, kind=SignatureKind.COSIGNATURE, public=key.public)


def sign(checkpoint: Checkpoint, key: SigningKey) -> NoteSignature:
    """Signs a checkpoint as its log: the name of the key is the origin."""
    named = log_key(checkpoint.origin, key)
    return NoteSignature(name=named.name, key_id=named.key_id, signature=key.sign_bytes(checkpoint.text.encode()))


def cosign(checkpoint: Checkpoint, name: str, key: SigningKey, *, now: int) -> NoteSignature:
    """Cosigns a checkpoint at ``now``; the caller has verified that the log only grew."""
    if not 0 < now <= TIME_MAX:
        raise ValueError("a time is above 0 and below 2^63 seconds")
    named = cosigner_key(name, key)
    signature = now.to_bytes(TIME_BYTES, "big") + key.sign_bytes(_cosigned(checkpoint, now))
    return NoteSignature(name=named.name, key_id=named.key_id, signature=signature)


def _cosigned(checkpoint: Checkpoint, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint.text}".encode()


def open_checkpoint(encoded: bytes, key: NoteKey, *, culprit: str) -> tuple[Checkpoint, Note]:
    """Reads a note and verifies that the log of this key signed it as a checkpoint of its own.

    Raises MalformedMessage, or ProofFailure naming ``culprit``.
    """
    note = parse_note(encoded)
    checkpoint = parse_checkpoint(note.text)
    if key.kind is not SignatureKind.ED25519:
        raise ValueError("a cosigner's key opens no checkpoint")
    if checkpoint.origin != key.name:
        raise ProofFailure("a checkpoint is of another log", culprit=culprit)
    verify_bytes(key.public, _required(note, key, culprit), note.text.encode(), culprit=culprit)
    return checkpoint, note


def verify_cosignature(note: Note, key: NoteKey, *, now: int, age_seconds_max: int, culprit: str) -> int:
    """Verifies what a cosigner signed and returns when; a minute ahead of ``now`` is let through.

    Raises ProofFailure naming ``culprit``, or StaleData when it is older than ``age_seconds_max``.
    """
    if key.kind is not SignatureKind.COSIGNATURE:
        raise ValueError("a log's own key makes no cosignature")
    checkpoint, stamped = parse_checkpoint(note.text), _required(note, key, culprit)
    at = int.from_bytes(stamped[:TIME_BYTES], "big")
    verify_bytes(key.public, stamped[TIME_BYTES:], _cosigned(checkpoint, at), culprit=culprit)
    if not 0 < at <= now + AHEAD_SECONDS_MAX:
        raise ProofFailure("a cosignature is of a time to come, or of none", culprit=culprit)
    if at < now - age_seconds_max:
        raise StaleData(f"the cosignature of {key.name} is more than {age_seconds_max} seconds old")
    return at


def _required(note: Note, key: NoteKey, culprit: str) -> bytes:
    signature = note.signature_of(key)
    if signature is None:
        raise ProofFailure("a signature is missing from a note", culprit=culprit)
    return signature
