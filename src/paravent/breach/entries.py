"""What a case is made of: entries that are added and never changed (docs/protocol.md section 16): pure.

Each entry is one leaf of the breach desk's witness log. What was wrong is superseded by a later entry. A text about
a person stands outside, behind a salted commitment, so that the log can be shown whole and the text erased.
"""

from __future__ import annotations

import hashlib
from enum import Enum

import msgspec

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, dec, enc
from paravent.errors import MalformedMessage
from paravent.wire.codec import Bytes32, Message, Name, Natural, decode, encode

ENTRY_BYTES_MAX = 60_000
SALT_BYTES = 32


class Origin(Enum):
    """Who raised the alarm."""

    HAND = "hand"
    DETECTOR = "detector"
    DRILL = "drill"


class Category(Enum):
    """What a note is about; negotiation is none of them, and is never automated."""

    FACT = "fact"
    RANSOM_DEMAND = "ransom-demand"
    PUBLICATION_THREAT = "publication-threat"
    MEASURE_BEFORE = "measure-before"
    MEASURE_AFTER = "measure-after"
    CAUSE = "cause"


class LootKind(Enum):
    """What was stolen or seized."""

    DATABASE = "database"
    BACKUP = "backup"
    DEVICE_KEY = "device-key"
    DESK = "desk"
    KEY_SERVER = "key-server"
    INSURER_KEY = "insurer-key"
    HUB = "hub"
    CARD = "card"
    CLEAR_FILE = "clear-file"


class Stage(Enum):
    """Which filing of a duty."""

    INITIAL = "initial"
    COMPLEMENTARY = "complementary"
    FINAL = "final"


class Event(Message, frozen=True, kw_only=True, tag_field="event"):
    """Base of everything that an entry can say."""


class Opened(Event, frozen=True, kw_only=True, tag="opened"):
    """The case is opened: what is known, since when, and who became aware of it; instants are Unix seconds."""

    title: str
    facts: str
    origin: Origin
    aware_at: Natural
    aware_role: str
    began_at: Natural | None = None
    ended_at: Natural | None = None


class Noted(Event, frozen=True, kw_only=True, tag="noted"):
    """A fact, a measure, a cause, a demand or a threat, in one sentence."""

    category: Category
    text: str


class Artefact(Event, frozen=True, kw_only=True, tag="artefact"):
    """A file kept as evidence, by its digest."""

    name: str
    sha256: Bytes32
    size: Natural
    source: str


class Custody(Event, frozen=True, kw_only=True, tag="custody"):
    """An artefact changed hands."""

    sha256: Bytes32
    action: str
    giver: str
    taker: str


class Involved(Event, frozen=True, kw_only=True, tag="involved"):
    """A person by role; who it is stands outside, behind the commitment."""

    role: str
    commitment: Bytes32


class Requested(Event, frozen=True, kw_only=True, tag="requested"):
    """A request or *réquisition* of an authority: on which legal basis, due when."""

    authority: str
    basis: str
    due_at: Natural | None
    text: str


class HandedOver(Event, frozen=True, kw_only=True, tag="handed-over"):
    """A piece handed over at a request: the number of the request's entry, the piece by its digest, to whom, when.

    The piece itself stays out of the dossier, which others read; ``complete`` says that nothing more is to come.
    """

    request: Natural
    name: str
    sha256: Bytes32
    size: Natural
    taker: str
    handed_at: Natural
    complete: bool


class Safeguards(Event, frozen=True, kw_only=True, tag="safeguards"):
    """What the register of measures said before the incident and says now, by the digest of the statement."""

    before: str
    day: str
    sha256: Bytes32


class Stolen(Event, frozen=True, kw_only=True, tag="stolen"):
    """What was stolen or seized; which fields a kind needs stands in ``exposure``.

    A device is named by its key, or by the professional whose every device it may be: who that is stands outside,
    behind the commitment.
    """

    kind: LootKind
    insurer: str | None = None
    epoch: Natural | None = None
    server: str | None = None
    keyid: str | None = None
    professional: Bytes32 | None = None
    from_at: Natural | None = None
    to_at: Natural | None = None
    sha256: Bytes32 | None = None


class Measured(Event, frozen=True, kw_only=True, tag="measured"):
    """A file that was verified and counted from: what it is, who signed it, its digest."""

    kind: str
    source: str
    sha256: Bytes32
    summary: str


