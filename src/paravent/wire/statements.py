"""Signed statements: directory, epoch, batch, manifest head, status list (docs/protocol.md sections 2 to 6).

A statement is signed as the bytes received: enc(label, signer, SHA-256(payload)). It is decoded only
after its signature was verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, verify
from paravent.errors import MalformedMessage, ProofFailure
from paravent.wire.codec import Amc, BaseUrl, Bytes32, Bytes64, Message, Name, Natural, ServerIndex, decode, encode

STATEMENT_BYTES_MAX = 4 * 1024 * 1024
STATUS_LIST_AGE_SECONDS_MAX = 48 * 3_600
# From the end of an epoch, checks that had begun may still be opened so long.
OPENABLE_SECONDS = 48 * 3_600
MANIFEST_AGE_SECONDS_MAX = 48 * 3_600
"""How old a manifest may be at a desk: an insurer publishes daily."""


class Signed(Message, frozen=True, kw_only=True):
    """A payload and who signed it; the label of its kind is not carried, the reader knows it."""

    payload: bytes
    signer: Name
    signature: Bytes64

    def digest(self) -> bytes:
        """Computes SHA-256 of the payload, 32 bytes."""
        return hashlib.sha256(self.payload).digest()


class Cosignature(Message, frozen=True, kw_only=True):
    """A key server's signature over a statement that another party signed."""

    server: Name
    signature: Bytes64


class Cosigned(Signed, frozen=True, kw_only=True):
    """A statement with the cosignatures of key servers: read as any other statement once they are counted."""

    cosignatures: tuple[Cosignature, ...]

    def alone(self) -> Signed:
        """Returns the statement without its cosignatures."""
        return Signed(payload=self.payload, signer=self.signer, signature=self.signature)


def cosigned(statement: Signed, cosignatures: Iterable[Cosignature]) -> Cosigned:
    """Puts cosignatures beside a statement."""
    return Cosigned(
        payload=statement.payload, signer=statement.signer, signature=statement.signature,
        cosignatures=tuple(cosignatures),
    )  # fmt: skip


class HubEntry(Message, frozen=True, kw_only=True):
    """The hub as the directory lists it."""

    name: Name
    address: BaseUrl
    verify_key: Bytes32


class KeyServerEntry(Message, frozen=True, kw_only=True):
    """A key server as the directory lists it; who runs it is declared, so that a desk can refuse a monoculture."""

    name: Name
    address: BaseUrl
    verify_key: Bytes32
    operator: Name
    host: Name
    administrator: Name


class InsurerEntry(Message, frozen=True, kw_only=True):
    """An insurer as the directory lists it; ``synthetic`` insurers hold only numbers that belong to nobody."""

    amc: Amc
    name: Name
    issuer_key: Bytes32
    claims_key: bytes
    payments_key: bytes
    synthetic: bool


class CustodianEntry(Message, frozen=True, kw_only=True):
    """A custodian: any two of them open who asked, in the witness logs, for one case."""

    name: Name
    box_key: bytes


class BreachDeskEntry(Message, frozen=True, kw_only=True):
    """The breach desk: it suspends devices at every verifier, for a case, and reads nothing there."""

    name: Name
    verify_key: Bytes32


class KeyChange(Message, frozen=True, kw_only=True):
    """The keys that a party takes next, signed with the key that it had; ``keys`` as ``Directory.keys`` lists them."""

    party: Name
    keys: tuple[bytes, ...]


class Directory(Message, frozen=True, kw_only=True):
    """The trust root: who is who, with which keys; ``changes`` are the signed key changes since the first version."""

    version: Natural
    issued_at: Natural
    hub: HubEntry
    keyservers: tuple[KeyServerEntry, ...]
    insurers: tuple[InsurerEntry, ...]

    def signers(self) -> list[tuple[str, tuple[bytes, ...]]]:
        """Lists every party that signs with its keys, the one that verifies its signatures first."""
        single = [self.hub, *self.keyservers, *(() if self.breach_desk is None else (self.breach_desk,))]
        return [
            *((entry.name, (entry.verify_key,)) for entry in single),
            *((entry.amc, (entry.issuer_key, entry.claims_key, entry.payments_key)) for entry in self.insurers),
        ]

    def keys(self) -> dict[str, tuple[bytes, ...]]:
        """Returns the keys of every party that signs, by name."""
        return dict(self.signers())

    custodians: tuple[CustodianEntry, ...] = ()
    changes: tuple[Signed, ...] = ()
    breach_desk: BreachDeskEntry | None = None

    def keyserver(self, name: str) -> KeyServerEntry | None:
        """Finds a key server by name."""
        return next((entry for entry in self.keyservers if entry.name == name), None)

    def watchers(self) -> tuple[KeyServerEntry | HubEntry, ...]:
        """Lists who watches and cosigns the logs of key servers: every key server, and the hub."""
        return (*self.keyservers, self.hub)

    def insurer(self, amc: str) -> InsurerEntry | None:
        """Finds an insurer by AMC number."""
        return next((entry for entry in self.insurers if entry.amc == amc), None)

    def issuers(self) -> dict[str, VerifyKey]:
        """Returns issuer keys by AMC number."""
        return {entry.amc: VerifyKey(entry.issuer_key) for entry in self.insurers}


