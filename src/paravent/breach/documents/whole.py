"""Every document of a case: which there are, for whom (docs/protocol.md section 16): pure."""

from __future__ import annotations

from paravent.breach.documents import controllers, justice, persons, register
from paravent.breach.documents.lexicon import explained
from paravent.breach.documents.model import Document, View
from paravent.breach.documents.references import References


def documents(view: View, references: References) -> list[Document]:
    """Writes the documents of a case: five for each insurer that has something to decide, seven for all.

    An insurer whose exposure is zero is told so, and decides: it has its five documents as well.
    """
    found: list[Document] = []
    for insurer in sorted(view.exposures):
        found += [
            controllers.notice(view, insurer),
            controllers.notification(view, insurer, references.form, complementary=False),
            controllers.notification(view, insurer, references.form, complementary=True),
            persons.decision(view, insurer), persons.letter(view, insurer),
        ]  # fmt: skip
    found += [
        persons.press(view), persons.counter(view), justice.complaint(view), justice.offences(view, references.offences),
        justice.professionals(view), justice.deadlines(view, references.contacts), register.register(view),
    ]  # fmt: skip
    return [explained(document) for document in found]
