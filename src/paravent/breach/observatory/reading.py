"""Any file of incidents, recognised by its content: VERIS, STIX or the sector's list (docs/watch.md section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from paravent.breach.observatory.cnil import Extraction, is_extraction, read_extraction
from paravent.breach.observatory.incident import Incident, Rejected
from paravent.breach.observatory.json_records import RECORD_BYTES_MAX, TooLong, lines, records
from paravent.breach.observatory.sector import is_sector_file, read_sector
from paravent.breach.observatory.stix import is_bundle, read_bundle
from paravent.breach.observatory.veris import NotAnIncident, read_veris

CSV_BYTES_MAX = 134_217_728


def read_file(name: str, first: bytes, chunks: Iterable[bytes]) -> Iterator[Incident | Extraction | Rejected]:
    """Yields what a file holds: incidents, an extraction of the CNIL, and what is refused with its reason.

    ``first`` is the beginning of the file, at least 64 bytes of it; ``chunks`` is all of it.
    """
    if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}:
        yield from _json(name, chunks)
        return
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > CSV_BYTES_MAX:
            yield Rejected(place=name, reason=f"the file is over {CSV_BYTES_MAX} bytes")
            return
    yield from _csv(name, bytes(content))


def _csv(name: str, content: bytes) -> Iterator[Incident | Extraction | Rejected]:
    if is_extraction(content[:64].decode("cp1252", "replace")):
        try:
            yield read_extraction(content.decode("cp1252"))
        except UnicodeDecodeError:
            yield Rejected(place=name, reason="the file of the CNIL is not in code page 1252")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if is_sector_file(text):
        yield from read_sector(text)
    else:
        yield Rejected(place=name, reason="this is neither VERIS, STIX, the CNIL's file nor a list of incidents")


def _json(name: str, chunks: Iterable[bytes]) -> Iterator[Incident | Rejected]:
    number = 0
    try:
        for number, record in enumerate(records(chunks), start=1):
            yield from _record(f"{name} record {number}", record)
    except TooLong:
        reason = f"it has no end within {RECORD_BYTES_MAX} bytes: nothing after it was read"
        yield Rejected(place=f"{name} record {number + 1}", reason=reason)


def _record(place: str, text: bytes) -> Iterator[Incident | Rejected]:
    """Reads one record of a JSON file: an incident, a bundle of several, or none."""
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _line_by_line(place, text)
        return
    yield from _decoded(place, record)


def _line_by_line(place: str, text: bytes) -> Iterator[Incident | Rejected]:
    """Reads what is not JSON once more, for the records on lines of their own that a broken one swallowed."""
    for line in lines(text):
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(record, dict) and "incident_id" in record:
            yield from _decoded(place, record)
    yield Rejected(place=place, reason="it is not JSON")


def _decoded(place: str, record: object) -> Iterator[Incident | Rejected]:
    identifier = ""
    try:
        if is_bundle(record):
            for identifier, found in read_bundle(record):
                if isinstance(found, Incident):
                    yield found
                else:
                    yield Rejected(place=place, identifier=identifier, reason=str(found))
            return
        identifier = str(record.get("incident_id", "")) if isinstance(record, dict) else ""
        yield read_veris(record)
    except NotAnIncident as reason:
        yield Rejected(place=place, identifier=identifier, reason=str(reason))
