"""The rows of a drill, as the pages that show them read them (docs/drill.md): pure."""

from __future__ import annotations

import msgspec

from paravent.errors import MalformedMessage


class DrillRow(msgspec.Struct, frozen=True, kw_only=True):
    """What pages show of one line of ``paravent drill --json``; its other fields are left where they are."""

    scenario: str
    platform: str
    persons: int | None = None
    opened: int | None = None
    bound: int | None = None
    detected_after: int | None = None


def read_rows(content: bytes) -> list[DrillRow]:
    """Reads the lines of ``paravent drill --json``; raises MalformedMessage naming the line."""
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(msgspec.json.decode(line, type=DrillRow))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise MalformedMessage(f"line {number} is not a row of the drill: run drill --json") from None
    return rows