class EpochFile(Message, frozen=True, kw_only=True):
    """One epoch of one insurer: dates (Unix seconds), threshold, servers by index, commitments."""

    insurer: Amc
    epoch: Natural
    not_before: Natural
    not_after: Natural
    threshold: ServerIndex
    servers: tuple[Name, ...]
    commitments: tuple[Bytes32, ...]

    def quorum(self) -> int:
        """Returns how many servers receipt and cosign: t, and more than half, so that two files of one number meet."""
        return max(self.threshold, len(self.servers) // 2 + 1)


class KeyDigest(Message, frozen=True, kw_only=True):
    """The commitment to one opening key K_T."""

    servers: tuple[ServerIndex, ...]
    digest: Bytes32


class BatchFile(Message, frozen=True, kw_only=True):
    """One publication batch: what its opening keys are committed to."""

    insurer: Amc
    epoch: Natural
    batch: Natural
    opened_at: Natural
    key_digests: tuple[KeyDigest, ...]


class Receipt(Message, frozen=True, kw_only=True):
    """A key server's word that it verified and stored a deal; ``statement`` is the epoch or batch file's digest."""

    server: Name
    insurer: Amc
    epoch: Natural
    batch: Natural | None
    statement: Bytes32


class BoxKeyStatement(Message, frozen=True, kw_only=True):
    """The key to which deals for a key server are sealed now: it changes whenever keys that were dealt are deleted."""

    server: Name
    box_key: bytes
    issued_at: Natural


class Closing(Message, frozen=True, kw_only=True):
    """The end of a batch and every earlier one of its epoch; without a batch, of an epoch and every earlier one.

    No look-up from ``ends_at``, no opening from ``deletes_at``, when servers delete what they were dealt.
    """

    insurer: Amc
    epoch: Natural
    batch: Natural | None
    ends_at: Natural
    deletes_at: Natural


class ManifestHead(Message, frozen=True, kw_only=True):
    """The head of a manifest: its root and size, at a counter that never goes down."""

    insurer: Amc
    epoch: Natural
    counter: Natural
    count: Natural
    root: Bytes32
    issued_at: Natural
    live_batches: tuple[Natural, ...]


class StatusList(Message, frozen=True, kw_only=True):
    """The revocation bits of an insurer at a date."""

    insurer: Amc
    counter: Natural
    issued_at: Natural
    bits: bytes


class Announced(Message, frozen=True, kw_only=True):
    """A statement of the insurer and the receipts of the key servers that hold what it announces."""

    statement: Signed
    receipts: tuple[Signed, ...]


class EpochBundle(Message, frozen=True, kw_only=True):
    """What a desk needs to use an insurer's number lane."""

    epoch: Announced
    batches: tuple[Announced, ...]
    head: Cosigned


S = TypeVar("S", bound=Message)


def sign_statement(statement: Message, label: Label, signer: str, key: SigningKey) -> Signed:
    """Encodes and signs a statement."""
    payload = encode(statement)
    signature = key.sign(label, signer, hashlib.sha256(payload).digest())
    return Signed(payload=payload, signer=signer, signature=signature)


def open_statement(signed: Signed, kind: type[S], label: Label, signer: str, key: VerifyKey) -> S:
    """Verifies then decodes a statement; raises ProofFailure naming ``signer``, or MalformedMessage."""
    verify(key, signed.signature, label, signer, signed.digest(), culprit=signer)
    return decode(signed.payload, kind, bytes_max=STATEMENT_BYTES_MAX)


def open_closing(signed: Signed, insurer: str, key: VerifyKey) -> Closing:
    """Verifies the end of a batch or an epoch; raises ProofFailure, or MalformedMessage on dates."""
    closing = open_statement(signed, Closing, Label.CLOSING, insurer, key)
    if closing.insurer != insurer:
        raise ProofFailure("an insurer closes its own epochs only", culprit=insurer)
    if not closing.ends_at <= closing.deletes_at <= closing.ends_at + OPENABLE_SECONDS:
        raise MalformedMessage("what has ended stays openable for at most 48 hours")
    return closing
