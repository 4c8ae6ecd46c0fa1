"""The alarms of one verifier, and what its detectors must remember between two events (protocol.md section 9).

Holds: signed alarms, a count of look-ups that found nobody or somebody since the sequential test of a professional
cleared, how many professionals were above their usual by day. Stolen: which professionals alarmed, when and why;
nothing of an insured person. Altered: an alarm could be left out here, not at the breach desk that took it.
"""

from __future__ import annotations

from paravent.access.database import Connection
from paravent.wire.alarm import ALARMS_PER_ANSWER_MAX, Alarm, Finding, KeptAlarm
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Signed

ALARM_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    number INTEGER NOT NULL PRIMARY KEY, sign TEXT NOT NULL, subject TEXT NOT NULL, day INTEGER NOT NULL,
    signed BLOB NOT NULL, leaf INTEGER NOT NULL, UNIQUE (sign, subject, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tried (
    professional TEXT NOT NULL PRIMARY KEY, unknown_count INTEGER NOT NULL, known_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fleet_day (day INTEGER NOT NULL PRIMARY KEY, above INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_NO_LEAF = -1


class AlarmLedger:
    """The alarms of one verifier; every method that writes runs in the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection

    def known(self, finding: Finding) -> bool:
        """Says whether this sign alarmed for this subject on this day already."""
        found = self._connection.execute(
            "SELECT 1 FROM alarm WHERE sign = ? AND subject = ? AND day = ?",
            (finding.sign.value, finding.subject, finding.day),
        )
        return found.fetchone() is not None

    def next_number(self) -> int:
        """Returns the number of the next alarm; they start at 1."""
        (number,) = self._connection.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM alarm").fetchone()
        return int(number)

    def keep(self, alarm: Alarm, signed: Signed, leaf: int | None) -> None:
        """Keeps an alarm."""
        finding = alarm.finding
        self._connection.execute(
            "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, ?)",
            (
                alarm.number, finding.sign.value, finding.subject, finding.day, encode(signed),
                _NO_LEAF if leaf is None else leaf,
            ),
        )  # fmt: skip

    def after(self, number: int) -> list[KeptAlarm]:
        """Returns the next alarms after a number, at most an answer of them."""
        found = self._connection.execute(
            "SELECT signed, leaf FROM alarm WHERE number > ? ORDER BY number LIMIT ?", (number, ALARMS_PER_ANSWER_MAX)
        )
        return [
            KeptAlarm(signed=decode(bytes(signed), Signed), leaf=None if leaf == _NO_LEAF else int(leaf))
            for signed, leaf in found.fetchall()
        ]

    # --- the sequential test -------------------------------------------------------------------

    def tried(self, professional: str) -> tuple[int, int]:
        """Returns the look-ups that found nobody, and somebody, since the test cleared."""
        found = self._connection.execute(
            "SELECT unknown_count, known_count FROM tried WHERE professional = ?", (professional,)
        ).fetchone()
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def keep_tried(self, professional: str, tried: tuple[int, int]) -> None:
        """Keeps them."""
        self._connection.execute(
            "INSERT INTO tried VALUES (?, ?, ?) ON CONFLICT (professional) DO UPDATE SET"
            " unknown_count = excluded.unknown_count, known_count = excluded.known_count",
            (professional, *tried),
        )

    def clear_tried(self, professional: str) -> None:
        """Begins the sequential test of a professional again."""
        self.keep_tried(professional, (0, 0))

    # --- days of the fleet -----------------------------------------------------------------------

    def fleet_days(self) -> dict[int, int]:
        """Returns how many professionals were above their usual, by day."""
        return {int(day): int(above) for day, above in self._connection.execute("SELECT * FROM fleet_day").fetchall()}

    def keep_fleet_day(self, day: int, above: int, since: int) -> None:
        """Keeps a day, and forgets those before ``since``."""
        self._connection.execute("INSERT INTO fleet_day VALUES (?, ?) ON CONFLICT (day) DO NOTHING", (day, above))
        self._connection.execute("DELETE FROM fleet_day WHERE day < ?", (since,))
