"""What the insured person's space reads and writes of one member (docs/protocol.md section 17).

Its tables stand with the portfolio and with the incidents; nothing that a person types into a form is ever among them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLane:
    """What a member chose, and what is published: they differ from the choice to the next publication."""

    wanted: bool
    live: bool
    asked_at: int | None


class Insured:
    """One member's own data; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def members_of(self, pivots: Sequence[bytes]) -> list[str]:
        """Lists the members whose pivot identity is one of these; more than one is nobody in particular."""
        found = self._connection.execute(
            "SELECT DISTINCT member FROM pivot JOIN published_line USING (line)"  # noqa: S608 - places
            f" WHERE pivot IN ({', '.join('?' * len(pivots))}) ORDER BY member",
            tuple(pivots),
        )
        return [member for (member,) in found]

    def number_lane(self, member: str) -> NumberLane:
        """Says whether the number lane is on for a member, as chosen and as published."""
        chosen = self._connection.execute(
            "SELECT off, asked_at FROM number_lane_choice WHERE member = ?", (member,)
        ).fetchone()
        (live,) = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM live_row JOIN published_line USING (line) WHERE member = ?)", (member,)
        ).fetchone()
        off, asked_at = (0, None) if chosen is None else chosen
        return NumberLane(wanted=not off, live=bool(live), asked_at=asked_at)

    def choose_number_lane(self, member: str, now: int, *, on: bool) -> None:
        """Keeps a member's choice; the next publication follows it. The same choice again keeps its date."""
        self._connection.execute(
            "INSERT INTO number_lane_choice VALUES (?, ?, ?) ON CONFLICT (member) DO UPDATE SET off = excluded.off,"
            " asked_at = excluded.asked_at WHERE number_lane_choice.off <> excluded.off",
            (member, not on, now),
        )
