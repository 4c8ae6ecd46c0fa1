"""The alarms of one verifier, and what its detectors must remember between two events (protocol.md section 9).

Holds: signed alarms, a count of look-ups that found nobody or somebody since the sequential test of a professional
cleared, how many professionals were above their usual by day; public keys of canary credentials. Stolen: which
professionals alarmed, when and why, and which keys are traps; nothing of an insured person. Altered: an alarm could be
left out here, not at the breach desk that took it.
"""

from __future__ import annotations

from dataclasses import dataclass

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
CANARY_SCHEMA = """
CREATE TABLE IF NOT EXISTS canary (
    keyid TEXT NOT NULL PRIMARY KEY, public BLOB NOT NULL, planted_at INTEGER NOT NULL, fired_at INTEGER NOT NULL,
    drilled_at INTEGER NOT NULL, drill_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_NO_LEAF = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A device key that is enrolled nowhere: whoever uses it took it. Instants are Unix seconds, 0 for never."""

    keyid: str
    public: bytes
    planted_at: int
    fired_at: int
    drilled_at: int
    drill_until: int

    @property
    def tested(self) -> bool:
        """Says whether it has ever fired in a drill."""
        return self.drilled_at > 0


_CANARY = "SELECT keyid, public, planted_at, fired_at, drilled_at, drill_until FROM canary"


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

    def suspended_on(self, day: int) -> int:
        """Counts the alarms raised on a day (since 1970) that suspended somebody."""
        # What is raised on a day is about it or the day before.
        found = self._connection.execute("SELECT signed FROM alarm WHERE day IN (?, ?)", (day - 1, day))
        alarms = (decode(decode(bytes(signed), Signed).payload, Alarm) for (signed,) in found.fetchall())
        return sum(alarm.suspended and alarm.raised_at // 86_400 == day for alarm in alarms)

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

    # --- canary credentials ----------------------------------------------------------------------

    def plant(self, keyid: str, public: bytes, now: int) -> None:
        """Keeps a canary credential."""
        self._connection.execute("INSERT INTO canary VALUES (?, ?, ?, 0, 0, 0)", (keyid, public, now))

    def canaries(self) -> list[Canary]:
        """Lists the canary credentials, oldest first."""
        found = self._connection.execute(f"{_CANARY} ORDER BY planted_at, keyid")
        return [_canary(row) for row in found.fetchall()]

    def canary(self, keyid: str) -> Canary | None:
        """Returns the canary credential with a key, or None."""
        found = self._connection.execute(f"{_CANARY} WHERE keyid = ?", (keyid,)).fetchone()
        return None if found is None else _canary(found)

    def announce_drill(self, keyid: str, until: int) -> bool:
        """Says beforehand that a canary is used in a drill until an instant; False when there is none."""
        written = self._connection.execute("UPDATE canary SET drill_until = ? WHERE keyid = ?", (until, keyid))
        return written.rowcount == 1

    def fired(self, keyid: str, now: int, *, drill: bool) -> None:
        """Records that a canary fired; a drill is over with it, so that what comes next is no drill."""
        self._connection.execute(
            "UPDATE canary SET fired_at = ?, drilled_at = CASE WHEN ? = 1 THEN ? ELSE drilled_at END, drill_until = 0"
            " WHERE keyid = ?",
            (now, int(drill), now, keyid),
        )

    # --- days of the fleet -----------------------------------------------------------------------

    def fleet_days(self) -> dict[int, int]:
        """Returns how many professionals were above their usual, by day."""
        return {int(day): int(above) for day, above in self._connection.execute("SELECT * FROM fleet_day").fetchall()}

    def keep_fleet_day(self, day: int, above: int, since: int) -> None:
        """Keeps a day, and forgets those before ``since``."""
        self._connection.execute("INSERT INTO fleet_day VALUES (?, ?) ON CONFLICT (day) DO NOTHING", (day, above))
        self._connection.execute("DELETE FROM fleet_day WHERE day < ?", (since,))


def _canary(row: tuple[str, bytes, int, int, int, int]) -> Canary:
    keyid, public, planted_at, fired_at, drilled_at, drill_until = row
    return Canary(
        keyid=keyid, public=bytes(public), planted_at=int(planted_at), fired_at=int(fired_at),
        drilled_at=int(drilled_at), drill_until=int(drill_until),
    )  # fmt: skip
