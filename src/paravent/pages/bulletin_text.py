"""A bulletin as text: for a terminal, an e-mail, and what a page or a PDF lays out (docs/protocol.md section 11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from paravent.wire.bulletins import Bulletin, BulletinText

FRENCH, ENGLISH = "fr", "en"
_WORDS: dict[str, tuple[str, str]] = {
    "what": ("Ce qui se passe", "What happens"),
    "recognise": ("Comment le reconnaître", "How to recognise it"),
    "act": ("Que faire maintenant", "What to do now"),
    "sources": ("Sources", "Sources"),
    "urgent": ("URGENT", "URGENT"),
    "bulletin": ("Bulletin de sécurité n° {number}", "Security bulletin no. {number}"),
    "author": ("Rédigé par : {author}", "Written by: {author}"),
}


def word(name: str, language: str) -> str:
    """Returns a heading in a language."""
    french, english = _WORDS[name]
    return french if language == FRENCH else english


def in_language(bulletin: Bulletin, language: str) -> BulletinText:
    """Returns the text of a bulletin in a language."""
    return bulletin.fr if language == FRENCH else bulletin.en


def heading(bulletin: Bulletin, language: str) -> str:
    """Writes the number and, when it is, that it is urgent."""
    number = word("bulletin", language).format(number=bulletin.number)
    return f"{word('urgent', language)} - {number}" if bulletin.urgent else number


def lines(bulletin: Bulletin, language: str) -> Iterator[str]:
    """Yields a bulletin line by line."""
    text = in_language(bulletin, language)
    yield f"{heading(bulletin, language)}, {datetime.fromtimestamp(bulletin.issued_at, UTC):%Y-%m-%d}"
    yield from (text.title, "", f"{word('what', language)} :", text.what)
    for name, sentences in (("recognise", text.recognise), ("act", text.act)):
        yield from ("", f"{word(name, language)} :", *(f"- {sentence}" for sentence in sentences))
    yield from ("", word("author", language).format(author=bulletin.author))
    yield from (f"{word('sources', language)} : {source}" for source in bulletin.sources)
