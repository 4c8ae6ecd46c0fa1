"""Checking an exported witness log offline (docs/protocol.md section 12): pure.

The leaves lead to the root of the checkpoint; the server signed it, others cosigned it, an authority stamped it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from paravent.crypto.checkpoint import open_checkpoint, parse_checkpoint, verify_cosignature
from paravent.crypto.log import Frontier
from paravent.crypto.merkle import leaf_hash
from paravent.crypto.note import NoteKey, SignatureKind, parse_note
from paravent.crypto.signing import VerifyKey
from paravent.crypto.timestamp import Authority, verify_stamp
from paravent.errors import ProofFailure, TooFewServers
from paravent.wire.log import LogExport, LogLine
from paravent.wire.statements import Directory, HubEntry, KeyServerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLog:
    """What an export proves: how many leaves, who cosigned them, until when they existed at the latest."""

    server: str
    size: int
    cosigners: tuple[str, ...]
    stamped_size: int | None
    stamped_at: int | None


def check_log(
    lines: Sequence[LogLine], export: LogExport, directory: Directory, authority: Authority | None, now: int
) -> CheckedLog:
    """Checks an export; raises ProofFailure naming the server, or MalformedMessage.

    1. the checkpoint is the server's; 2. the leaves follow on and lead to its root; 3. who cosigned it; 4. the
    stamped checkpoint is of the same log, and its stamp verifies.
    """
    server = directory.keyserver(export.server)
    if server is None:
        raise ProofFailure("the directory has no such key server", culprit=export.server)
    # 1. checkpoint
    checkpoint, note = open_checkpoint(export.note, _key(server, SignatureKind.ED25519), culprit=server.name)
    # 2. leaves
    roots = _roots(lines, server.name)
    if checkpoint.size != len(lines) or roots[checkpoint.size] != checkpoint.root:
        raise ProofFailure("the leaves do not lead to the checkpoint", culprit=server.name)
    # 3. cosignatures
    cosigners = []
    for peer in directory.watchers():
        key = _key(peer, SignatureKind.COSIGNATURE)
        if peer.name != server.name and note.signature_of(key) is not None:
            verify_cosignature(note, key, now=now, age_seconds_max=now, culprit=peer.name)
            cosigners.append(peer.name)
    # 4. stamp
    stamped_size = stamped_at = None
    if export.stamped_note is not None and export.stamp is not None and authority is not None:
        stamped = parse_checkpoint(parse_note(export.stamped_note).text)
        if stamped.origin != server.name or roots.get(stamped.size) != stamped.root:
            raise ProofFailure("the stamped checkpoint is of another log", culprit=server.name)
        stamped_at = verify_stamp(export.stamp, export.stamped_note, authority, culprit="time-stamping authority")
        stamped_size = stamped.size
    return CheckedLog(
        server=server.name, size=checkpoint.size, cosigners=tuple(cosigners), stamped_size=stamped_size,
        stamped_at=stamped_at,
    )  # fmt: skip


def require_cosigned(checked: CheckedLog) -> CheckedLog:
    """Raises TooFewServers unless another party cosigned a log: alone, a server says what it likes."""
    if not checked.cosigners:
        raise TooFewServers(f"no other party has cosigned this log of {checked.server}: export it again in a minute")
    return checked


def _roots(lines: Sequence[LogLine], server: str) -> dict[int, bytes]:
    """Computes the root of every prefix of the leaves."""
    frontier = Frontier()
    roots = {0: hashlib.sha256(b"").digest()}
    for place, line in enumerate(lines):
        if (line.server, line.index) != (server, place):
            raise ProofFailure("the leaves do not follow on from the first", culprit=server)
        frontier, _ = frontier.append(leaf_hash(line.entry))
        roots[frontier.size] = frontier.root()
    return roots


def _key(server: KeyServerEntry | HubEntry, kind: SignatureKind) -> NoteKey:
    return NoteKey(name=server.name, kind=kind, public=VerifyKey(server.verify_key))
