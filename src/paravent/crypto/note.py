"""Signed notes: a text and the lines that sign it (C2SP signed-note; docs/protocol.md section 12).

Parsing is strict: what it accepts, ``encode`` writes again byte for byte. A note says nothing until a signature of a
key known beforehand was verified; lines of unknown keys are carried and ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import Enum

from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage

NOTE_BYTES_MAX = 131_072
SIGNATURES_MAX = 16
NAME_BYTES_MAX = 255
KEY_ID_BYTES = 4
_LINE_START = "\N{EM DASH} "


class SignatureKind(Enum):
    """The assigned signature type identifiers that are used here."""

    ED25519 = b"\x01"
    COSIGNATURE = b"\x04"


def name_is_valid(name: str) -> bool:
    """Says whether a key name has 1 to 255 bytes and neither space, plus nor control character."""
    if any(each < " " or each.isspace() or each == "+" or "\ud800" <= each <= "\udfff" for each in name):
        return False
    return 0 < len(name.encode()) <= NAME_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A public key as notes name it: who, for which kind of signature, which key."""

    name: str
    kind: SignatureKind
    public: VerifyKey

    def __post_init__(self) -> None:
        if not name_is_valid(self.name) or len(self.public) != 32:
            raise ValueError("a note key is a name without space or plus, and 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name, newline, kind, public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind.value + self.public).digest()[:KEY_ID_BYTES]

    def encode(self) -> str:
        """Writes the verifier key: name+id+key."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.kind.value + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Reads a verifier key; raises MalformedMessage."""
        name, _, rest = text.partition("+")
        body = decode_base64(rest[2 * KEY_ID_BYTES + 1 :])
        try:
            key = cls(name=name, kind=SignatureKind(body[:1]), public=VerifyKey(body[1:]))
        except ValueError as error:
            raise MalformedMessage("a verifier key has another form") from error
        if key.encode() != text:
            raise MalformedMessage("a verifier key does not have the identifier of its key")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: whose key, and the bytes it made."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if not name_is_valid(self.name) or len(self.key_id) != KEY_ID_BYTES or not self.signature:
            raise ValueError("a signature line is a name, a key identifier and a signature")

    def encode(self) -> str:
        """Writes the line."""
        return f"{_LINE_START}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Reads a line without its newline; raises MalformedMessage."""
        name, _, rest = line.removeprefix(_LINE_START).partition(" ")
        body = decode_base64(rest)
        if not line.startswith(_LINE_START) or not name_is_valid(name) or len(body) <= KEY_ID_BYTES:
            raise MalformedMessage("a signature line of a note has another form")
        return cls(name=name, key_id=body[:KEY_ID_BYTES], signature=body[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text that ends with a newline, and its signatures: at least one, and at most one of each key."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or any(each < " " and each != "\n" for each in self.text):
            raise ValueError("the text of a note ends with a newline, its only control character")
        keys = {(each.name, each.key_id) for each in self.signatures}
        if not 0 < len(self.signatures) == len(keys) <= SIGNATURES_MAX:
            raise ValueError("a note has 1 to 16 signatures, one of each key")

    def encode(self) -> bytes:
        """Writes the note."""
        return "".join([self.text, "\n", *(each.encode() for each in self.signatures)]).encode()

    def signature_of(self, key: NoteKey) -> bytes | None:
        """Finds what a key signed; None when it signed nothing here."""
        found = (each.signature for each in self.signatures if (each.name, each.key_id) == (key.name, key.key_id))
        return next(found, None)

    def signed_also(self, *added: NoteSignature) -> Note:
        """Adds lines, each in the place of an earlier one of the same key."""
        lines = {(each.name, each.key_id): each for each in (*self.signatures, *added)}
        return Note(text=self.text, signatures=tuple(lines.values()))


def parse_note(encoded: bytes) -> Note:
    """Reads a note; raises MalformedMessage on anything that ``Note.encode`` would not write."""
    if len(encoded) > NOTE_BYTES_MAX:
        raise MalformedMessage("a note is at most 131,072 bytes")
    try:
        # The last empty line separates, since the text itself may hold empty lines.
        text, blank, lines = encoded.decode().rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise MalformedMessage("a note is a text, an empty line and signature lines")
        signatures = tuple(NoteSignature.parse(line) for line in lines[:-1].split("\n"))
        return Note(text=text + "\n", signatures=signatures)
    except ValueError as error:
        raise MalformedMessage("a note is UTF-8 text with 1 to 16 signatures, one of each key") from error


def decode_base64(text: str) -> bytes:
    """Decodes canonical base64 (RFC 4648 section 4); raises MalformedMessage."""
    try:
        body = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedMessage("a field is not base64") from error
    if base64.b64encode(body).decode() != text:
        raise MalformedMessage("a field is not canonical base64")
    return body
