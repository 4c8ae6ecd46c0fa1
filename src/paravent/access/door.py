"""Who is let in while a server is asked for more than it can do, told from the first bytes of a request (13.5): pure.

Nothing is parsed, looked up or verified here. The name of a key proves nothing: it only says who answers for a request
that is let in. Whoever signed correctly before is known; all others share a small rate as soon as somebody known is
being served, so that a flood of them costs the known little. Refusals have a rate of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from paravent.wire.codec import BODY_BYTES_MAX

INSIDE_MAX = 192
"""As many as have a turn or may wait for one (``access.admission_app``)."""
KNOWN_MAX = 100_000
KNOWN_SECONDS = 1.0
"""For how long after a request of somebody known the others keep to their rate."""
STRANGERS_PER_SECOND_MAX = 250.0
REFUSALS_PER_SECOND_MAX = 500.0
_BURST_SECONDS = 0.2
_HEAD_BYTES_MAX = 2_048
_KEYID = re.compile(rb'keyid="([0-9a-f]{32})"')
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n|\Z)")
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
class Door:
    """Lets requests in; ``inside`` counts those that are whole here and not answered yet."""

    inside: int = 0
    strangers: Pace = field(default_factory=lambda: Pace(STRANGERS_PER_SECOND_MAX))
    refusals: Pace = field(default_factory=lambda: Pace(REFUSALS_PER_SECOND_MAX))
    _known: dict[bytes, None] = field(default_factory=dict)
    _known_at: float = float("-inf")

    def lets_in(self, claimed: bytes, now: float) -> bool:
        """Says whether a request that names this key may be read."""
        known = claimed in self._known
        if known:
            self._known_at = now
        if self.inside >= INSIDE_MAX:
            return False
        if known or now - self._known_at > KNOWN_SECONDS:
            return True
        if self.strangers.wait(now) > 0:
            return False
        self.strangers.take(now)
        return True

    def refusal_wait(self, now: float) -> float:
        """Says after how many seconds a refusal is told, so that refusing never takes what answering needs."""
        wait = self.refusals.wait(now)
        self.refusals.take(now)
        return wait

    def know(self, claimed: bytes) -> None:
        """Notes that a request let in under this name was signed by its key; who was not seen longest is forgotten."""
        if claimed == NOBODY:
            return
        if claimed not in self._known:
            # It was no part of a flood: of devices that come back after a start, as many pass as can be answered.
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
