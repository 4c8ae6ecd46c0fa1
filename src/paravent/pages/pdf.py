"""Documents as PDF, laid out by Typst from a template of the package (docs/decisions, page on Typst).

What a document says is data: it reaches the template as one JSON value and is never part of its source, so that
no name or sentence can become markup or code. The same input gives the same bytes. The fonts are those embedded
in Typst, whatever the machine has; nothing is fetched. The file is tagged (PDF/UA-1) and kept for long (PDF/A-2a);
with a character that those fonts lack, it shows an empty box, stays tagged and claims neither standard.
It decides nothing of what a document says, and writes no file.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec
import typst

from paravent.errors import TechnicalFailure
from paravent.pages.store import TEMPLATES, template_names
from paravent.wire.codec import Message, Natural

Line = Annotated[str, msgspec.Meta(max_length=400)]
_STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]


class Language(StrEnum):
    """Language of a document: what the layout writes by itself, hyphenation, and what a screen reader says."""

    FRENCH = "fr"
    ENGLISH = "en"


class Letterhead(Message, frozen=True, kw_only=True):
    """What every document has around its content: who writes, to whom, what about, on which day.

    ``issuer`` and ``recipient`` are lines of an address, the first being the name; ``recipient`` may be empty.
    ``notices`` stand in the footer of every page, above the page numbers.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    language: Language
    issuer: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=8)]
    recipient: Annotated[tuple[Line, ...], msgspec.Meta(max_length=8)] = ()
    reference: Line = ""
    day: date
    notices: Annotated[tuple[Line, ...], msgspec.Meta(max_length=4)] = ()


class _Document(Message, frozen=True, kw_only=True):
    """The one value that a template reads."""

    letterhead: Letterhead
    content: object


def render_pdf(template: str, letterhead: Letterhead, content: object, *, created_at: Natural) -> bytes:
    """Lays out a document; ``content`` is what its template reads, a message or JSON-able values.

    ``created_at`` (Unix seconds) is the creation date written in the file. Raises TechnicalFailure when there is
    no such template, or when the content is not what it reads: the reason of Typst is not repeated, because it can
    quote the content.
    """
    if template not in template_names():
        raise TechnicalFailure(f"there is no document of this name: {template[:40]}")
    document = msgspec.json.encode(_Document(letterhead=letterhead, content=content)).decode()
    try:
        return _compile(template, document, created_at, _STANDARDS)
    except typst.TypstError:
        pass  # a character without a glyph, which both standards refuse; or a content that no attempt can lay out
    try:
        return _compile(template, document, created_at, [])
    except typst.TypstError:
        raise TechnicalFailure(f"the document {template} could not be laid out from what it was given") from None


def _compile(template: str, document: str, created_at: Natural, standards: list[typst.PDFStandard]) -> bytes:
    laid_out = typst.compile(
        TEMPLATES / f"{template}.typ", root=TEMPLATES, format="pdf", ignore_system_fonts=True,
        sys_inputs={"document": document}, pdf_standards=standards, timestamp=created_at,
    )  # fmt: skip
    if not isinstance(laid_out, bytes):
        raise TechnicalFailure(f"the document {template} is not one PDF")
    return laid_out
