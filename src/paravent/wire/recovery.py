"""Messages by which a hub that was put back learns what was decided since its backup (docs/protocol.md section 18)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from paravent.wire.codec import Amc, Message, Natural

RETURNS_PER_REQUEST_MAX = 8
RETURNS_BYTES_MAX = 131_072
RETURNS_OVERLAP_SECONDS = 600
"""Acts are given back from so long before a backup: an act is decided some time before it is written."""


class HeadCounter(Message, frozen=True, kw_only=True):
    """Which manifest of an insurer: the counter of its head in an epoch."""

    insurer: Amc
    epoch: Natural
    counter: Natural


class CosignedHeads(Message, frozen=True, kw_only=True):
    """The last head that a key server cosigned, by insurer and epoch."""

    heads: tuple[HeadCounter, ...]


class ReturnedAct(Message, frozen=True, kw_only=True):
    """A decided act, given back: ``detail`` is the JSON of an ActDetail or InsurerActDetail.

    ``number`` is that of the event by which an insurer learned of it; a desk has none.
    """

    number: Natural | None
    detail: bytes


class ReturnedActs(Message, frozen=True, kw_only=True):
    """Some acts of whoever signs the request; ``complete`` says that nothing is left to give back."""

    acts: Annotated[tuple[ReturnedAct, ...], msgspec.Meta(max_length=RETURNS_PER_REQUEST_MAX)]
    complete: bool


def in_requests(acts: Sequence[ReturnedAct]) -> Iterator[ReturnedActs]:
    """Cuts what one party gives back into requests, at least one: the last says that nothing is left."""
    for start in range(0, max(len(acts), 1), RETURNS_PER_REQUEST_MAX):
        end = start + RETURNS_PER_REQUEST_MAX
        yield ReturnedActs(acts=tuple(acts[start:end]), complete=end >= len(acts))


class ReturnsTaken(Message, frozen=True, kw_only=True):
    """What the hub did of them: ``taken`` were new to it, ``known`` were not, ``refused`` are not decisions of its own.

    ``conflicting`` of those taken cannot stand beside another decision: both were promised.
    """

    taken: Natural
    known: Natural
    refused: Natural
    conflicting: Natural


class Recovery(Message, frozen=True, kw_only=True):
    """Whether the hub decides acts; ``wanted_since`` is from which instant it asks for decided ones back, or null.

    ``restored_at`` is when it was put back: who has given back everything since has nothing more to give.
    """

    deciding: bool
    wanted_since: Natural | None
    restored_at: Natural | None
