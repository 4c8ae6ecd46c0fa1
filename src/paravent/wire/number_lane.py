"""Messages of the number lane: evaluation, row, opening (docs/protocol.md section 7)."""

from __future__ import annotations

import hashlib

from paravent.crypto.manifest import Inclusion
from paravent.crypto.sealing import Handle
from paravent.wire.codec import Amc, Bytes32, Bytes64, Message, Name, Natural, ServerIndex
from paravent.wire.statements import Signed

PATH_TEXT_BYTES = 47  # one 32-byte hash as base64 in JSON, with quotes and comma


class EvaluationRequest(Message, frozen=True, kw_only=True):
    """Asks one key server for its share of the evaluation of a blinded element."""

    insurer: Amc
    epoch: Natural
    blinded: Bytes32


class EvaluationAnswer(Message, frozen=True, kw_only=True):
    """A share of the evaluation, its proof, and the server's signature binding both to the request."""

    index: ServerIndex
    evaluated: Bytes32
    proof: Bytes64
    signature: Bytes64


class RowRequest(Message, frozen=True, kw_only=True):
    """Asks the hub for the row of a handle whose key the desk proves it holds."""

    insurer: Amc
    epoch: Natural
    handle_key: Bytes32
    proof: Bytes64


class StoredRow(Message, frozen=True, kw_only=True):
    """A sealed row as the hub keeps it."""

    batch: Natural
    stored: bytes


class Leaf(Message, frozen=True, kw_only=True):
    """A manifest leaf with its inclusion path."""

    index: Natural
    handle: Bytes32
    row_digest: Bytes32
    path: tuple[Bytes32, ...]

    def inclusion(self) -> Inclusion:
        """Converts to what the manifest verifies."""
        return Inclusion(index=self.index, handle=Handle(self.handle), row_digest=self.row_digest, path=self.path)


class RowAnswer(Message, frozen=True, kw_only=True):
    """The row and its leaf, or none and the neighbours that prove absence; padded to one length per manifest."""

    head: Signed
    row: StoredRow | None
    leaves: tuple[Leaf, ...]
    padding: str


class OpeningRequest(Message, frozen=True, kw_only=True):
    """Asks one key server for its opening values; it recomputes handle and label itself."""

    insurer: Amc
    epoch: Natural
    batch: Natural
    handle_key: Bytes32
    answer_key: bytes
    proof: Bytes64


class OpeningValueEntry(Message, frozen=True, kw_only=True):
    """HMAC(K_T, L) for one T."""

    servers: tuple[ServerIndex, ...]
    value: Bytes32


class OpeningContent(Message, frozen=True, kw_only=True):
    """What the box of an opening answer holds; signed, so that a wrong value is a kept proof."""

    server: Name
    request: Bytes32
    values: tuple[OpeningValueEntry, ...]
    leaf_index: Natural
    leaf_hash: Bytes32


class OpeningAnswer(Message, frozen=True, kw_only=True):
    """A signed opening content, sealed to the fresh key of the request."""

    box: bytes


def fetch_fields(hub: str, nonce: str, device: str) -> tuple[str, str, str]:
    """Lists what the handle key signs towards the hub (label FETCH)."""
    return hub, nonce, device


def auth_fields(server: str, nonce: str, label: bytes, device: str, answer_key: bytes) -> tuple[bytes | str, ...]:
    """Lists what the handle key signs towards a key server (label AUTH)."""
    return server, nonce, label, device, hashlib.sha256(answer_key).digest()


def evaluation_fields(
    server: str, request: EvaluationRequest, index: int, request_hash: bytes, evaluated: bytes, proof: bytes
) -> tuple[bytes | int | str, ...]:
    """Lists what a key server signs over its evaluation (label EVALUATION)."""
    return server, request.insurer, request.epoch, index, request_hash, request.blinded, evaluated, proof


def box_context(server: str, insurer: str, epoch: int, nonce: str) -> tuple[str, str, int, str]:
    """Lists the context of an opening box (label OPENING_BOX)."""
    return server, insurer, epoch, nonce


def answer_padding(unpadded_bytes: int, path_length_max: int, leaf_room: int) -> str:
    """Returns the text that brings an answer to the one length of its manifest.

    The room is that of two leaves with the longest paths, or one leaf and a row, whichever is longer.
    """
    target = leaf_room + 2 * path_length_max * PATH_TEXT_BYTES
    return "0" * max(0, target - unpadded_bytes)
