"""Records of processing (GDPR article 30), from what parties signed of their configuration: pure.

Nothing is typed for them: names, figures and measures come from signed reports, the directory and the register of
contracts. What none of these can know stands as "à compléter" (docs/governance.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from paravent.access.doctor.rules import DoctorRules
from paravent.breach.registers.contracts import Contract
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Name
from paravent.wire.doctor import DoctorReport, Outcome
from paravent.wire.statements import Directory

TO_COMPLETE = "à compléter"
ARTICLES = {"controller": "RGPD art. 30(1)", "processor": "RGPD art. 30(2)"}


class Processing(Message, frozen=True, kw_only=True):
    """What one kind of party does, in the words of its record; braces name settings of its report."""

    kind: Name
    role: Literal["controller", "processor"]
    title: str
    holder: str
    purposes: tuple[str, ...]
    persons: tuple[str, ...]
    data: tuple[str, ...]
    recipients: tuple[str, ...]
    retention: tuple[str, ...]


class ProcessingTexts(Message, frozen=True, kw_only=True):
    """The rows known from a day on, and what they are worth."""

    valid_from: date
    status: str
    processing: tuple[Processing, ...]


class Record(Message, frozen=True, kw_only=True):
    """One record, as article 30 lists it; ``measures`` are what checks established, with the day."""

    article: str
    party: str
    title: str
    holder: str
    contact: str
    controllers: tuple[str, ...]
    purposes: tuple[str, ...]
    persons: tuple[str, ...]
    data: tuple[str, ...]
    recipients: tuple[str, ...]
    transfers: str
    retention: tuple[str, ...]
    measures: tuple[str, ...]
    not_established: tuple[str, ...]
    report_sha256: str
    reported_at: int


def read_texts(content: bytes) -> ProcessingTexts:
    """Reads the file of rows; raises InvalidConfiguration when a kind of party stands twice."""
    try:
        texts = msgspec.toml.decode(content, type=ProcessingTexts)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"the file of processing is not one: {error}") from None
    kinds = [row.kind for row in texts.processing]
    if len(set(kinds)) != len(kinds):
        raise InvalidConfiguration("each kind of party has one row")
    return texts


def latest(reports: Iterable[tuple[str, DoctorReport]]) -> list[tuple[str, DoctorReport]]:
    """Keeps the latest report of each party, with its SHA-256 (hexadecimal)."""
    found: dict[str, tuple[str, DoctorReport]] = {}
    for digest, report in reports:
        if report.party not in found or report.at > found[report.party][1].at:
            found[report.party] = (digest, report)
    return [found[party] for party in sorted(found)]


def records(
    reports: Sequence[tuple[str, DoctorReport]], texts: ProcessingTexts, rules: DoctorRules, directory: Directory,
    contracts: Sequence[Contract],
) -> list[Record]:  # fmt: skip
    """Writes the record of each party that reported; the operator's name comes from the breach desk's own report."""
    rows = {row.kind: row for row in texts.processing}
    settings = {report.party: {one.name: one.value for one in report.settings} for _, report in reports}
    desk = next((settings[report.party] for _, report in reports if report.kind == "breach"), {})
    return [
        _record(digest, report, rows[report.kind], _known(report.kind, settings[report.party], desk), rules, directory,
                contracts)
        for digest, report in reports if report.kind in rows
    ]  # fmt: skip


def _known(kind: str, own: Mapping[str, str], desk: Mapping[str, str]) -> Mapping[str, str]:
    """The hub is the operator's, whose name and contact the breach desk holds."""
    operator = {name: desk[name] for name in ("operator", "contact") if name in desk} if kind == "hub" else {}
    return {**operator, **own}


def _record(
    digest: str, report: DoctorReport, row: Processing, known: Mapping[str, str], rules: DoctorRules,
    directory: Directory, contracts: Sequence[Contract],
) -> Record:  # fmt: skip
    def said(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(text.format_map(_Known(known)) for text in texts)

    day = datetime.fromtimestamp(report.at, UTC).date()
    processor = row.role == "processor"
    return Record(
        article=ARTICLES[row.role], party=report.party, title=row.title, holder=said([row.holder])[0],
        contact=known.get("contact", TO_COMPLETE),
        controllers=tuple(_controllers(directory, contracts, day)) if processor else (),
        purposes=row.purposes, persons=row.persons, data=row.data,
        recipients=(*said(row.recipients), *(_processors(report.kind, directory, contracts, day))),
        transfers=f"hors de l'Union européenne : {TO_COMPLETE}", retention=said(row.retention),
        measures=tuple(
            f"{rules.rule(one.check).proves} [{one.check}, {day.isoformat()}]"
            for one in report.results if one.outcome is Outcome.OK
        ),
        not_established=tuple(
            f"{rules.rule(one.check).title} : {'en défaut' if one.outcome is Outcome.WRONG else 'inconnu'}"
            for one in report.results if one.outcome is not Outcome.OK
        ),
        report_sha256=digest, reported_at=report.at,
    )  # fmt: skip


def _controllers(directory: Directory, contracts: Sequence[Contract], day: date) -> Iterable[str]:
    """Names each controller, with the contact that its contract in force gives."""
    contacts = {one.insurer: one.contact for one in contracts if one.insurer is not None and one.in_force(day)}
    for entry in directory.insurers:
        yield f"{entry.name} (AMC {entry.amc}), contact : {contacts.get(entry.amc, TO_COMPLETE)}"


def _processors(kind: str, directory: Directory, contracts: Sequence[Contract], day: date) -> Iterable[str]:
    """Names the processors of the operator, and of the insurers: key servers, and those of contracts in force."""
    if kind not in {"hub", "insurer"}:
        return
    for server in directory.keyservers:
        yield f"serveur de clés {server.name} : {server.operator}, hébergé par {server.host}"
    if kind == "hub":
        for one in contracts:
            if one.under and one.in_force(day):
                hds = f", HDS {one.hds.certificate} jusqu'au {one.hds.expires_on.isoformat()}" if one.hds else ""
                yield f"sous-traitant ultérieur {one.processor} (contrat {one.reference}{hds})"


class _Known(dict[str, str]):
    """Settings by name; one that the report does not give, or gives empty, is to be completed."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__({name: value for name, value in values.items() if value})

    def __missing__(self, name: str) -> str:
        return TO_COMPLETE
