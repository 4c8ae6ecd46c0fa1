"""The register of devices of one verifier: who is enrolled, who is barred, who asked (protocol.md section 9).

Holds: public keys of devices with professional and shop, suspensions with a reason code, enrolments and
hashes of ID tokens of the last 24 hours, keyed hashes of shop codes. Stolen: which professionals are enrolled
and which are barred; nothing of an insured person. Altered: a device could be made active; every change
has its row in ``device_event``, and the desks of the shop see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from paravent.access.database import Connection, Cursor, Statement
from paravent.access.devices import Bar, BarReason, Device, Standing
from paravent.access.enrolment import Identification, Route, ShopCodeTry
from paravent.errors import EnrolmentRefused
from paravent.wire.codec import Message
from paravent.wire.enrolment import DeviceState
from paravent.wire.suspension import LANES, NUMBER_LANE, SubjectKind

IDENTIFICATION_SECONDS = 86_400
DAY_SECONDS = 86_400
SHOP_CODE_TRIES_MAX = 5
SHOP_CODE_SECONDS_MAX = 90 * 86_400

DEVICE_SCHEMA = """
CREATE TABLE IF NOT EXISTS enrolled (
    keyid TEXT PRIMARY KEY, public BLOB NOT NULL, professional TEXT NOT NULL, shop TEXT NOT NULL,
    route TEXT NOT NULL, enrolled_at INTEGER NOT NULL, active_from INTEGER NOT NULL, limited_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS enrolled_by_professional ON enrolled (professional);
CREATE INDEX IF NOT EXISTS enrolled_by_shop ON enrolled (shop);
CREATE TABLE IF NOT EXISTS bar (
    kind TEXT NOT NULL, subject TEXT NOT NULL, since INTEGER NOT NULL, reason TEXT NOT NULL, final INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device_event (
    position INTEGER PRIMARY KEY, happened_at INTEGER NOT NULL, event TEXT NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS identification (
    enrolment BLOB PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, device_key BLOB NOT NULL, shop TEXT NOT NULL,
    salt_commitment BLOB NOT NULL, professional TEXT NOT NULL, identified_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shop_code (
    shop TEXT PRIMARY KEY, code_hash BLOB NOT NULL, issued_at INTEGER NOT NULL, tries_left INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
CASE_SCHEMA = """
CREATE TABLE IF NOT EXISTS case_bar (
    kind TEXT NOT NULL, subject TEXT NOT NULL, case_number TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, case_number)
) STRICT, WITHOUT ROWID;
"""

_DEVICE = "SELECT public, professional, shop FROM enrolled"


class DeviceEvent(Message, frozen=True, kw_only=True):
    """One row of the ledger of devices: when, what, about whom, why."""

    happened_at: int
    event: str
    kind: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureCount:
    """How many subjects of one kind are barred for one reason or case, since when; ``final`` when for good."""

    kind: SubjectKind
    why: str
    final: bool
    count: int
    since: int


class DeviceLedger:
    """The devices of one verifier; every method that writes runs in the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection
        self._canaries_used: set[str] = set()

    # --- devices and their standing ------------------------------------------------------------

    def enrol(
        self, device: Device, now: int, *,
        route: Route = Route.CODE, active_from: int = 0, limited_until: int = 0,
    ) -> None:  # fmt: skip
        """Enrols a device; enrolling it again changes nothing."""
        inserted = self._connection.execute(
            "INSERT INTO enrolled VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (keyid) DO NOTHING",
            (
                device.keyid, device.public, device.professional, device.shop, route.value, now,
                active_from, limited_until,
            ),
        )  # fmt: skip
        if inserted.rowcount == 1:
            self.record("enrolled", SubjectKind.DEVICE, device.keyid, route.value, now)

    def device(self, keyid: str) -> Device | None:
        """Returns an enrolled device, whatever its standing, or None."""
        found = self._connection.execute(f"{_DEVICE} WHERE keyid = ?", (keyid,)).fetchone()
        return None if found is None else _device(found)

    def canary_key(self, keyid: str) -> bytes | None:
        """Returns the public key of a canary credential, or None."""
        found = self._connection.execute("SELECT public FROM canary WHERE keyid = ?", (keyid,)).fetchone()
        return None if found is None else bytes(found[0])

    def canary_used(self, keyid: str) -> None:
        """Notes that a canary credential was used, until the next round of the detectors."""
        self._canaries_used.add(keyid)

    def take_canaries_used(self) -> list[str]:
        """Takes the canary credentials that were used since the last time."""
        taken, self._canaries_used = sorted(self._canaries_used), set()
        return taken

    def standing(self, device: Device) -> Standing:
        """Returns the standing of an enrolled device; one that is not known is pending for ever."""
        times = Statement("SELECT active_from, limited_until FROM enrolled WHERE keyid = ?", (device.keyid,))
        found, barred = self._connection.batch([times, _bars(device)])
        active_from, limited_until = found.fetchone() or (2**53 - 1, 0)
        return Standing(active_from=active_from, limited_until=limited_until, bar=_bar(barred.fetchone()))

    def limited_until(self, keyid: str) -> int:
        """Returns until when a device has the small quota of new ones; 0 when it has not."""
        asked = limit_of(keyid)
        return limited_until(self._connection.execute(asked.text, asked.values))

    def colleagues(self, device: Device) -> list[Device]:
        """Lists the devices of the same professional or the same shop, itself among them."""
        found = self._connection.execute(
            f"{_DEVICE} WHERE professional = ? OR shop = ? ORDER BY enrolled_at, keyid",
            (device.professional, device.shop),
        )
        return [_device(row) for row in found.fetchall()]

    def every_device(self) -> list[Device]:
        """Lists every device, oldest first."""
        return [_device(row) for row in self._connection.execute(f"{_DEVICE} ORDER BY enrolled_at, keyid").fetchall()]

    def professionals(self) -> dict[str, str]:
        """Returns whose each device is, by the name of its key."""
        found = self._connection.execute("SELECT keyid, professional FROM enrolled")
        return {str(keyid): str(professional) for keyid, professional in found.fetchall()}

    def enrolled_by_day(self, professional: str) -> dict[int, int]:
        """Counts a professional's devices by the day on which they were enrolled (since 1970)."""
        found = self._connection.execute(
            "SELECT enrolled_at / ?, COUNT(*) FROM enrolled WHERE professional = ? GROUP BY 1",
            (DAY_SECONDS, professional),
        )
        return {int(day): int(count) for day, count in found.fetchall()}

    def states(self, now: int) -> Counter[DeviceState]:
        """Counts the devices by what each may do now."""
        return Counter(self.standing(device).state(now) for device in self.every_device())

    def measures(self) -> list[MeasureCount]:
        """Counts what is suspended or withdrawn, by kind and by why: a case, or the reason of the operator."""
        found = self._connection.execute(
            "SELECT kind, reason, final, COUNT(*), MIN(since) FROM bar GROUP BY kind, reason, final"
            " UNION ALL SELECT kind, case_number, 0, COUNT(*), MIN(since) FROM case_bar GROUP BY kind, case_number"
            " ORDER BY 5, 1, 2"
        )
        return [
            MeasureCount(kind=SubjectKind(kind), why=why, final=bool(final), count=int(count), since=int(since))
            for kind, why, final, count, since in found.fetchall()
        ]

    def waited_limited_until(self, professional: str, now: int) -> int:
        """Returns until when a device that came by waiting holds a professional's small quota; 0 when none does."""
        (until,) = self._connection.execute(
            "SELECT COALESCE(MAX(limited_until), 0) FROM enrolled WHERE professional = ? AND route = ?"
            " AND limited_until > ? AND keyid NOT IN (SELECT subject FROM bar WHERE kind = ? AND final = 1)",
            (professional, Route.WAITED.value, now, SubjectKind.DEVICE.value),
        ).fetchone()
        return int(until)

    def activate(self, keyid: str, limited_until: int, now: int, by_keyid: str) -> None:
        """Makes a waiting device active now."""
        self._connection.execute(
            "UPDATE enrolled SET route = ?, active_from = 0, limited_until = ? WHERE keyid = ?",
            (Route.COUNTERSIGNED.value, limited_until, keyid),
        )
        self.record("countersigned", SubjectKind.DEVICE, keyid, by_keyid, now)

    def object_to(self, keyid: str, now: int, by_keyid: str) -> None:
        """Withdraws a waiting device to which another device objects."""
        self.withdraw(SubjectKind.DEVICE, keyid, BarReason.OBJECTION, now)
        self.record("objected", SubjectKind.DEVICE, keyid, by_keyid, now)

    # --- suspension and withdrawal -------------------------------------------------------------

    def suspend(self, kind: SubjectKind, subject: str, reason: BarReason, now: int) -> bool:
        """Suspends from now on; False when it was barred already."""
        return self._bar(kind, subject, reason, now, final=False)

    def resume(self, kind: SubjectKind, subject: str, now: int) -> bool:
        """Ends a suspension; False when there is none: a withdrawal has no end."""
        deleted = self._connection.execute(
            "DELETE FROM bar WHERE kind = ? AND subject = ? AND final = 0", (kind.value, subject)
        )
        if deleted.rowcount == 1:
            self.record("resumed", kind, subject, "", now)
        return deleted.rowcount == 1

    def withdraw(
        self, kind: SubjectKind, subject: str, reason: BarReason, now: int, *, case: str | None = None
    ) -> bool:
        """Withdraws for good; False when it was withdrawn already. The row names the case, when there is one."""
        return self._bar(kind, subject, reason, now, final=True, case=case)

    def _bar(
        self, kind: SubjectKind, subject: str, reason: BarReason, now: int, *, final: bool, case: str | None = None
    ) -> bool:
        written = self._connection.execute(
            "INSERT INTO bar VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE"
            " SET since = excluded.since, reason = excluded.reason, final = 1 WHERE excluded.final = 1"
            " AND bar.final = 0",
            (kind.value, subject, now, reason.value, int(final)),
        )
        if written.rowcount == 1:
            why = reason.value if case is None else _case(case)
            self.record("withdrawn" if final else "suspended", kind, subject, why, now)
        return written.rowcount == 1

    # --- measures of the breach desk, by case: beside the operator's own, never in their place ---

    def suspend_for(self, case: str, kind: SubjectKind, subject: str, now: int) -> bool:
        """Suspends for a case from now on; False when this case suspends it already."""
        written = self._connection.execute(
            "INSERT INTO case_bar VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (kind.value, subject, case, now)
        )
        if written.rowcount == 1:
            self.record("suspended", kind, subject, _case(case), now)
        return written.rowcount == 1

    def resume_for(self, case: str, kind: SubjectKind, subject: str, now: int) -> bool:
        """Ends what a case suspended; False when there is nothing to end."""
        deleted = self._connection.execute(
            "DELETE FROM case_bar WHERE (kind, subject, case_number) = (?, ?, ?)", (kind.value, subject, case)
        )
        if deleted.rowcount == 1:
            self.record("resumed", kind, subject, _case(case), now)
        return deleted.rowcount == 1

    def suspended_for(self, case: str, kind: SubjectKind, subject: str) -> bool:
        """Says whether a case suspends it."""
        found = self._connection.execute(
            "SELECT 1 FROM case_bar WHERE (kind, subject, case_number) = (?, ?, ?)", (kind.value, subject, case)
        )
        return found.fetchone() is not None

    def suspensions_of(self, case: str) -> list[tuple[SubjectKind, str]]:
        """Lists what a case suspends."""
        found = self._connection.execute(
            "SELECT kind, subject FROM case_bar WHERE case_number = ? ORDER BY kind, subject", (case,)
        )
        return [(SubjectKind(kind), subject) for kind, subject in found.fetchall()]

    def lane_closed_since(self, insurer: str) -> int | None:
        """Returns since when a case closes the number lane of an insurer, or of all; None when none does."""
        (since,) = self._connection.execute(
            "SELECT MIN(since) FROM case_bar WHERE (kind, subject) IN (VALUES (?, ?), (?, ?))",
            (SubjectKind.INSURER.value, insurer, SubjectKind.LANE.value, NUMBER_LANE),
        ).fetchone()
        return None if since is None else int(since)

    def devices_of(self, kind: SubjectKind, subject: str) -> list[Device]:
        """Lists the devices of a subject, oldest first; a lane concerns every device."""
        if kind in LANES:
            return self.every_device()
        column = {SubjectKind.DEVICE: "keyid", SubjectKind.PROFESSIONAL: "professional", SubjectKind.SHOP: "shop"}[kind]
        found = self._connection.execute(f"{_DEVICE} WHERE {column} = ? ORDER BY enrolled_at, keyid", (subject,))
        return [_device(row) for row in found.fetchall()]

    # --- enrolments in progress ----------------------------------------------------------------

    def token_used(self, token_hash: bytes) -> bool:
        """Says whether an ID token was used here."""
        found = self._connection.execute("SELECT 1 FROM identification WHERE token_hash = ?", (token_hash,))
        return found.fetchone() is not None

    def identify(self, identification: Identification) -> None:
        """Keeps who logged in for an enrolment; raises EnrolmentRefused when it or the ID token was used already."""
        inserted = self._connection.execute(
            "INSERT INTO identification VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                identification.enrolment, identification.token_hash, identification.device_key, identification.shop,
                identification.salt_commitment, identification.professional, identification.identified_at,
            ),
        )  # fmt: skip
        if inserted.rowcount != 1:
            raise EnrolmentRefused("this enrolment or this ID token was used already")

    def identification(self, enrolment: bytes) -> Identification | None:
        """Returns who logged in for an enrolment, or None."""
        found = self._connection.execute(
            "SELECT token_hash, device_key, shop, salt_commitment, professional, identified_at FROM identification"
            " WHERE enrolment = ?",
            (enrolment,),
        ).fetchone()
        if found is None:
            return None
        return Identification(
            enrolment=enrolment, token_hash=found[0], device_key=found[1], shop=found[2], salt_commitment=found[3],
            professional=found[4], identified_at=found[5],
        )  # fmt: skip

    # --- shop codes ----------------------------------------------------------------------------

    def keep_shop_code(self, shop: str, code_hash: bytes, now: int) -> None:
        """Keeps the keyed hash of a shop's code; an earlier code of the shop is void."""
        self._connection.execute(
            "INSERT INTO shop_code VALUES (?, ?, ?, ?) ON CONFLICT (shop) DO UPDATE SET code_hash = excluded.code_hash,"
            " issued_at = excluded.issued_at, tries_left = excluded.tries_left",
            (shop, code_hash, now, SHOP_CODE_TRIES_MAX),
        )
        self.record("code-issued", SubjectKind.SHOP, shop, "", now)

    def try_shop_code(self, shop: str, code_hash: bytes, now: int) -> ShopCodeTry:
        """Spends one try of a shop's code; the right code is used up."""
        row = self._connection.execute(
            "UPDATE shop_code SET tries_left = tries_left - 1 WHERE shop = ? AND tries_left > 0 AND issued_at > ?"
            " RETURNING code_hash",
            (shop, now - SHOP_CODE_SECONDS_MAX),
        ).fetchone()
        if row is None:
            return ShopCodeTry.NONE
        # Both are keyed hashes: how long the comparison takes says nothing of the code.
        if row[0] != code_hash:
            self.record("code-refused", SubjectKind.SHOP, shop, "", now)
            return ShopCodeTry.WRONG
        self._connection.execute("DELETE FROM shop_code WHERE shop = ?", (shop,))
        self.record("code-used", SubjectKind.SHOP, shop, "", now)
        return ShopCodeTry.RIGHT

    # --- the ledger ----------------------------------------------------------------------------

    def record(self, event: str, kind: SubjectKind, subject: str, reason: str, now: int) -> None:
        """Appends a row to the ledger of devices."""
        self._connection.execute(
            "INSERT INTO device_event (happened_at, event, kind, subject, reason) VALUES (?, ?, ?, ?, ?)",
            (now, event, kind.value, subject, reason),
        )

    def events(self) -> Iterator[DeviceEvent]:
        """Iterates the ledger of devices, oldest first."""
        found = self._connection.execute(
            "SELECT happened_at, event, kind, subject, reason FROM device_event ORDER BY position"
        )
        for happened_at, event, kind, subject, reason in found.fetchall():
            yield DeviceEvent(happened_at=happened_at, event=event, kind=kind, subject=subject, reason=reason)

    def forget(self, now: int) -> None:
        """Deletes identifications older than 24 hours: no ID token lives so long."""
        self._connection.execute("DELETE FROM identification WHERE identified_at <= ?", (now - IDENTIFICATION_SECONDS,))


def _case(case: str) -> str:
    return f"case {case}"


def _device(row: tuple[bytes, str, str]) -> Device:
    return Device(public=row[0], professional=row[1], shop=row[2])


def limit_of(keyid: str) -> Statement:
    """Asks until when a device has the small quota of new ones: ``limited_until`` reads the answer."""
    return Statement("SELECT limited_until FROM enrolled WHERE keyid = ?", (keyid,))


def limited_until(found: Cursor) -> int:
    """Reads the answer to ``limit_of``; 0 when the device has no small quota."""
    row = found.fetchone()
    return 0 if row is None else int(row[0])


def _bars(device: Device) -> Statement:
    """Asks what bars a device, its professional or its shop; a final bar first."""
    subjects = (
        SubjectKind.DEVICE.value, device.keyid, SubjectKind.PROFESSIONAL.value, device.professional,
        SubjectKind.SHOP.value, device.shop,
    )  # fmt: skip
    return Statement(
        "SELECT kind, since, reason, final FROM bar WHERE (kind, subject) IN (VALUES (?, ?), (?, ?), (?, ?))"
        " UNION ALL"
        " SELECT kind, since, ?, 0 FROM case_bar WHERE (kind, subject) IN (VALUES (?, ?), (?, ?), (?, ?))"
        " ORDER BY 4 DESC, 2 LIMIT 1",
        (*subjects, BarReason.INQUIRY.value, *subjects),
    )


def _bar(row: tuple[str, int, str, int] | None) -> Bar | None:
    if row is None:
        return None
    kind, since, reason, final = row
    return Bar(kind=SubjectKind(kind), since=since, reason=BarReason(reason), final=bool(final))
