"""What makes a directory believable, and one the successor of another (docs/protocol.md section 2).

More than half of the key servers cosign it: two directories of one version then share a server, and a
server cosigns one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import MalformedMessage, ProofFailure, StaleData, TooFewServers
from paravent.wire.cosignatures import verify_cosignatures
from paravent.wire.statements import (
    Cosigned,
    Directory,
    KeyChange,
    Signed,
    open_statement,
    sign_statement,
)

Keys = dict[str, tuple[bytes, ...]]
"""The keys of parties by name, the one that verifies their signatures first."""


def verify_directory(signed: Signed, signer: str, key: VerifyKey) -> Directory:
    """Verifies and decodes a directory; raises ProofFailure, or MalformedMessage when two parties have one name."""
    directory = open_statement(signed, Directory, Label.DIRECTORY, signer, key)
    if len(directory.keys()) != len(directory.signers()):
        raise MalformedMessage("two parties of the directory have one name")
    return directory


def quorum(directory: Directory) -> int:
    """Returns how many of its key servers cosign a directory: more than half."""
    return len(directory.keyservers) // 2 + 1


def require_cosigned(cosigned: Cosigned, directory: Directory, former: Directory | None) -> None:
    """Raises TooFewServers unless more than half of the servers listed cosigned, and of those listed before."""
    names = [entry.name for entry in directory.keyservers]
    cosigners = verify_cosignatures(cosigned, Label.DIRECTORY, names, directory, quorum(directory))
    if former is not None and len(cosigners & {entry.name for entry in former.keyservers}) < quorum(former):
        raise TooFewServers("too few key servers of the directory joined before cosigned this one")


def require_successor(known: tuple[Directory, Keys], new: tuple[Directory, Keys]) -> None:
    """Raises StaleData when the version goes back, ProofFailure when a key changed without the old one's word.

    Each directory comes with the key of who signs it, by name: that key changes as any other.
    """
    (former, former_signer), (directory, signer) = known, new
    if directory.version < former.version:
        raise StaleData("the directory is older than the one already joined")
    if directory.version == former.version and directory != former:
        raise ProofFailure("there are two directories of one version", culprit=next(iter(signer), "directory"))
    keys = directory.keys() | signer
    for party, old in (former.keys() | former_signer).items():
        if party in keys and not _leads(party, old, keys[party], directory.changes):
            raise ProofFailure("a key changed without the signature of the former one", culprit=party)


def _leads(party: str, old: tuple[bytes, ...], new: tuple[bytes, ...], changes: tuple[Signed, ...]) -> bool:
    """Follows the changes that each key signed, from the keys known to those of the new directory."""
    current = old
    for signed in changes:
        if current == new:
            return True
        try:
            change = open_statement(signed, KeyChange, Label.KEY_CHANGE, party, VerifyKey(current[0]))
        except (MalformedMessage, ProofFailure):
            # The change of another party, or of a key that this one has no longer.
            continue
        if change.party == party and [len(key) for key in change.keys] == [len(key) for key in current]:
            current = change.keys
    return current == new


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Who left a directory, who arrived in it, and whose keys changed, each as role and name with a key.

    A party that was renamed is one that left and one that arrived: no change of keys shows it, so people are told.
    """

    left: tuple[str, ...]
    arrived: tuple[str, ...]
    changed: tuple[str, ...]


def differences(former: Directory, directory: Directory) -> Differences:
    """Compares two directories, custodians included."""
    before, after = _by_role(former), _by_role(directory)
    return Differences(
        left=tuple(_shown(who, before[who]) for who in before if who not in after),
        arrived=tuple(_shown(who, after[who]) for who in after if who not in before),
        changed=tuple(_shown(who, after[who]) for who in after if who in before and before[who] != after[who]),
    )


def _by_role(directory: Directory) -> dict[tuple[str, str], tuple[bytes, ...]]:
    roles = {directory.hub.name: "hub"} | {entry.name: "key server" for entry in directory.keyservers}
    roles |= {entry.amc: "insurer" for entry in directory.insurers}
    found = {(roles.get(name, "breach desk"), name): keys for name, keys in directory.signers()}
    return found | {("custodian", entry.name): (entry.box_key,) for entry in directory.custodians}


def _shown(who: tuple[str, str], keys: tuple[bytes, ...]) -> str:
    return f"{who[0]} {who[1]} (key {hashlib.sha256(keys[0]).hexdigest()[:32]})"


def sign_change(party: str, keys: tuple[bytes, ...], former: SigningKey) -> Signed:
    """Announces the next keys of a party with the key that it has."""
    return sign_statement(KeyChange(party=party, keys=keys), Label.KEY_CHANGE, party, former)
