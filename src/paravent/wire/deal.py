"""Messages by which an insurer deals an epoch and a batch to a key server (docs/protocol.md section 3)."""

from __future__ import annotations

from paravent.wire.codec import Amc, Bytes32, Message, ServerIndex
from paravent.wire.statements import Signed


class DealBox(Message, frozen=True, kw_only=True):
    """A signed deal, sealed to the box key of one key server."""

    insurer: Amc
    box: bytes


class EpochDeal(Message, frozen=True, kw_only=True):
    """The epoch file and the share of one server."""

    epoch_file: Signed
    index: ServerIndex
    share: Bytes32


class DealtKey(Message, frozen=True, kw_only=True):
    """One opening key K_T and its T."""

    servers: tuple[ServerIndex, ...]
    key: Bytes32


class BatchDeal(Message, frozen=True, kw_only=True):
    """The batch file and the opening keys that one server holds."""

    batch_file: Signed
    keys: tuple[DealtKey, ...]
