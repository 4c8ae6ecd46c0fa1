"""Messages of a case, between the breach desk and the insurers (docs/protocol.md section 16).

The breach desk names leaves; the insurer, which alone can, opens the label of each, and signs. A label is a
pseudonym: who stands behind it stays at the insurer.
"""

from __future__ import annotations

from enum import StrEnum

from paravent.wire.codec import Amc, Bytes32, Message, Name, Natural
from paravent.wire.statements import EpochBundle

CASE_BYTES_MAX = 64 * 1024 * 1024
"""Of a file of a case: about 250,000 openings."""


class LeafPlace(Message, frozen=True, kw_only=True):
    """Where one leaf stands."""

    server: Name
    index: Natural


class OpeningsAsked(Message, frozen=True, kw_only=True):
    """Which leaves of its members an insurer is asked to open for a case."""

    case: Name
    insurer: Amc
    leaves: tuple[LeafPlace, ...]


class OpenedLeaf(Message, frozen=True, kw_only=True):
    """The label of one leaf, and the randomness that shows that the leaf commits to it."""

    server: Name
    index: Natural
    label: bytes
    randomness: Bytes32


class OpeningsAnswered(Message, frozen=True, kw_only=True):
    """What an insurer opened; ``persons`` is how many distinct members it knows behind all these labels.

    ``traps`` is how many distinct trap persons are behind them: they are nobody, and none of ``persons``.
    """

    case: Name
    insurer: Amc
    leaves: tuple[OpenedLeaf, ...]
    unreadable: Natural
    persons: Natural
    traps: Natural = 0


class LeakedFile(Message, frozen=True, kw_only=True):
    """A clear-text file that left an insurer: its digest, its rows, its distinct members and their labels."""

    case: Name
    insurer: Amc
    sha256: Bytes32
    rows: Natural
    persons: Natural
    labels: tuple[bytes, ...]


class Remedy(StrEnum):
    """What the breach desk asks an insurer to do itself."""

    ROTATE = "rotate"
    REVOKE = "revoke"


class RemedyAsked(Message, frozen=True, kw_only=True):
    """A request of the breach desk: ``epoch`` is the one to leave, 0 for a revocation; ``labels`` whom to revoke."""

    case: Name
    insurer: Amc
    remedy: Remedy
    epoch: Natural
    end_former: bool
    labels: tuple[bytes, ...]
    asked_at: Natural


class RemedyDone(Message, frozen=True, kw_only=True):
    """What an insurer did at a request, which ``request`` names by its SHA-256; ``epoch`` is its newest since."""

    case: Name
    insurer: Amc
    request: Bytes32
    remedy: Remedy
    epoch: Natural
    revoked: Natural
    unknown: Natural
    done_at: Natural


class Passage(Message, frozen=True, kw_only=True):
    """A heading and its paragraphs, in French, as the breach desk wrote them for the public."""

    heading: str
    paragraphs: tuple[str, ...]


class LetterField(StrEnum):
    """What the person who complains fills in, where a letter says ``{{field}}``."""

    IDENTITY = "identity"
    INFORMED_ON = "informed_on"
    INFORMED_BY = "informed_by"
    INFORMED_HOW = "informed_how"
    EXPOSED = "exposed"
    NOTICED = "noticed"
    PLACE = "place"
    SIGNED_ON = "signed_on"


class ComplaintTemplate(Message, frozen=True, kw_only=True):
    """A complaint letter to fill in: to whom it goes, under which reference, and its paragraphs."""

    recipient: str
    reference: str
    address: str
    paragraphs: tuple[str, ...]


class IncidentTold(Message, frozen=True, kw_only=True):
    """What an insurer may tell its members of a case; ``labels`` are those of the records that were opened.

    ``copied`` says whether sealed rows were copied: who is not among the labels may then be among them.
    """

    case: Name
    insurer: Amc
    title: Name
    facts: str
    copied: bool
    letter: tuple[Passage, ...]
    complaint: ComplaintTemplate
    labels: tuple[bytes, ...]
    told_at: Natural


class MonthOfClaims(Message, frozen=True, kw_only=True):
    """How many claim lines of an insurer the hub keeps of a month (YYYYMM)."""

    month: Natural
    lines: Natural


class InsurerCounts(Message, frozen=True, kw_only=True):
    """What the hub holds of an insurer: every live epoch with its signed head, and claim lines by month."""

    insurer: Amc
    bundles: tuple[EpochBundle, ...]
    claims: tuple[MonthOfClaims, ...]


class HubCounts(Message, frozen=True, kw_only=True):
    """What the hub holds, insurer by insurer, at an instant; signed by the hub."""

    at: Natural
    insurers: tuple[InsurerCounts, ...]
