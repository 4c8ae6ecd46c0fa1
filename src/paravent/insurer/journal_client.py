"""Pulling the insurer's part of every witness log (docs/protocol.md section 12)."""

from __future__ import annotations

from paravent.access.client import SignedClient
from paravent.crypto.checkpoint import open_checkpoint
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.log import verify_consistency
from paravent.crypto.note import NoteKey, SignatureKind
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure
from paravent.insurer.config import InsurerKeys
from paravent.insurer.journal import hourly_key, read_opening, verify_leaf
from paravent.insurer.journal_store import Journal, LogRead
from paravent.insurer.store import Store
from paravent.wire.log import (
    CheckpointAnswer,
    CheckpointRequest,
    KeyEntry,
    LeavesAnswer,
    LeavesRequest,
    LoggedLeaf,
    OpeningEntry,
)
from paravent.wire.statements import KeyServerEntry

ANSWER_BYTES_MAX = 4_194_304


class JournalReader:
    """One insurer reading the logs of the key servers."""

    def __init__(self, amc: str, keys: InsurerKeys, store: Store, client: SignedClient) -> None:
        """Reads with the insurer's own keys."""
        self._amc = amc
        self._keys = keys
        self._store = store
        self._client = client

    async def pull(self, server: KeyServerEntry) -> int:
        """Reads what is new in a server's log; returns how many openings of this insurer it held.

        Raises ProofFailure naming the server when its log does not extend the one read before.
        """
        journal = self._store.journal
        former = journal.read_so_far(server.name)
        asked = CheckpointRequest(old=0 if former is None else former.size)
        answer = await self._client.post(server.name, server.address, "/v1/log/checkpoint", asked, CheckpointAnswer)
        key = NoteKey(name=server.name, kind=SignatureKind.ED25519, public=VerifyKey(server.verify_key))
        checkpoint, _ = open_checkpoint(answer.note, key, culprit=server.name)
        start = 0
        if former is not None and former.size > 0:
            verify_consistency(
                former.size, checkpoint.size, old_root=former.root, new_root=checkpoint.root, proof=answer.proof,
                culprit=server.name,
            )  # fmt: skip
            start = former.size
        found = 0
        while start < checkpoint.size:
            leaves = await self._client.post(
                server.name, server.address, "/v1/log/leaves", LeavesRequest(start=start, size=checkpoint.size),
                LeavesAnswer, bytes_max=ANSWER_BYTES_MAX,
            )  # fmt: skip
            if leaves.next <= start:
                raise ProofFailure("it gives no leaf and does not go on", culprit=server.name)
            with self._store.commit():
                found += sum(
                    keep_leaf(
                        leaf, size=checkpoint.size, root=checkpoint.root, server=server.name, amc=self._amc,
                        key=self._keys.claims, journal=journal,
                    )
                    for leaf in leaves.leaves
                )  # fmt: skip
            start = leaves.next
        with self._store.commit():
            journal.keep_read(server.name, LogRead(size=checkpoint.size, root=checkpoint.root))
        return found


def keep_leaf(
    leaf: LoggedLeaf, *, size: int, root: bytes, server: str, amc: str, key: BoxKey, journal: Journal
) -> bool:
    """Keeps one leaf; returns whether it is an opening. One that does not open is noted, and stops nothing."""
    verify_leaf(leaf, size=size, root=root, server=server)
    try:
        return _read(leaf, server, amc, key, journal)
    except (ProofFailure, MalformedMessage, ValueError, OverflowError) as error:
        journal.keep_unreadable(server, leaf.index, str(error))
        return False


def _read(leaf: LoggedLeaf, server: str, amc: str, key: BoxKey, journal: Journal) -> bool:
    if leaf.entry.startswith(enc(Label.LOG_KEY_ENTRY)):
        journal.keep_hour_key(server, leaf.index, hourly_key(KeyEntry.decode(leaf.entry), server, amc, key))
        return False
    if not leaf.entry.startswith(enc(Label.LOG_ENTRY)):
        return False  # a deletion of this insurer's: it opens nobody
    entry = OpeningEntry.decode(leaf.entry)
    journal.keep(read_opening(entry, leaf.index, server, amc, journal.hour_keys(server)))
    return True
