"""What a case lets an insurer tell its members (docs/protocol.md section 16, step 16.7): pure.

It holds no member: labels, which that insurer alone can turn into some. The sentences are those of the documents for
the public, without marks; what the desk still has to complete is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents import common, persons
from paravent.breach.documents.justice import complaint_template
from paravent.breach.documents.model import UNKNOWN, Section, View, without_marks
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration
from paravent.wire.case import ComplaintTemplate, IncidentTold, Passage
from paravent.wire.statements import Directory, Signed, sign_statement


def incident_of(view: View, insurer: str, labels: Sequence[bytes]) -> IncidentTold:
    """Writes what an insurer is told; raises InvalidConfiguration while complaints of this case have no address."""
    template = complaint_template(view)
    if UNKNOWN in {template.recipient, template.reference, template.address}:
        raise InvalidConfiguration("where complaints of this case go is not said yet: run affair first")
    return IncidentTold(
        case=view.case, insurer=insurer, title=view.opened.title, facts=view.opened.facts, copied=common.copied(view),
        letter=tuple(map(_passage, persons.letter(view, insurer).sections)),
        complaint=ComplaintTemplate(
            recipient=template.recipient, reference=template.reference, address=template.address,
            paragraphs=tuple(map(without_marks, template.paragraphs)),
        ),
        labels=tuple(sorted(labels)), told_at=view.now,
    )  # fmt: skip


def sign_incident(told: IncidentTold, directory: Directory, key: SigningKey) -> Signed:
    """Signs it as the breach desk of the directory; raises InvalidConfiguration when the key is another's."""
    desk = directory.breach_desk
    if desk is None or bytes(key.public) != desk.verify_key:
        raise InvalidConfiguration("the directory does not list this breach desk: sign it again with --breach-desk")
    return sign_statement(told, Label.CASE_INCIDENT, desk.name, key)


def _passage(section: Section) -> Passage:
    shown = (without_marks(text) for text in section.paragraphs if UNKNOWN not in text)
    return Passage(heading=section.heading, paragraphs=tuple(shown))
