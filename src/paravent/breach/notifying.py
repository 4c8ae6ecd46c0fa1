"""Writing every document of a case and recording that they were written (docs/protocol.md section 16)."""

from __future__ import annotations

from collections.abc import Mapping

from paravent.breach.calendar_file import calendar_of
from paravent.breach.case import OPERATOR
from paravent.breach.closing import closing
from paravent.breach.config import BreachConfig
from paravent.breach.documents import register
from paravent.breach.documents.model import Affair, View
from paravent.breach.documents.references import References
from paravent.breach.documents.render import render
from paravent.breach.documents.whole import documents
from paravent.breach.duties import duties
from paravent.breach.duties_rules import DutyRules
from paravent.breach.entries import AffairKnown, Computed, Documented, Placed, Safeguards, Stolen
from paravent.breach.measured import Measured
from paravent.breach.registers.contracts import Promise
from paravent.breach.requests import requests
from paravent.breach.safeguards import Safeguard, read_statement
from paravent.breach.severity import severities
from paravent.breach.standing import opened, standing
from paravent.breach.store import Store
from paravent.crypto.merkle import leaf_hash
from paravent.errors import InvalidConfiguration
from paravent.wire.statements import Directory


def view_of(
    store: Store, case: str, config: BreachConfig, directory: Directory, measured: Measured, rules: DutyRules, now: int,
    promised: Mapping[str, Promise] | None = None,
) -> View:  # fmt: skip
    """Gathers a case for its documents.

    Raises InvalidConfiguration before ``affected`` was computed, and once the case was closed.
    """
    placed = store.entries(case)
    if closing(placed) is not None:
        raise InvalidConfiguration("this case was closed as a false alarm: there is nobody to tell")
    entries = standing(placed)
    exposures = {each.entry.said.insurer: each for each in entries if isinstance(each.entry.said, Computed)}
    if not exposures:
        raise InvalidConfiguration("no exposure was computed for this case: run affected first")
    computed = [each.entry.said for each in entries if isinstance(each.entry.said, Computed)]
    stolen = [each.entry.said for each in entries if isinstance(each.entry.said, Stolen)]
    rows = sum(newest.count for amc in exposures if (newest := measured.newest(amc)) is not None)
    names = {entry.amc: entry.name for entry in directory.insurers}
    return View(
        case=case, operator=config.operator, contact=config.contact, now=now, start=opened(entries), entries=entries,
        exposures=exposures, names={amc: names.get(amc, amc) for amc in exposures},
        duties=duties(rules, entries, exposures, promised),
        severity=severities(stolen, sum(one.estimate for one in computed), rows), affair=_affair(entries),
        requests=requests(entries), safeguards=_safeguards(store, entries),
    )  # fmt: skip


def write(store: Store, view: View, references: References, *, record: bool = True) -> dict[str, bytes]:
    """Writes every document; returns the files by name, and records each by its digest."""
    sources = {position: leaf_hash(leaf).hex() for position, leaf in enumerate(store.leaves())}
    files: dict[str, bytes] = {}
    for document in documents(view, references):
        files |= render(document, view, sources).files()
    rows = register.rows(view)
    files["12-registre-des-violations.csv"] = register.as_csv(rows)
    files["12-registre-des-violations.xlsx"] = register.as_xlsx(rows, view.now)
    files["11-echeances.ics"] = calendar_of(view.case, view.duties, view.requests, view.now)
    if record:
        for name, content in files.items():
            said = Documented(name=name, sha256=store.keep_file(content))
            store.add(view.case, said, role=OPERATOR, now=view.now)
    return files


def _safeguards(store: Store, entries: list[Placed]) -> tuple[Placed, list[Safeguard]] | None:
    for each in reversed(entries):
        if isinstance(each.entry.said, Safeguards):
            return each, read_statement(store.file(each.entry.said.sha256))
    return None


def _affair(entries: list[Placed]) -> Affair:
    found = [each.entry.said for each in entries if isinstance(each.entry.said, AffairKnown)]
    if not found:
        return Affair()
    return Affair(recipient=found[-1].recipient, reference=found[-1].reference, address=found[-1].address)
