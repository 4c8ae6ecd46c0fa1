"""The hub's database as one sealed file, and back (docs/protocol.md section 18.1): pure.

Written table by table from one state of the database, sealed to a key that is kept off every serving machine, signed
by the hub. What is read is used only once all of it is known to be what the hub signed. It opens no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

import msgspec

from paravent.access.database import Value
from paravent.crypto import hpke
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.crypto.stream import ChunkOpener, ChunkSealer, FileKey
from paravent.errors import ProofFailure
from paravent.hub.state import HubIdentity
from paravent.wire.codec import Bytes32, Message, Name, Natural, decode, encode
from paravent.wire.recovery import HeadCounter
from paravent.wire.statements import Signed, open_statement, sign_statement

FORMAT = b"paravent-backup 1\n"
ROWS_PER_CHUNK = 500
CHUNK_BYTES_MAX = 16_777_216
_LENGTH_BYTES = 4

NOT_KEPT = frozenset({"migration", "nonce", "spending", "hourly", "quota_day", "clock"})
"""What no backup holds: the schema is made anew, and one-day counts are under keys that are destroyed."""


class BackupHeader(Message, frozen=True, kw_only=True):
    """What stands in clear before the chunks: whose backup, of when, and the file key in a box."""

    hub: Name
    made_at: Natural
    box: bytes


class BackupSummary(Message, frozen=True, kw_only=True):
    """What the hub signs at the end: ``digest`` is SHA-256 of everything before the last chunk.

    ``migrations`` is how far the tables were; ``key_check`` tells whether the database key of a home is the one
    that named the records.
    """

    hub: Name
    made_at: Natural
    migrations: Natural
    tables: Mapping[str, Natural]
    heads: tuple[HeadCounter, ...]
    key_check: Bytes32
    digest: Bytes32


def write_backup(
    tables: Iterable[tuple[str, Iterator[Sequence[Value]]]], heads: Sequence[HeadCounter], identity: HubIdentity,
    recipient: BoxPublicKey, *, migrations: int, now: int, rng: Rng,
) -> Iterator[bytes]:  # fmt: skip
    """Yields a backup in pieces: format, header, chunks, signed summary."""
    key = FileKey(rng(FileKey.size))
    header = encode(BackupHeader(
        hub=identity.name, made_at=now,
        box=hpke.seal(recipient, key.reveal(), Label.BACKUP_BOX, identity.name, now),
    ))  # fmt: skip
    digest = hashlib.sha256()

    def counted(piece: bytes) -> bytes:
        digest.update(piece)
        return piece

    yield counted(FORMAT + _framed(header))
    sealer = ChunkSealer(key, hashlib.sha256(header).digest())
    counts: dict[str, int] = {}
    for table, rows in tables:
        counts[table] = 0
        while chunk := [tuple(row) for row in islice(rows, ROWS_PER_CHUNK)]:
            counts[table] += len(chunk)
            yield counted(_framed(sealer.seal(msgspec.msgpack.encode((table, chunk)), last=False)))
    summary = BackupSummary(
        hub=identity.name, made_at=now, migrations=migrations, tables=counts, heads=tuple(heads),
        key_check=identity.database_key.check(), digest=digest.digest(),
    )  # fmt: skip
    signed = sign_statement(summary, Label.BACKUP, identity.name, identity.signing_key)
    yield _framed(sealer.seal(encode(signed), last=True))


class BackupReader:
    """A backup being read: its rows, then its summary, which must be read before the rows are relied on."""

    def __init__(self, read: Callable[[int], bytes], key: BoxKey) -> None:
        """Reads the header; raises ProofFailure when it is no backup, or not sealed to this key."""
        self._read = read
        self._digest = hashlib.sha256()
        self._counts: dict[str, int] = {}
        self._signed: Signed | None = None
        start = self._take(len(FORMAT))
        if start != FORMAT:
            raise ProofFailure("this file is no backup", culprit="backup")
        header = self._frame()
        self._digest.update(FORMAT + _framed(header))
        self.header = decode(header, BackupHeader)
        opened = key.open(self.header.box, Label.BACKUP_BOX, self.header.hub, self.header.made_at, culprit="backup")
        self._opener = ChunkOpener(FileKey(opened), hashlib.sha256(header).digest(), culprit="backup")

    def rows(self) -> Iterator[tuple[str, list[tuple[Value, ...]]]]:
        """Yields (table, rows) to the end; raises ProofFailure at the first piece that is not as it was written."""
        frame = self._frame()
        while following := self._next_frame():
            self._digest.update(_framed(frame))
            table, rows = _chunk(self._opener.open(frame, last=False))
            self._counts[table] = self._counts.get(table, 0) + len(rows)
            yield table, rows
            frame = following
        self._signed = decode(self._opener.open(frame, last=True), Signed, bytes_max=CHUNK_BYTES_MAX)

    def summary(self, hub: str, key: VerifyKey) -> BackupSummary:
        """Returns what the hub signed of all that was read; raises ProofFailure when it is not that."""
        if self._signed is None:
            raise ProofFailure("the backup was not read to its end", culprit="backup")
        summary = open_statement(self._signed, BackupSummary, Label.BACKUP, hub, key)
        counted = {table: count for table, count in summary.tables.items() if count}
        if (summary.hub, summary.made_at) != (self.header.hub, self.header.made_at) or counted != self._counts:
            raise ProofFailure("the backup holds other rows than the hub signed", culprit="backup")
        if summary.digest != self._digest.digest():
            raise ProofFailure("the backup is not the file that the hub signed", culprit="backup")
        return summary

    def _next_frame(self) -> bytes | None:
        head = self._read(_LENGTH_BYTES)
        return self._body(head) if head else None

    def _frame(self) -> bytes:
        return self._body(self._read(_LENGTH_BYTES))

    def _body(self, head: bytes) -> bytes:
        size = int.from_bytes(head, "big")
        if len(head) != _LENGTH_BYTES or size > CHUNK_BYTES_MAX:
            raise ProofFailure("the file is cut short, or damaged", culprit="backup")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        body = self._read(size)
        if len(body) != size:
            raise ProofFailure("the file is cut short, or damaged", culprit="backup")
        return body


def stale_heads(heads: Iterable[HeadCounter], cosigned: Iterable[HeadCounter]) -> dict[str, int]:
    """Returns the insurers whose manifest in a backup is older than the newest one cosigned, with that counter."""
    kept = {(head.insurer, head.epoch): head.counter for head in heads}
    newest: dict[str, int] = {}
    for insurer, epoch in kept:
        newest[insurer] = max(newest.get(insurer, 0), epoch)
    stale: dict[str, tuple[int, int]] = {}
    for head in cosigned:
        # Every epoch that is kept is served; one that is not kept matters when it is newer than those.
        last = kept.get((head.insurer, head.epoch))
        missed = head.epoch > newest.get(head.insurer, 0) if last is None else head.counter > last
        if missed:
            stale[head.insurer] = max(stale.get(head.insurer, (0, 0)), (head.epoch, head.counter))
    return {insurer: last[1] for insurer, last in sorted(stale.items())}


def _chunk(plaintext: bytes) -> tuple[str, list[tuple[Value, ...]]]:
    """Decodes a chunk; whoever sealed it holds only the public key, so that its form is checked too."""
    try:
        table, rows = msgspec.convert(msgspec.msgpack.decode(plaintext), tuple[str, list[tuple[object, ...]]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProofFailure("a chunk is not of rows", culprit="backup") from None
    if any(not isinstance(cell, bytes | str | int | None) for row in rows for cell in row):
        raise ProofFailure("a chunk is not of rows", culprit="backup")
    return table, cast("list[tuple[Value, ...]]", rows)


def _framed(piece: bytes) -> bytes:
    return len(piece).to_bytes(_LENGTH_BYTES, "big") + piece
