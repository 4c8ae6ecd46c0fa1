"""Messages by which an insurer publishes to the hub (docs/protocol.md section 6)."""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto.sealing import HANDLE_BYTES, STORED_BYTES, Handle, Row
from paravent.errors import MalformedMessage
from paravent.wire.codec import Amc, Message, Natural
from paravent.wire.statements import Announced, Cosigned

RECORD_BYTES = 8 + HANDLE_BYTES + STORED_BYTES
RECORDS_PER_CHUNK_MAX = 2_000
REMOVED = 0
"""The batch of a record whose handle leaves the manifest; batches are numbered from 1."""
CHUNK_BYTES_MAX = RECORD_BYTES * RECORDS_PER_CHUNK_MAX


class Publication(Message, frozen=True, kw_only=True):
    """Announces a manifest whose rows follow in chunks, sorted by handle.

    ``base`` is the counter of the live manifest which the rows change; without one they are the whole manifest.
    """

    insurer: Amc
    epoch: Announced
    base: Natural | None
    batches: tuple[Announced, ...]
    head: Cosigned


class OpenedPublication(Message, frozen=True, kw_only=True):
    """The number under which the rows of a publication are to be sent."""

    number: Natural
    epoch: Natural


class PublicationState(Message, frozen=True, kw_only=True):
    """How many rows of a publication the hub has stored, so that an upload can resume."""

    rows: Natural
    live: bool


def to_record(row: Row) -> bytes:
    """Encodes a row for upload: batch (u64be), handle, stored bytes."""
    return row.batch.to_bytes(8, "big") + row.handle + row.stored


def from_records(chunk: bytes, insurer: str, epoch: int) -> Iterator[Row]:
    """Decodes a chunk; raises MalformedMessage unless it is whole records."""
    if len(chunk) % RECORD_BYTES:
        raise MalformedMessage("a chunk is whole records")
    for start in range(0, len(chunk), RECORD_BYTES):
        record = chunk[start : start + RECORD_BYTES]
        handle = Handle(record[8 : 8 + HANDLE_BYTES])
        batch = int.from_bytes(record[:8], "big")
        yield Row(insurer=insurer, epoch=epoch, batch=batch, handle=handle, stored=record[8 + HANDLE_BYTES :])
