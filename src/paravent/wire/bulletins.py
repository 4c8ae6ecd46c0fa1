"""Security bulletins of the breach desk: a list that only grows, under one signature (docs/protocol.md section 11).

Each bulletin is hashed with the digest of all before it, and the breach desk signs the digest of the last with their
number. Who keeps a list takes a longer one that continues it, whole: a list that goes back, forks or has a gap is
refused. What a hub withholds shows by the date of the head only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure, StaleData
from paravent.wire.codec import Bytes32, Message, Name, Natural, decode
from paravent.wire.statements import Directory, Signed, open_statement

BULLETIN_BYTES_MAX = 16_384
BULLETINS_PER_PULL_MAX = 8
BULLETINS_BYTES_MAX = 262_144
BULLETINS_MAX = 1_000

Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]
Sentences = Annotated[tuple[Sentence, ...], msgspec.Meta(min_length=1, max_length=8)]


class Audience(StrEnum):
    """Whom a bulletin is written for: opticians, or insured persons to whom their insurer sends it."""

    OPTICIANS = "opticians"
    INSURED = "insured"


class BulletinText(Message, frozen=True, kw_only=True):
    """A bulletin in one language: what happens, how to recognise it, what to do now."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    what: Sentence
    recognise: Sentences
    act: Sentences


class Bulletin(Message, frozen=True, kw_only=True):
    """One bulletin; ``author`` is the function of the person who wrote it, never their name."""

    number: Annotated[int, msgspec.Meta(ge=1, le=BULLETINS_MAX)]
    audience: Audience
    attack: Name
    urgent: bool
    issued_at: Natural
    author: Name
    fr: BulletinText
    en: BulletinText
    sources: Annotated[tuple[Sentence, ...], msgspec.Meta(max_length=8)]


class BulletinHead(Message, frozen=True, kw_only=True):
    """How many bulletins there are, and the digest of them all, at an instant."""

    count: Natural
    digest: Bytes32
    issued_at: Natural


class BulletinList(Message, frozen=True, kw_only=True):
    """Bulletins after the one asked for, as they were written, under the head of the whole list."""

    head: Signed
    bulletins: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=BULLETINS_PER_PULL_MAX)]


class BulletinState(Message, frozen=True, kw_only=True):
    """How many bulletins the hub serves."""

    count: Natural


class Acknowledgement(Message, frozen=True, kw_only=True):
    """A device says that its shop has read a bulletin."""

    number: Natural


class AcknowledgementTaken(Message, frozen=True, kw_only=True):
    """The hub counts it; ``first`` is False when this shop had acknowledged it already."""

    first: bool


class AcknowledgedCount(Message, frozen=True, kw_only=True):
    """How many shops acknowledged a bulletin."""

    number: Natural
    shops: Natural


class BulletinCounts(Message, frozen=True, kw_only=True):
    """What the hub counts for the breach desk: shops with a device, and those that acknowledged each bulletin."""

    request: Bytes32
    count: Natural
    shops: Natural
    acknowledged: tuple[AcknowledgedCount, ...]
    counted_at: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownList:
    """What somebody keeps: how many bulletins, their digest, and the date of the head that said so."""

    count: int = 0
    digest: bytes = bytes(32)
    issued_at: int = 0


def follow(digest: bytes, bulletin: bytes) -> bytes:
    """Computes the digest of a list that has one more bulletin: 32 bytes."""
    return hashlib.sha256(enc(Label.BULLETIN, digest, bulletin)).digest()


def open_list(
    head: Signed, bulletins: tuple[bytes, ...], known: KnownList, directory: Directory
) -> tuple[KnownList, list[Bulletin]]:
    """Verifies that a list continues the one known; returns what is known then, and the new bulletins.

    Raises ProofFailure, StaleData when it goes back, or MalformedMessage.
    """
    desk = directory.breach_desk
    if desk is None:
        raise ProofFailure("the directory lists no breach desk", culprit=directory.hub.name)
    # 1. the head is signed by the breach desk of the directory
    newest = open_statement(head, BulletinHead, Label.BULLETIN_HEAD, desk.name, VerifyKey(desk.verify_key))
    # 2. it does not go back
    if newest.count < known.count or newest.issued_at < known.issued_at:
        raise StaleData("the list of bulletins is older than the one already known")
    # 3. no gap: the bulletins are all those between the two
    if newest.count != known.count + len(bulletins) or newest.count > BULLETINS_MAX:
        raise ProofFailure("the list of bulletins has a gap", culprit=directory.hub.name)
    # 4. they lead from the digest known to the one signed
    digest, read = known.digest, []
    for number, content in enumerate(bulletins, start=known.count + 1):
        bulletin = decode(content, Bulletin, bytes_max=BULLETIN_BYTES_MAX)
        if bulletin.number != number:
            raise ProofFailure("a bulletin has another number than its place", culprit=desk.name)
        digest = follow(digest, content)
        read.append(bulletin)
    if digest != newest.digest:
        raise ProofFailure("the bulletins are not those that were signed", culprit=directory.hub.name)
    return KnownList(count=newest.count, digest=digest, issued_at=newest.issued_at), read
