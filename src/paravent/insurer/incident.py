"""What the breach desk tells of a case for members, verified (docs/protocol.md section 16, step 16.7): pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paravent.crypto.labels import Label, dec
from paravent.crypto.signing import VerifyKey
from paravent.errors import InvalidConfiguration, MalformedMessage, UnknownParty
from paravent.wire.case import ComplaintTemplate, IncidentTold, LetterField
from paravent.wire.statements import Directory, Signed, open_statement

_FIELD = re.compile(r"\{\{([^{}]*)\}\}")


def read_incident(signed: Signed, directory: Directory, amc: str) -> IncidentTold:
    """Verifies a file: the breach desk of the directory signed it, for this insurer, with this insurer's labels.

    Raises UnknownParty when the directory has no breach desk, ProofFailure, MalformedMessage, or InvalidConfiguration
    when it is for another insurer.
    """
    desk = directory.breach_desk
    if desk is None:
        raise UnknownParty("the directory lists no breach desk")
    told = open_statement(signed, IncidentTold, Label.CASE_INCIDENT, desk.name, VerifyKey(desk.verify_key))
    if told.insurer != amc or any(dec(Label.OPEN, label, 4)[0] != amc.encode() for label in told.labels):
        raise InvalidConfiguration("this incident is told to another insurer")
    if not {name for each in told.complaint.paragraphs for name in _FIELD.findall(each)} <= set(LetterField):
        raise MalformedMessage("the letter to fill in has a field that is not known")
    return told


def handles_of(told: IncidentTold) -> list[tuple[int, bytes]]:
    """Lists (epoch, handle) of the records that were opened; raises MalformedMessage."""
    found = []
    for label in told.labels:
        _, epoch, _, handle = dec(Label.OPEN, label, 4)
        if len(epoch) != 8:
            raise MalformedMessage("a label has another form")
        found.append((int.from_bytes(epoch, "big"), handle))
    return found


def filled(template: ComplaintTemplate, values: Mapping[LetterField, str]) -> tuple[str, ...]:
    """Writes the paragraphs of a complaint with what the person filled in; a value is never read as a field."""
    return tuple(_FIELD.sub(lambda found: values[LetterField(found[1])], each) for each in template.paragraphs)
