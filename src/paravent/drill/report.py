"""The drill's rows as tables in the documents: kept as JSON lines, written between markers (docs/drill.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from paravent.drill.row import PlatformName, Row
from paravent.errors import InvalidConfiguration

ROWS = Path("docs") / "reports" / "drill.jsonl"
DOCUMENT = Path("docs") / "drill.md"
README = Path("README.md")
BEGIN, END = "<!-- drill: written by make drill -->", "<!-- drill: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One line of the README: what is stolen, and the case that stands for it on each platform."""

    stolen: str
    paravent: tuple[str, str]
    conventional: tuple[str, str]


HEADLINES = (
    Headline(
        stolen="copy of the database, with a true list of everybody", paravent=("database", "0-of-3"),
        conventional=("database", "sha-256"),
    ),
    Headline(
        stolen="the same, and the files of 1 key server; there, the application's key",
        paravent=("key-servers", "1-of-3"), conventional=("key-servers", "encrypted"),
    ),
    Headline(
        stolen="the same, and the files of 2 key servers", paravent=("key-servers", "2-of-3"),
        conventional=("key-servers", "encrypted"),
    ),
    Headline(
        stolen="old backups, and today's stores of all, after an epoch's end", paravent=("old-backups", "all-deleted"),
        conventional=("old-backups", "encrypted"),
    ),
    Headline(
        stolen="one optician's device key for a day; there, a password", paravent=("device-key", "p1-c0-d1-processes"),
        conventional=("stolen-password", "encrypted"),
    ),
    Headline(
        stolen="the same, and the files of 1 key server", paravent=("device-key", "p1-c1-d1-processes"),
        conventional=("stolen-password", "encrypted"),
    ),
)  # fmt: skip


def write(root: Path, rows: Sequence[Row]) -> None:
    """Writes rows, and the tables made of them, into the documents under a folder."""
    path = root / ROWS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    for file, text in ((DOCUMENT, whole_table(rows)), (README, headline_table(rows))):
        document = root / file
        document.write_text(placed(document.read_text(encoding="utf-8"), text), encoding="utf-8")


def read(root: Path) -> list[Row]:
    """Reads the rows that were kept."""
    return [msgspec.json.decode(line, type=Row) for line in (root / ROWS).read_bytes().splitlines()]


def placed(document: str, text: str) -> str:
    """Puts a text between the markers of a document; raises InvalidConfiguration when it has none."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(document)) != 1:
        raise InvalidConfiguration(f"a document needs {BEGIN} and {END} once each")
    return pattern.sub(lambda _: f"{BEGIN}\n{text}{END}", document)


def headline_table(rows: Iterable[Row]) -> str:
    """Writes the README's lines: persons opened on each platform."""
    found = {(row.platform, row.scenario, row.case): row for row in rows}
    lines = ["| stolen | Paravent: persons opened | bound | conventional: persons opened |", "|---|---|---|---|"]
    for headline in HEADLINES:
        ours = found[PlatformName.PARAVENT, *headline.paravent]
        theirs = found[PlatformName.CONVENTIONAL, *headline.conventional]
        lines.append(
            f"| {headline.stolen} | {_number(ours.opened)} | {_number(ours.bound)} | {_number(theirs.opened)} |"
        )
    return "".join(f"{line}\n" for line in lines)


def whole_table(rows: Iterable[Row]) -> str:
    """Writes every row; cases with the same figures share a line."""
    cases: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        figures = (row.opened, row.bound, row.membership, row.detected_after, row.computed)
        line = (row.scenario, row.platform.value, row.not_applicable or "", *map(_number, figures))
        cases.setdefault(line, []).append(row.case)
    lines = [
        "| scenario | platform | cases | opened | bound | membership | detected after | computed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (scenario, platform, reason, *numbers), names in cases.items():
        told = f"not applicable: {reason}" if reason else ", ".join(names)
        lines.append(f"| `{scenario}` | {platform} | {told} | {' | '.join(numbers)} |")
    return "".join(f"{line}\n" for line in lines)


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
