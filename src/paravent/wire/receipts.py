"""Receipts: what key servers say they hold (docs/protocol.md section 3, steps 3.4 and 3.7).

The hub checks them before serving, the desk before asking: a quorum of them, each by a server of the epoch.
"""

from __future__ import annotations

from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure, TooFewServers
from paravent.wire.statements import Announced, Directory, EpochFile, Receipt, Signed, open_statement


def verify_receipts(announced: Announced, epoch: EpochFile, batch: int | None, directory: Directory) -> tuple[int, ...]:
    """Returns the indices of the servers that receipted a statement, ascending.

    Raises ProofFailure naming a server whose receipt is wrong, or TooFewServers below the quorum.
    """
    indices = {verify_receipt(receipt, announced.statement, epoch, batch, directory) for receipt in announced.receipts}
    if len(indices) < epoch.quorum():
        raise TooFewServers(f"{len(indices)} key servers hold this statement, {epoch.quorum()} are needed")
    return tuple(sorted(indices))


def verify_receipt(signed: Signed, statement: Signed, epoch: EpochFile, batch: int | None, directory: Directory) -> int:
    """Returns the index of the server that receipted a statement; raises ProofFailure."""
    entry = directory.keyserver(signed.signer)
    if entry is None or signed.signer not in epoch.servers:
        raise ProofFailure("a receipt is not of a server of this epoch", culprit=epoch.insurer)
    receipt = open_statement(signed, Receipt, Label.RECEIPT, entry.name, VerifyKey(entry.verify_key))
    expected = (entry.name, epoch.insurer, epoch.epoch, batch, statement.digest())
    if (receipt.server, receipt.insurer, receipt.epoch, receipt.batch, receipt.statement) != expected:
        raise ProofFailure("a receipt is for another statement", culprit=entry.name)
    return epoch.servers.index(entry.name) + 1
