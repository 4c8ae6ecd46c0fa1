"""Every document of a case: which there are, for whom (docs/protocol.md section 16): pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents import controllers, justice, persons, register
from paravent.breach.documents.model import Document, View
from paravent.breach.duties_rules import Contact


def documents(view: View, contacts: Sequence[Contact], offences: Sequence[justice.Offence]) -> list[Document]:
    """Writes the documents of a case: five for each insurer that has something to decide, seven for all.

    An insurer whose exposure is zero is told so, and decides: it has its five documents as well.
    """
    found: list[Document] = []
    for insurer in sorted(view.exposures):
        found += [
            controllers.notice(view, insurer), controllers.notification(view, insurer, complementary=False),
            controllers.notification(view, insurer, complementary=True), persons.decision(view, insurer),
            persons.letter(view, insurer),
        ]  # fmt: skip
    return [
        *found, persons.press(view), persons.counter(view), justice.complaint(view), justice.offences(view, offences),
        justice.professionals(view), justice.deadlines(view, contacts), register.register(view),
    ]  # fmt: skip
