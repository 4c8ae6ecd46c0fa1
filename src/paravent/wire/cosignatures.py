"""Cosignatures: what t key servers stand for beside the party that signed (docs/protocol.md sections 2 and 6).

A receipt is the cosignature of an epoch or batch file: it says more, that the server holds what was dealt
(wire/receipts.py). A manifest head and the directory deal nothing, so a server signs their hash alone.
"""

from __future__ import annotations

from collections.abc import Collection

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, verify
from paravent.errors import ProofFailure, TooFewServers
from paravent.wire.statements import Cosignature, Cosigned, Directory, Signed


def cosign(statement: Signed, label: Label, server: str, key: SigningKey) -> Cosignature:
    """Cosigns a statement that the server has verified."""
    return Cosignature(server=server, signature=key.sign(Label.COSIGNATURE, *_fields(statement, label, server)))


def verify_cosignature(
    cosignature: Cosignature, statement: Signed, label: Label, server: str, key: VerifyKey
) -> Cosignature:
    """Returns a server's cosignature once verified; raises ProofFailure naming the server."""
    if cosignature.server != server:
        raise ProofFailure("a cosignature is of another server", culprit=server)
    fields = _fields(statement, label, server)
    verify(key, cosignature.signature, Label.COSIGNATURE, *fields, culprit=server)
    return cosignature


def verify_cosignatures(
    cosigned: Cosigned, label: Label, servers: Collection[str], directory: Directory, needed: int
) -> frozenset[str]:
    """Returns who cosigned, all of them among ``servers``; raises ProofFailure, or TooFewServers below ``needed``."""
    cosigners = set()
    for cosignature in cosigned.cosignatures:
        entry = directory.keyserver(cosignature.server)
        if entry is None or entry.name not in servers:
            raise ProofFailure("a cosignature is not of a server that may give one", culprit=cosigned.signer)
        verify_cosignature(cosignature, cosigned, label, entry.name, VerifyKey(entry.verify_key))
        cosigners.add(entry.name)
    if len(cosigners) < needed:
        raise TooFewServers(f"{len(cosigners)} key servers cosigned this statement, {needed} are needed")
    return frozenset(cosigners)


def _fields(statement: Signed, label: Label, server: str) -> tuple[str, bytes, bytes]:
    return server, label.value, statement.digest()
