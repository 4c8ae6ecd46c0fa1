"""Requests and *réquisitions* of authorities, and what was handed over at each (docs/protocol.md section 16): pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.breach.entries import HandedOver, Placed, Requested
from paravent.breach.standing import standing
from paravent.errors import InvalidConfiguration

REQUEST = "demande"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it stands: the number and position of its entry, and the pieces handed over, with theirs."""

    number: int
    position: int
    asked_at: int
    said: Requested
    pieces: tuple[tuple[int, HandedOver], ...]

    @property
    def name(self) -> str:
        """Names it in lists of what is due."""
        return f"{REQUEST}:{self.number}"

    @property
    def answered(self) -> bool:
        """Says whether a piece was handed over after which nothing more was to come."""
        return any(piece.complete for _, piece in self.pieces)

    def late(self, now: int) -> bool:
        """Says whether its due instant has passed before all of it was handed over."""
        return self.said.due_at is not None and now > self.said.due_at and not self.answered


def requests(placed: Sequence[Placed]) -> list[Request]:
    """Lists every request of a case, the first due first; those without a due instant come last."""
    entries = standing(placed)
    found = [
        Request(
            number=each.entry.number, position=each.position, asked_at=each.entry.at, said=each.entry.said,
            pieces=tuple(
                (other.position, other.entry.said) for other in entries
                if isinstance(other.entry.said, HandedOver) and other.entry.said.request == each.entry.number
            ),
        )
        for each in entries if isinstance(each.entry.said, Requested)
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.said.due_at is None, one.said.due_at or 0, one.number))


def require_request(placed: Sequence[Placed], number: int) -> Request:
    """Finds a request; raises InvalidConfiguration when no request of the case has this number."""
    found = next((one for one in requests(placed) if one.number == number), None)
    if found is None:
        raise InvalidConfiguration("no request of this case has this number: paravent breach due lists them")
    return found
