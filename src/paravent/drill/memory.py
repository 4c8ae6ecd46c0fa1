"""Reading the memory of a process that the drill started, as whoever is root on its machine does.

Every writable region is read through /proc. What is looked for: numbers and names of persons, entitlements (by their
envelope, then by the insurer's signature), desk parts (by the digest that a verified entitlement carries), and every
32-byte string object of the interpreter, which is how a key lies there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from paravent.crypto.entitlement import (
    DeskPart,
    EncodedDeskPart,
    HubPart,
    desk_digest,
    verify_desk_part,
    verify_entitlement,
)
from paravent.crypto.signing import VerifyKey
from paravent.drill.sought import names_in, numbers_in
from paravent.errors import ParaventError

KEY_BYTES = 32
_REGION_BYTES_MAX = 512 << 20
_ENVELOPE = re.compile(rb"\xd2\x84\x43\xa1\x01\x27\xa0")
_ENTITLEMENT_BYTES = range(150, 256)
_DESK_PART = re.compile(rb"\x83\x50")
_DESK_PART_BYTES = (53, 86)
# An object of the interpreter: a count of references, a type, a length of 32, a hash; the content follows.
_OBJECT = re.compile(re.escape(struct.pack("<Q", KEY_BYTES)) + rb"(?s:.{8})(?s:(.{32}))\x00", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was read in a process, over as many looks as there were; entitlements by their bytes."""

    entitlements: dict[bytes, HubPart] = field(default_factory=dict)
    desk_parts: dict[bytes, DeskPart] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    keys: set[bytes] = field(default_factory=set)


def look(pid: int, seen: Seen, issuers: Mapping[str, VerifyKey], names: Collection[str], *, keys: bool = False) -> None:
    """Reads a process once, and adds what it finds."""
    parts: set[bytes] = set()
    for content in _regions(pid):
        seen.numbers |= numbers_in(content)
        seen.names |= names_in(content, names)
        for entitlement, part in entitlements(content, issuers):
            seen.entitlements[entitlement] = part
        parts |= _desk_parts(content)
        if keys:
            seen.keys |= set(_OBJECT.findall(content))
    digests = {desk_digest(EncodedDeskPart(part)): part for part in parts}
    for entitlement, hub_part in seen.entitlements.items():
        if hub_part.desk_digest in digests:
            seen.desk_parts[entitlement] = verify_desk_part(hub_part, digests[hub_part.desk_digest])


def _regions(pid: int) -> Iterator[bytes]:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, permissions, *_ = line.split()
            first, last = (int(address, 16) for address in addresses.split("-"))
            if not permissions.startswith("rw") or last - first > _REGION_BYTES_MAX:
                continue
            try:
                memory.seek(first)
                yield memory.read(last - first)
            except (OSError, ValueError):
                continue  # a region that went away, or that nobody can read


def entitlements(content: bytes, issuers: Mapping[str, VerifyKey]) -> Iterator[tuple[bytes, HubPart]]:
    """Finds what an insurer signed among bytes, by its envelope and then by the signature."""
    for match in _ENVELOPE.finditer(content):
        for size in _ENTITLEMENT_BYTES:
            candidate = content[match.start() : match.start() + size]
            try:
                yield candidate, verify_entitlement(candidate, issuers)
            except ParaventError:
                continue
            break


def _desk_parts(content: bytes) -> set[bytes]:
    return {
        content[match.start() : match.start() + size]
        for match in _DESK_PART.finditer(content) for size in _DESK_PART_BYTES
    }  # fmt: skip
