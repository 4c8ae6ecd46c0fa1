"""Reading what templates and code say to people: the sentences of the catalogue, and words that escaped it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from paravent.pages.screens.store import CATALOGUE

SOURCE = Path(__file__).parents[3] / "src" / "paravent"
Sentence = str | tuple[str, ...]

# Attributes that are read to people.
SPOKEN = frozenset({"alt", "aria-description", "aria-label", "aria-roledescription", "content", "label", "placeholder",
                    "title", "value"})  # fmt: skip
_TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", re.DOTALL)
_CODE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
# What ``_`` returns is trusted: it says a sentence of the template itself, never a value.
TRUSTED = re.compile(r"\b(?:_|n?gettext)\((?!\s*[\"'])|\|\s*safe\b|\bMarkup\b|autoescape")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


def templates() -> list[Path]:
    """Lists the templates of every party."""
    return sorted(SOURCE.rglob("*.html"))


def said_by(path: Path) -> Iterator[Sentence]:
    """Yields the sentences that a file gives to the catalogue: one, or one and many."""
    text = path.read_bytes()
    if path.suffix == ".html":
        found = babel_extract(
            BytesIO(text), ["_", "gettext", "ngettext"], [], {"trimmed": "true", "newstyle_gettext": "true"}
        )
        for _, _, message, _ in found:
            parts = [part for part in message if part] if isinstance(message, tuple) else [message or ""]
            yield parts[0] if len(parts) == 1 else tuple(parts)
    else:
        for _, message, _, _ in extract("python", BytesIO(text), keywords={"marked": None}):
            assert isinstance(message, str)
            yield message


def all_sentences() -> dict[Sentence, str]:
    """Finds every sentence, and a file that says it."""
    found: dict[Sentence, str] = {}
    for path in [*templates(), *sorted(SOURCE.rglob("*.py"))]:
        found |= {sentence: str(path.relative_to(SOURCE)) for sentence in said_by(path) if sentence}
    return found


def english_catalogue() -> dict[Sentence, tuple[str, Sentence]]:
    """Reads the English sentence of each French one, and the file that holds it."""
    found: dict[Sentence, tuple[str, Sentence]] = {}
    for path in sorted(CATALOGUE.glob("*.po")):
        catalogue: Catalog = read_po(BytesIO(path.read_bytes()), locale="en", abort_invalid=True)
        for message in catalogue:
            if message.id:
                assert not message.fuzzy, f"{path.name}: a fuzzy translation is none: {message.id}"
                found[_sentence(message.id)] = (path.name, _sentence(message.string))
    return found


def _sentence(text: str | list[str] | tuple[str, ...] | None) -> Sentence:
    return text if isinstance(text, str) else tuple(text or ())


def untranslated(sentences: dict[Sentence, str], english: dict[Sentence, tuple[str, Sentence]]) -> list[str]:
    """Lists what has no English, written as the catalogue wants it."""
    missing = []
    for sentence, file in sentences.items():
        _, said = english.get(sentence, ("", ""))
        if not said or not all(said):
            one, *many = (sentence,) if isinstance(sentence, str) else sentence
            plural = "".join(f'\nmsgid_plural "{part}"\nmsgstr[0] ""\nmsgstr[1] ""' for part in many)
            missing.append(f'\n#: {file}\nmsgid "{one}"' + (plural or '\nmsgstr ""'))
    return missing


class _Reader(HTMLParser):
    """Collects the words of a page that are no code of a template."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        kinds = dict(attrs)
        for name, value in attrs:
            coded = name == "content" or (name == "value" and kinds.get("type") not in {"submit", "button", "reset"})
            if name in SPOKEN and not coded and value and _LETTERS.search(value):
                self.words.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent and _LETTERS.search(data):
            self.words.append(data.strip())


def words_outside(template: str) -> list[str]:
    """Lists the words of a template that are in no catalogue; a name that no language changes is given by code."""
    reader = _Reader()
    reader.feed(_CODE.sub("", _TRANSLATED.sub("", template)))
    reader.close()
    return reader.words
