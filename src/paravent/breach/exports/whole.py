"""Every export of a case, by file name: pure."""

from __future__ import annotations

from paravent.breach.documents.model import View
from paravent.breach.exports import misp, registers, stix, veris
from paravent.breach.exports.identifiers import as_json


def exports(view: View) -> dict[str, bytes]:
    """Writes the files."""
    return {
        "veris-1.4.1.json": as_json(veris.incident(view)), "stix-2.1.json": as_json(stix.bundle(view)),
        "misp-event.json": as_json(misp.event(view)), "dfir-iris-alert.json": as_json(registers.iris_alert(view)),
        "ciso-assistant-data-breaches.json": as_json(registers.ciso_breaches(view)),
        "cnil-pia.json": as_json(registers.pia(view)),
    }  # fmt: skip
