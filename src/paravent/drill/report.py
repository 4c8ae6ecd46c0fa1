"""The drill's rows as tables in the documents: kept as JSON lines, written between markers (docs/drill.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from paravent.drill.row import PlatformName, Row
from paravent.errors import InvalidConfiguration
from paravent.pages.chart import Chart, Kind, Series, Value, svg

ROWS = Path("docs") / "reports" / "drill.jsonl"
DOCUMENT = Path("docs") / "drill.md"
CHART = Path("docs") / "reports" / "drill.svg"
README = Path("README.md")
BEGIN, END = "<!-- drill: written by make drill -->", "<!-- drill: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One line of the README and two bars: what is stolen, and the cases that stand for it on each platform."""

    short: str
    stolen: str
    paravent: tuple[str, str]
    conventional: tuple[str, ...]


HEADLINES = (
    Headline(
        short="database", stolen="copy of the database", paravent=("database", "0-of-3"),
        conventional=("database", "sha-256", "encrypted"),
    ),
    Headline(
        short="database, key server", stolen="the same, and the files of 1 key server; there, the application's key",
        paravent=("key-servers", "1-of-3"), conventional=("key-servers", "encrypted"),
    ),
    Headline(
        short="database, 2 key servers", stolen="the same, and the files of 2 key servers",
        paravent=("key-servers", "2-of-3"), conventional=("key-servers", "encrypted"),
    ),
    Headline(
        short="old backups", stolen="old backups, and today's stores of all, after an epoch's end",
        paravent=("old-backups", "all-deleted"), conventional=("old-backups", "encrypted"),
    ),
    Headline(
        short="device key, 1 day", stolen="one optician's device key for a day; there, a password",
        paravent=("device-key", "p1-c0-d1-processes"),
        conventional=("stolen-password", "encrypted", "encrypted-60-a-day"),
    ),
    Headline(
        short="device key, key server", stolen="the same, and the files of 1 key server",
        paravent=("device-key", "p1-c1-d1-processes"), conventional=("stolen-password", "encrypted"),
    ),
    Headline(
        short="phished session, 3 days", stolen="a phished session at the identity provider: 72 hours, then three days",
        paravent=("provider-session", "c0-then-d3"), conventional=("provider-session", "encrypted"),
    ),
    Headline(
        short="memory of the hub", stolen="root on the hub, its memory read while an optician sells",
        paravent=("memory", "hub"), conventional=("memory", "encrypted"),
    ),
    Headline(
        short="insurer's bulk key", stolen="an insurer's bulk key, with the database; there, with one night's file",
        paravent=("insurer-bulk-key", "key+0-key-servers"), conventional=("insurer-bulk-key", "nightly-file"),
    ),
    Headline(
        short="malware on a desk", stolen="malware on a desk that serves 14 customers",
        paravent=("desk-malware", "and-by-card"),
        conventional=("desk-malware", "encrypted", "encrypted-60-a-day"),
    ),
)  # fmt: skip


def write(root: Path, rows: Sequence[Row]) -> None:
    """Writes rows, and the tables made of them, into the documents under a folder."""
    path = root / ROWS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    (root / CHART).write_text(drawn(rows), encoding="utf-8")
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
    found = _by_case(rows)
    lines = ["| stolen | Paravent: persons opened | bound | conventional: persons opened |", "|---|---|---|---|"]
    for one in HEADLINES:
        ours, theirs = found[PlatformName.PARAVENT, *one.paravent], _theirs(one, found)
        there = _number(theirs[0].opened)
        if len(theirs) > 1:
            there = ", ".join(f"{_number(row.opened)} ({row.case})" for row in theirs)
        lines.append(f"| {one.stolen} | {_number(ours.opened)} | {_number(ours.bound)} | {there} |")
    return "".join(f"{line}\n" for line in lines)


def drawn(rows: Iterable[Row]) -> str:
    """Draws the same lines as bars; of several variants of the conventional platform, the first that is named."""
    found = _by_case(rows)
    ours = tuple(_value(found[PlatformName.PARAVENT, *one.paravent]) for one in HEADLINES)
    theirs = tuple(_value(_theirs(one, found)[0]) for one in HEADLINES)
    persons = max(row.persons or 0 for row in found.values())
    chart = Chart(
        identifier="drill", title="Persons opened by each theft",
        description=f"Persons whose contract a thief reads, of {persons:,}; the README has a table of the same.",
        kind=Kind.BARS, axis="stolen", unit="persons", labels=tuple(one.short for one in HEADLINES),
        series=(Series(name="Paravent", values=ours), Series(name="conventional platform", values=theirs)),
    )  # fmt: skip
    return svg(chart, "en") + "\n"


def _by_case(rows: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    return {(row.platform, row.scenario, row.case): row for row in rows}


def _theirs(headline: Headline, found: Mapping[tuple[str, ...], Row]) -> list[Row]:
    scenario, *cases = headline.conventional
    return [found[PlatformName.CONVENTIONAL, scenario, case] for case in cases]


def _value(row: Row) -> Value | None:
    return None if row.opened is None else Value(value=row.opened)


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