class Unsealed(Event, frozen=True, kw_only=True, tag="unsealed"):
    """Two custodians opened a window of hours; the list of openings stays outside, by its digest."""

    first_hour: Natural
    last_hour: Natural
    custodians: tuple[Name, ...]
    openings: Natural
    sha256: Bytes32


class Computed(Event, frozen=True, kw_only=True, tag="computed"):
    """One insurer's exposure; ``inputs`` are the positions of the entries that it was computed from."""

    insurer: str
    proved: Natural
    estimate: Natural
    upper: Natural
    membership_upper: Natural
    claims_upper: Natural
    assumptions: tuple[Name, ...]
    labels_sha256: Bytes32
    inputs: tuple[Natural, ...]


class Decided(Event, frozen=True, kw_only=True, tag="decided"):
    """What was decided of a duty, and why."""

    duty: str
    decision: str
    reason: str


class Filed(Event, frozen=True, kw_only=True, tag="filed"):
    """A filing that somebody made; the desk sends nothing by itself."""

    duty: str
    stage: Stage
    filed_at: Natural
    reference: str
    delay_reason: str | None = None


class AffairKnown(Event, frozen=True, kw_only=True, tag="affair"):
    """Where complaints of this inquiry go, under which reference: it belongs to this inquiry alone."""

    recipient: str
    reference: str
    address: str


class Closed(Event, frozen=True, kw_only=True, tag="closed"):
    """An alarm that proved nothing: the case is closed, and its clocks stop, for a reason that is said."""

    reason: str


class Documented(Event, frozen=True, kw_only=True, tag="documented"):
    """A document or an export made from the case, by its digest."""

    name: str
    sha256: Bytes32


class Switched(Event, frozen=True, kw_only=True, tag="switched"):
    """A kill switch: what was asked to stop, with which effect on service; ``sha256`` is of the signed request.

    ``complete`` says that every verifier took it; a request to an insurer is complete once it is signed.
    """

    target: str
    effect: str
    sha256: Bytes32
    complete: bool = True


class Stamped(Event, frozen=True, kw_only=True, tag="stamped"):
    """A time-stamping authority stamped the note of the first ``size`` leaves; ``sha256`` is of its answer."""

    size: Natural
    sha256: Bytes32
    note_sha256: Bytes32


class Bundled(Event, frozen=True, kw_only=True, tag="bundled"):
    """A dossier was made: the digest of its index, how many entries of the case and which checkpoints stand before."""

    index_sha256: Bytes32
    entries: Natural
    earlier: tuple[Natural, ...]


AnyEvent = (
    Opened | Noted | Artefact | Custody | Involved | Requested | HandedOver | Safeguards | Stolen | Measured | Unsealed
    | Computed | Decided | Filed | AffairKnown | Closed | Documented | Switched | Stamped | Bundled
)  # fmt: skip


class Entry(Message, frozen=True, kw_only=True):
    """One entry: the case, its number in the case from 0, when and by which role it was written."""

    case: Name
    number: Natural
    at: Natural
    role: Name
    said: AnyEvent
    supersedes: Natural | None = None

    def leaf(self) -> bytes:
        """Encodes the entry as the content of a leaf; raises MalformedMessage when it is too long."""
        body = encode(self)
        if len(body) > ENTRY_BYTES_MAX:
            raise MalformedMessage(f"an entry is at most {ENTRY_BYTES_MAX} bytes: keep the file as an artefact")
        return enc(Label.CASE_ENTRY, body)


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and its position in the log."""

    position: int
    entry: Entry


def read_leaf(leaf: bytes) -> Entry:
    """Decodes the content of a leaf; raises MalformedMessage."""
    (body,) = dec(Label.CASE_ENTRY, leaf, 1)
    return decode(body, Entry)


class Private(msgspec.Struct, frozen=True, kw_only=True):
    """A text about a person, and the salt of its commitment: erase both, and the log says nothing of the person."""

    salt: bytes
    text: str

    @classmethod
    def of(cls, text: str, rng: Rng) -> Private:
        """Draws the salt of a text."""
        return cls(salt=rng(SALT_BYTES), text=text)

    @property
    def commitment(self) -> bytes:
        """What the log holds of it, 32 bytes."""
        return hashlib.sha256(enc(Label.CASE_PRIVATE, self.salt, self.text)).digest()
