"""A document as text that can be copied, as JSON, and as PDF: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from paravent.breach.documents.model import Document, Section, View, without_marks
from paravent.pages.pdf import Language, Letterhead, render_pdf
from paravent.pages.typography import french

NOTICE = french(
    "Entre crochets : le numéro de la ligne du journal dont vient ce qui précède. Le journal est dans le dossier de preuves."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The three forms of one document."""

    name: str
    text: bytes
    json: bytes
    pdf: bytes

    def files(self) -> dict[str, bytes]:
        """Returns the files by name."""
        return {f"{self.name}.txt": self.text, f"{self.name}.json": self.json, f"{self.name}.pdf": self.pdf}


def render(document: Document, view: View, sources: Mapping[int, str]) -> Rendered:
    """Lays a document out; ``sources`` gives the leaf hash (hexadecimal) of each entry by position."""
    document = _typeset(document)
    shown = tuple(_section(document, section) for section in document.sections)
    cited = [{"entry": position, "leaf_hash": sources[position]} for position in document.sources()]
    return Rendered(
        name=document.name, text=_text(document, shown), json=_json(document, view, cited),
        pdf=_pdf(document, view, shown),
    )  # fmt: skip


def _typeset(document: Document) -> Document:
    """Sets every text in French typography."""
    sections = tuple(
        Section(
            heading=french(section.heading), paragraphs=tuple(map(french, section.paragraphs)),
            columns=tuple(map(french, section.columns)),
            rows=tuple(tuple(map(french, row)) for row in section.rows),
        )
        for section in document.sections
    )  # fmt: skip
    return Document(
        name=document.name, title=french(document.title), recipient=french(document.recipient), sections=sections,
        public=document.public,
    )  # fmt: skip


def _section(document: Document, section: Section) -> Section:
    """Takes the marks out of a section for the public."""
    return Section(
        heading=section.heading, paragraphs=tuple(_shown(document, text) for text in section.paragraphs),
        columns=section.columns, rows=tuple(tuple(_shown(document, cell) for cell in row) for row in section.rows),
    )  # fmt: skip


def _shown(document: Document, text: str) -> str:
    return without_marks(text) if document.public else text


def _text(document: Document, shown: tuple[Section, ...]) -> bytes:
    lines = [document.title, french(f"Destinataire : {document.recipient}"), ""]
    for section in shown:
        lines += [section.heading, *section.paragraphs]
        if section.columns:
            lines += [" | ".join(section.columns), *(" | ".join(row) for row in section.rows)]
        lines.append("")
    return ("\n".join(lines) if document.public else "\n".join([*lines, NOTICE, ""])).encode()


def _json(document: Document, view: View, cited: list[dict[str, object]]) -> bytes:
    values = {
        "case": view.case, "name": document.name, "title": document.title, "recipient": document.recipient,
        "written_at": view.now,
        "sections": [
            {
                "heading": section.heading, "paragraphs": section.paragraphs, "columns": section.columns,
                "rows": section.rows,
            }
            for section in document.sections
        ],
        "sources": cited,
    }  # fmt: skip
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def _pdf(document: Document, view: View, shown: tuple[Section, ...]) -> bytes:
    head = Letterhead(
        title=document.title, language=Language.FRENCH, issuer=(view.operator, french(f"Contact : {view.contact}")),
        recipient=(document.recipient,), reference=f"dossier {view.case}",
        day=datetime.fromtimestamp(view.now, UTC).date(), notices=() if document.public else (NOTICE,),
    )  # fmt: skip
    return render_pdf("sections", head, {"sections": shown}, created_at=view.now)
