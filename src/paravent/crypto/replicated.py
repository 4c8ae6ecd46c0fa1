"""Replicated opening keys: one per set of t-1 servers, held by all the others (protocol.md section 3).

Any t servers hold every key; any t-1 servers T lack the key K_T. There is no interpolation and no
shared secret to reconstruct: the desk collects one HMAC per key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NewType

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.crypto.sharing import check_threshold
from paravent.errors import MalformedMessage

ServerSet = NewType("ServerSet", tuple[int, ...])
"""A set T of t-1 server indices, ascending."""

OpeningValue = NewType("OpeningValue", bytes)
"""HMAC(K_T, L), 32 bytes; of no use without the values of every other T and without a."""


class OpeningKey(Secret):
    """One K_T, 32 bytes, of one insurer, epoch and batch."""

    __slots__ = ()


def server_sets(threshold: int, servers: int) -> tuple[ServerSet, ...]:
    """Lists every T in the fixed (lexicographic) order of section 3."""
    check_threshold(threshold, servers)
    return tuple(ServerSet(members) for members in combinations(range(1, servers + 1), threshold - 1))


def set_bytes(members: ServerSet) -> bytes:
    """Encodes T as its indices, one byte each, ascending."""
    return bytes(members)


def draw_opening_keys(threshold: int, servers: int, rng: Rng) -> dict[ServerSet, OpeningKey]:
    """Draws one 32-byte key per T."""
    return {members: OpeningKey(rng(32)) for members in server_sets(threshold, servers)}


def keys_of_server(index: int, keys: Mapping[ServerSet, OpeningKey]) -> dict[ServerSet, OpeningKey]:
    """Returns the keys that server ``index`` holds: those of the sets it is not in."""
    return {members: key for members, key in keys.items() if index not in members}


def key_digest(insurer: str, epoch: int, batch: int, members: ServerSet, key: OpeningKey) -> bytes:
    """Commits to one opening key for the batch file: SHA-256, 32 bytes."""
    encoded = enc(Label.OPENING_KEY, insurer, epoch, batch, set_bytes(members), key.reveal())
    return hashlib.sha256(encoded).digest()


def opening_value(key: OpeningKey, label: bytes) -> OpeningValue:
    """Computes HMAC-SHA-256(K_T, L)."""
    return OpeningValue(hmac.digest(key.reveal(), label, "sha256"))


def assemble(values: Mapping[ServerSet, OpeningValue], sets: Iterable[ServerSet]) -> bytes:
    """Concatenates the values of all T in fixed order: F; raises MalformedMessage when one lacks."""
    try:
        return b"".join(values[members] for members in sets)
    except KeyError as error:
        raise MalformedMessage("an opening value is missing") from error
