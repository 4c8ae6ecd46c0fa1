"""Documents: what is given is shown as text and never read as markup; the same input gives the same bytes."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paravent.errors import TechnicalFailure
from paravent.pages.pdf import Language, Letterhead, render_pdf
from paravent.pages.store import TEMPLATES

DAY = date(2026, 11, 1)
CREATED_AT = 1_793_491_200
# Every construct by which Typst source shows bold, computes, includes a file or calls code.
MARKUP = '*b* _i_ = T $x$ #panic("read") #include "letter.typ" #eval("1") `c` <l> @l \\ // // /* */ ] } ) "'


def letterhead(language: Language = Language.FRENCH, **changes: object) -> Letterhead:
    """A letterhead of nobody."""
    fields: dict[str, object] = {
        "title": "Essai", "language": language, "issuer": ("Optique du Port", "1 quai de l'Essai"),
        "recipient": ("Madame Essai",), "reference": "E-1", "day": DAY, "notices": ("Une mention.",),
    }  # fmt: skip
    return Letterhead(**fields | changes)  # type: ignore[arg-type]


def letter(*paragraphs: str, rows: tuple[tuple[str, ...], ...] = ()) -> dict[str, object]:
    """The content of a letter."""
    table = {"columns": ["première", "seconde"], "rows": rows} if rows else None
    return {"paragraphs": paragraphs, "table": table}


def text_of(pdf: bytes) -> str:
    """Reads the text of every page, without the spaces and line ends of the layout."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s", "", "".join(page.extract_text() for page in pages))


def catalogue_of(pdf: bytes) -> Any:
    """Reads the root object of a file."""
    return pypdf.PdfReader(io.BytesIO(pdf)).root_object


def test_a_document_shows_what_it_was_given() -> None:
    pdf = render_pdf("letter", letterhead(), letter("Bonjour.", rows=(("un", "deux"),)), created_at=CREATED_AT)
    text = text_of(pdf)
    shown = ("OptiqueduPort", "MadameEssai", "Référence:E-1", "Date:1ernovembre2026", "Bonjour.", "première", "deux",
             "Unemention.", "Page1sur1")  # fmt: skip
    assert [part for part in shown if part not in text] == []


def test_the_layout_speaks_english() -> None:
    pdf = render_pdf("letter", letterhead(Language.ENGLISH), letter("Hello."), created_at=CREATED_AT)
    assert {"Date:1November2026", "Page1of1"} <= {part for part in ("Date:1November2026", "Page1of1")
                                                 if part in text_of(pdf)}  # fmt: skip


def test_pages_are_numbered() -> None:
    rows = tuple((str(number), "x") for number in range(120))
    assert "Page3sur" in text_of(render_pdf("letter", letterhead(), letter(rows=rows), created_at=CREATED_AT))


def test_what_is_given_is_never_markup() -> None:
    head = letterhead(title=MARKUP, issuer=(MARKUP,), recipient=(MARKUP,), reference=MARKUP, notices=(MARKUP,))
    text = text_of(render_pdf("letter", head, letter(MARKUP, rows=((MARKUP, ""),)), created_at=CREATED_AT))
    quotes = str.maketrans("“”„«»'\u2019", '"""""\'\'')
    # Title, issuer, recipient, reference twice, notice, paragraph, cell: each is there to the last character.
    assert text.translate(quotes).count(re.sub(r"\s", "", MARKUP)) >= 7


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")), min_size=1, max_size=60))
def test_any_text_is_laid_out(said: str) -> None:
    assert render_pdf("letter", letterhead(), letter(said), created_at=CREATED_AT).startswith(b"%PDF-")


def test_a_character_without_a_glyph_costs_the_standards_and_not_the_document() -> None:
    head = letterhead(recipient=("\u0500\u4e2d",))
    catalogue = catalogue_of(render_pdf("letter", head, letter("a"), created_at=CREATED_AT))
    assert catalogue["/MarkInfo"]["/Marked"]
    assert b"pdfuaid:part" not in catalogue["/Metadata"].get_data()


def test_the_same_input_gives_the_same_bytes() -> None:
    first, again = (render_pdf("letter", letterhead(), letter("a"), created_at=CREATED_AT) for _ in range(2))
    later = render_pdf("letter", letterhead(), letter("a"), created_at=CREATED_AT + 86_400)
    assert first == again != later


def test_the_file_is_tagged_and_says_its_language_and_title() -> None:
    pdf = render_pdf("letter", letterhead(), letter("a"), created_at=CREATED_AT)
    catalogue, reader = catalogue_of(pdf), pypdf.PdfReader(io.BytesIO(pdf))
    assert catalogue["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in catalogue
    assert str(catalogue["/Lang"]).startswith("fr")
    assert reader.metadata is not None
    assert reader.metadata.title == "Essai"
    metadata = catalogue["/Metadata"].get_data().decode()
    assert re.search(r"pdfuaid:part>1<", metadata)
    assert re.search(r"pdfaid:part>2<", metadata)


def test_every_font_is_embedded() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf("letter", letterhead(), letter("a"), created_at=CREATED_AT)))
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    fonts = [font for one in resources for font in one["/Font"].values()]
    descriptors = [part["/FontDescriptor"] for font in fonts for part in font["/DescendantFonts"]]
    assert descriptors
    assert all({"/FontFile2", "/FontFile3"} & descriptor.keys() for descriptor in descriptors)


@pytest.mark.parametrize(
    ("template", "content"),
    [
        ("absent", letter("a")),
        ("layout", letter("a")),
        ("../pages/templates/letter", letter("a")),
        ("letter", {"paragraphs": ["SECRET"]}),
        ("letter", {"paragraphs": [{"SECRET": "SECRET"}], "table": None}),
    ],
)
def test_what_cannot_be_laid_out_is_said_without_quoting_it(template: str, content: object) -> None:
    with pytest.raises(TechnicalFailure) as caught:
        render_pdf(template, letterhead(), content, created_at=CREATED_AT)
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"


# What would let a template read code from its data, or fetch something.
REFUSED = ("eval(", '"@', "plugin(", "mode:", "read(")


def template_faults(source: str) -> list[str]:
    """Lists what a template must not use."""
    return [word for word in REFUSED if word in source]


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.typ")), ids=lambda path: path.stem)
def test_no_template_evaluates_or_fetches(path: Path) -> None:
    assert template_faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ['#eval(content.paragraphs.first(), mode: "markup")', '#import "@preview/x:1.0.0": *'])
def test_a_template_that_evaluates_or_fetches_is_found_out(line: str) -> None:
    assert template_faults(line) != []
