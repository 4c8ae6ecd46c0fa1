"""``paravent watch``: the observatory of the sector's incidents (docs/watch.md)."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach.campaigns.cli import campaign_group
from paravent.breach.committee.cli import add_committee_verb
from paravent.breach.observatory.cnil import Extraction
from paravent.breach.observatory.counts import Report, chosen, notification_counts, report
from paravent.breach.observatory.incident import Incident, Rejected, VictimType
from paravent.breach.observatory.page import page, sentences, spreadsheet
from paravent.breach.observatory.reading import read_file
from paravent.breach.observatory.store import SHIPPED, Store, chunks, members
from paravent.breach.observatory.texts import ENGLISH, FRENCH, said
from paravent.breach.registers.cli import add_measure_verbs
from paravent.breach.registers.contract_cli import add_contract_verbs
from paravent.breach.registers.exchange_cli import add_exchange_verbs
from paravent.breach.registers.records_cli import add_record_verbs
from paravent.breach.rules_cli import add_rules_verb
from paravent.errors import InvalidConfiguration

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_LISTED = 50


@click.group(name="watch", help="The observatory: incidents of the sector, read, counted, compared.")
def group() -> None:
    """Groups the verbs of the observatory."""


class _Import:
    """One import: what is kept is counted, what is refused is listed."""

    def __init__(self) -> None:
        self.records = 0
        self.rejected: list[Rejected] = []
        self.extraction: Extraction | None = None

    def incidents(self, path: Path) -> Iterator[Incident]:
        """Yields the incidents of a file or an archive, one at a time."""
        for name, file in members(path):
            pieces = chunks(file)
            first = next(pieces, b"")
            for found in read_file(name, first[:64], chain([first], pieces)):
                match found:
                    case Incident():
                        self.records += 1
                        yield found
                    case Rejected():
                        self.rejected.append(found)
                    case Extraction():
                        self.records += len(found.notifications)
                        self.rejected += found.rejected
                        self.extraction = found


@verb(
    group,
    "Import incidents: VERIS or STIX (JSON, zip), the CNIL's notifications or the sector's list (CSV).",
    name="import",
)
@click.argument("file", type=_EXISTING, required=False)
@click.option("--sector", is_flag=True, help="Import the list of incidents that is shipped with the program.")
@dry_run_option
def import_file(home: Path, file: Path | None, sector: bool, dry_run: bool) -> Said:
    """Imports a file."""
    if (file is None) is not sector:
        raise InvalidConfiguration("give one file, or --sector")
    started = time.monotonic()
    reading = _Import()
    found = reading.incidents(file or SHIPPED / "sector-incidents.csv")
    new = 0
    if dry_run:
        for _ in found:
            pass
    else:
        with Store(home) as store:
            new = store.keep(found)
            if reading.extraction is not None and reading.extraction.notifications:
                store.replace_notifications(reading.extraction.extracted, reading.extraction.notifications)
    values = {
        "records": reading.records, "new": new, "rejected": len(reading.rejected),
        "rejects": [msgspec.structs.asdict(one) for one in reading.rejected],
        "seconds": round(time.monotonic() - started, 3),
    }  # fmt: skip
    lines = [f"REFUSED {one.place} {one.identifier}: {one.reason}" for one in reading.rejected[:_LISTED]]
    if len(reading.rejected) > _LISTED:
        lines.append(f"... and {len(reading.rejected) - _LISTED} more: --json lists every one")
    lines.append(f"{reading.records} records read, {new} of them new; {len(reading.rejected)} refused")
    return Said(text="\n".join(lines), values=values)


@verb(group, "Count the incidents imported; with --out, write it as HTML, PDF and CSV.", name="report")
@click.option("--industry", default=None, help="Prefix of the victim's NAICS code: 62, 622.")
@click.option("--victim", type=click.Choice([kind.value for kind in VictimType]), default=None)
@click.option("--country", default=None, help="Country of the victim, as the source spells it: FR.")
@click.option("--lang", type=click.Choice([FRENCH, ENGLISH]), default=FRENCH)
@click.option("--out", type=_FOLDER, default=None, help="Folder for report.html, report.pdf and report.csv.")
def report_counts(
    home: Path, industry: str | None, victim: str | None, country: str | None, lang: str, out: Path | None
) -> Said:
    """Reports."""
    kind = None if victim is None else VictimType(victim)
    with Store(home) as store:
        found = report(chosen(store.incidents(), industry, kind, country), datetime.fromtimestamp(cli.now(), UTC).year)
        extracted = store.extracted()
        notified = notification_counts(store.notifications()) if extracted is not None else None
    with (SHIPPED / "official-figures.csv").open(encoding="utf-8", newline="") as file:
        official = list(csv.DictReader(file))
    notice = "" if notified is None else f"{said('notifications', lang).format(extracted=extracted)} : {notified}"
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.html").write_text(page(found, lang, official, notice), encoding="utf-8")
        # Imported here: counting needs no layout engine.
        from paravent.breach.observatory.printed import printed

        (out / "report.pdf").write_bytes(printed(found, lang, official, notice, now=cli.now()))
        (out / "report.csv").write_text(spreadsheet(found), encoding="utf-8", newline="")
    values = msgspec.to_builtins(found) | {"official": official, "cnil": notified}
    return Said(text="\n".join(_lines(found, lang, notice)), values=values)


def _lines(found: Report, lang: str, notice: str) -> Iterator[str]:
    """Writes a report for a terminal."""
    yield f"{said('title', lang)} ; {said('records', lang)} : {found.records}"
    yield from sentences(found, lang)
    for name in ("by_year", "by_attack", "by_victim", "by_action", "by_vector", "without"):
        yield said(name, lang)
        yield from (f"  {word:32} {count:8}" for word, count in list(getattr(found, name).items())[:_LISTED])
    if notice:
        yield notice


add_measure_verbs(group)
add_contract_verbs(group)
add_record_verbs(group)
add_exchange_verbs(group)
add_committee_verb(group)
add_rules_verb(group)
group.add_command(campaign_group)
