"""Deadlines as iCalendar (RFC 5545), for the calendars that data-protection officers live in: pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from paravent.breach.duties import Duty
from paravent.breach.requests import Request
from paravent.pages.typography import french

LINE_OCTETS_MAX = 75


def calendar_of(case: str, duties: Iterable[Duty], asked: Iterable[Request], now: int) -> bytes:
    """Writes one event per duty that has an instant and no filing, and per request due that is not answered."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Paravent//breach desk//FR", "CALSCALE:GREGORIAN"]
    for duty in duties:
        at = duty.next_at
        if at is not None and not duty.filings:
            lines += _event(case, duty, at, now)
    for request in asked:
        if request.said.due_at is not None and not request.answered:
            lines += _asked(case, request, request.said.due_at, now)
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line)).encode()


def _event(case: str, duty: Duty, at: int, now: int) -> list[str]:
    rule = duty.rule
    sure = "" if rule.status == "verified" else f" ({rule.status})"
    own = " (objectif interne)" if duty.own_target else ""
    contract = f" Contrat {duty.contract}." if duty.contract else ""
    described = f"{rule.text} {rule.source}{sure}. {rule.condition}{contract}".strip()
    summary = f"{case} : {rule.regime}, {rule.recipient} {duty.insurer or ''}{own}".strip()
    return _written(f"{case}-{duty.identifier}", summary, described, at, now)


def _asked(case: str, request: Request, at: int, now: int) -> list[str]:
    said = request.said
    summary = f"{case} : {said.authority}, {said.basis}"
    return _written(f"{case}-{request.name}", summary, said.text, at, now)


def _written(identifier: str, summary: str, described: str, at: int, now: int) -> list[str]:
    return [
        "BEGIN:VEVENT", f"UID:{identifier}@paravent", f"DTSTAMP:{_instant(now)}", f"DTSTART:{_instant(at)}",
        f"SUMMARY:{_text(summary)}", f"DESCRIPTION:{_text(described)}", "END:VEVENT",
    ]  # fmt: skip


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Escapes a text (RFC 5545 section 3.3.11)."""
    escaped = french(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(line: str) -> Iterable[str]:
    """Cuts a line into parts of at most 75 octets, those after the first starting with a space (section 3.1)."""
    part, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LINE_OCTETS_MAX:
            yield part
            part, size = " ", 1
        part, size = part + character, size + octets
    yield part
