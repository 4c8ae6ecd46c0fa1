"""Who is let in while a server is asked for more than it can do, told from the first bytes of a request (13.5): pure.

Nothing is parsed, looked up or verified here. The name of a key proves nothing: it only says who answers for a request
that is let in. Whoever is enrolled, or signed correctly before, is known; all others share a small rate as soon as
somebody known is being served, so that a flood of them costs the known little. What nobody waits for at a counter says
so (RFC 9218) and leaves room for the rest. Refusals have a rate of their own, and who is refused is told to come back
when it can be answered: as many at a time as are answered meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from paravent.wire.codec import BODY_BYTES_MAX

INSIDE_MAX = 128
"""As many as have a turn, and as one commit of ``access.group_commit`` holds."""
BACKGROUND_INSIDE_MAX = 96
"""Of these, what says that nobody waits for it: it keeps turns busy, and nobody out who has somebody at the counter."""
KNOWN_MAX = 100_000
KNOWN_SECONDS = 1.0
"""For how long after a request of somebody known the others keep to their rate."""
STRANGERS_PER_SECOND_MAX = 250.0
REFUSALS_PER_SECOND_MAX = 250.0
REFUSAL_SECONDS_MAX = 3.0
"""Nobody waits longer for a refusal: an asker waits five seconds (``access.client.TIMEOUT_SECONDS``)."""
HELD_SECONDS_MIN = 1.0
"""For so long nobody known is refused: many who come at one instant are served in less."""
HELD_SECONDS_MAX = 2.0
"""For so long a request of somebody known may be let in after all: what waited longer would be answered late."""
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 15
_RETURNS_PER_SECOND = 250.0
"""How many are told to come back in each second, until it was measured what is answered in one under load."""
_RETURNS_PER_SECOND_MIN = 20.0
_BURST_SECONDS = 0.2
_HEAD_BYTES_MAX = 2_048
_KEYID = re.compile(rb'keyid="([0-9a-f]{32})"')
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n|\Z)")
_BACKGROUND = re.compile(rb"\r\npriority:[ \t]*u=7[ \t]*\r\n")
_UNUSUAL = (b"transfer-encoding", b"expect:", b"upgrade", b"close")
NOBODY = b""


@dataclass(slots=True)
class Pace:
    """A rate with a small burst (GCRA): each one that is taken moves the instant of the next; seconds of any clock."""

    per_second: float
    due: float = 0.0

    def wait(self, now: float) -> float:
        """Says in how many seconds the next one is due; 0 when it is."""
        return max(0.0, self.due - now)

    def take(self, now: float) -> None:
        """Takes one, due or not."""
        self.due = max(self.due, now - _BURST_SECONDS) + 1 / self.per_second

    def give_back(self) -> None:
        """Gives one back that was taken."""
        self.due -= 1 / self.per_second


@dataclass(slots=True)
class Returns:
    """When those who are refused may come back: in each second as many as were answered in one while others waited."""

    pace: Pace = field(default_factory=lambda: Pace(_RETURNS_PER_SECOND))
    _answered: int = 0
    _since: float = float("-inf")

    def answer(self, count: int) -> None:
        """Counts those that were answered."""
        self._answered += count

    def retry_after(self, now: float) -> int:
        """Returns in how many whole seconds somebody refused now may come back."""
        elapsed = now - self._since
        if elapsed >= 1:
            # Only what was answered between refusals is what can be: before them there was less to answer.
            if elapsed < 2:
                self.pace.per_second = max(_RETURNS_PER_SECOND_MIN, self._answered / elapsed)
            self._answered, self._since = 0, now
        wait = min(self.pace.wait(now), RETRY_SECONDS_MAX - RETRY_SECONDS_MIN)
        if wait < RETRY_SECONDS_MAX - RETRY_SECONDS_MIN:
            self.pace.take(now)
        return RETRY_SECONDS_MIN + int(wait)


class Held(Protocol):
    """A connection whose request is held."""

    def let_in(self) -> None:
        """Has the request parsed."""


@dataclass(slots=True)
class Door:
    """Lets requests in; ``inside`` counts those that are whole here and not answered yet.

    A request of somebody known is held until its refusal has its turn, and let in after all when there is room: whoever
    asks on a bounded number of connections would otherwise wait on all of them for refusals.
    """

    inside: int = 0
    strangers: Pace = field(default_factory=lambda: Pace(STRANGERS_PER_SECOND_MAX))
    refusals: Pace = field(default_factory=lambda: Pace(REFUSALS_PER_SECOND_MAX))
    returns: Returns = field(default_factory=Returns)
    _known: dict[bytes, None] = field(default_factory=dict)
    _known_at: float = float("-inf")
    _held: tuple[dict[Held, float], dict[Held, float]] = field(default_factory=lambda: ({}, {}))

    @classmethod
    def knowing(cls, keyids: Iterable[str]) -> Door:
        """Knows whoever is enrolled, so that after a start no device shares the rate of strangers."""
        door = cls()
        door._known.update((keyid.encode(), None) for _, keyid in zip(range(KNOWN_MAX), keyids, strict=False))
        return door

    def lets_in(self, claimed: bytes, now: float, *, background: bool = False) -> bool:
        """Says whether a request that names this key may be read; ``background`` when it says that nobody waits."""
        known = claimed in self._known
        if known:
            self._known_at = now
        if self.inside >= (BACKGROUND_INSIDE_MAX if background else INSIDE_MAX):
            return False
        if known or now - self._known_at > KNOWN_SECONDS:
            return True
        if self.strangers.wait(now) > 0:
            return False
        self.strangers.take(now)
        return True

    def holds(self, request: Held, claimed: bytes, now: float, *, background: bool = False) -> bool:
        """Holds a request that was not let in; of those who are not known, none."""
        known = claimed in self._known
        if known:
            self._held[background][request] = now
        return known

    def drop(self, request: Held) -> None:
        """Holds a request no more: it is refused now, or whoever asked has left."""
        for held in self._held:
            held.pop(request, None)

    def let_in_held(self, now: float) -> Held | None:
        """Takes the request held last, for which there is room now: who came last is waited for the longest."""
        for held, inside_max in zip(self._held, (INSIDE_MAX, BACKGROUND_INSIDE_MAX), strict=True):
            if held and self.inside < inside_max:
                request, since = held.popitem()
                if now - since <= HELD_SECONDS_MAX:
                    return request
                held[request] = since
        return None

    def leave(self, count: int) -> None:
        """Counts requests no more: they were answered, or whoever asked has left."""
        self.inside -= count
        self.returns.answer(count)

    def refusal_wait(self, now: float, *, held: bool = False) -> float:
        """Says after how many seconds a refusal is told, so that refusing never takes what answering needs."""
        wait = max(self.refusals.wait(now), HELD_SECONDS_MIN if held else 0)
        if wait >= REFUSAL_SECONDS_MAX:
            return REFUSAL_SECONDS_MAX
        self.refusals.take(now)
        return wait

    def know(self, claimed: bytes) -> None:
        """Notes that a request let in under this name was signed by its key; who was not seen longest is forgotten."""
        if claimed == NOBODY:
            return
        if claimed not in self._known:
            # It was no part of a flood: of devices that were enrolled since the start, as many pass as can be answered.
            self.strangers.give_back()
        self._known.pop(claimed, None)
        self._known[claimed] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def forget(self, claimed: bytes) -> None:
        """Notes that a request let in under this name was not: the name says nothing until its key signs again."""
        self._known.pop(claimed, None)


def claimed_by(data: bytes) -> bytes:
    """Reads which key the first bytes of a request name, ``NOBODY`` when none."""
    found = _KEYID.search(data, 0, _HEAD_BYTES_MAX)
    return NOBODY if found is None else found[1]


def is_background(data: bytes) -> bool:
    """Says whether the first bytes of a request give it the last urgency (RFC 9218 section 4.1): it can wait."""
    return _BACKGROUND.search(data, 0, _HEAD_BYTES_MAX) is not None


def rest_of(data: bytes) -> int | None:
    """Returns how many bytes of the request that begins here are still to come.

    None when that cannot be told for certain, or when another request follows: the connection is then closed, and no
    byte of one request is ever taken for the beginning of another.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    lengths = _LENGTH.findall(head)
    if len(lengths) > 1 or head.count(b"content-length") != len(lengths) or any(word in head for word in _UNUSUAL):
        return None
    rest = end + 4 + int(lengths[0] if lengths else 0) - len(data)
    return rest if 0 <= rest <= BODY_BYTES_MAX else None
