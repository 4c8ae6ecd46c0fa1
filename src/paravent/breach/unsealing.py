"""Opening who asked, for one case (docs/protocol.md section 12): pure.

A key entry holds one box to each pair of custodians, the first outside, the second inside. Two custodians open it
one after the other; what it opens are the parts of its hour: professionals and devices, never an insured person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, dec, enc
from paravent.errors import InvalidConfiguration, MalformedMessage, ProofFailure
from paravent.wire.log import CUSTODIANS, NO_KEY, KeyEntry, LogLine, OpeningEntry
from paravent.wire.statements import Directory

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """Who asked for one opening: the professional and the device."""

    server: str
    index: int
    hour: int
    insurer: str
    professional: str
    keyid: str


def unseal(
    lines: Iterable[LogLine], keys: Sequence[BoxKey], directory: Directory, *, first_hour: int, last_hour: int
) -> Iterator[Unsealed]:
    """Opens the openings of a window with the keys of two custodians; other hours stay sealed.

    Raises InvalidConfiguration when the keys are not of two custodians of the directory, ProofFailure naming a
    server whose part does not open.
    """
    place, pair = _pair(keys, directory)
    hour_keys: dict[tuple[str, int], bytes] = {}
    for line in lines:
        if line.entry.startswith(enc(Label.LOG_KEY_ENTRY)):
            entry = KeyEntry.decode(line.entry)
            if entry.recipient == CUSTODIANS and first_hour <= entry.hour <= last_hour:
                hour_keys[line.server, line.index] = _open(entry, place, pair, line.server)
        elif line.entry.startswith(enc(Label.LOG_ENTRY)):
            opening = OpeningEntry.decode(line.entry)
            if opening.custodian_key != NO_KEY and first_hour <= opening.hour <= last_hour:
                yield _read(opening, line, hour_keys)


def _pair(keys: Sequence[BoxKey], directory: Directory) -> tuple[int, tuple[BoxKey, BoxKey]]:
    """Finds which pair of custodians the keys are of, in the order of the directory."""
    by_public = {bytes(key.public): key for key in keys}
    for place, entries in enumerate(combinations(directory.custodians, 2)):
        found = [by_public[entry.box_key] for entry in entries if entry.box_key in by_public]
        if len(found) == 2:
            return place, (found[0], found[1])
    raise InvalidConfiguration("the two shares are not of two custodians of this directory")


def _open(entry: KeyEntry, place: int, pair: tuple[BoxKey, BoxKey], server: str) -> bytes:
    content = entry.boxes[place] if place < len(entry.boxes) else b""
    for key in pair:
        content = key.open(content, Label.LOG_KEY_BOX, server, CUSTODIANS, entry.hour, culprit=server)
    return content


def _read(opening: OpeningEntry, line: LogLine, hour_keys: dict[tuple[str, int], bytes]) -> Unsealed:
    key = hour_keys.get((line.server, opening.custodian_key))
    if key is None:
        raise ProofFailure("the key entry of an opening is not among the leaves handed over", culprit=line.server)
    nonce, body = opening.custodian_part[:_NONCE_BYTES], opening.custodian_part[_NONCE_BYTES:]
    try:
        part = ChaCha20Poly1305(key).decrypt(nonce, body, opening.commitment)
        professional, keyid = dec(Label.LOG_CUSTODIAN_PART, part, 2)
    except (InvalidTag, ValueError, MalformedMessage) as error:
        raise ProofFailure("a custodians' part does not open", culprit=line.server) from error
    return Unsealed(
        server=line.server, index=line.index, hour=opening.hour, insurer=opening.insurer,
        professional=professional.rstrip(b"\0").decode(errors="replace"), keyid=keyid.decode(errors="replace"),
    )  # fmt: skip
