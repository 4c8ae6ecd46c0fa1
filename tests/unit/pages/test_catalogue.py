"""Every sentence of every screen is in the one catalogue, in both languages, and no word is outside it."""

from __future__ import annotations

import collections
import re
from pathlib import Path

import pytest
from tests.unit.pages.screen_texts import (
    SOURCE,
    TRUSTED,
    Sentence,
    all_sentences,
    english_catalogue,
    said_by,
    templates,
    untranslated,
    words_outside,
)

from paravent.errors import InvalidConfiguration, TechnicalFailure, WaitingLimitReached
from paravent.pages.screens import catalogue
from paravent.pages.screens.app import words_of
from paravent.pages.screens.catalogue import French, Language
from paravent.pages.screens.store import translations

PLACE = re.compile(r"%\((\w+)\)[a-z]")


def test_every_sentence_has_its_english() -> None:
    missing = untranslated(all_sentences(), english_catalogue())
    assert not missing, "\n".join(["add to pages/screens/catalogue/*.po:", *missing])


def test_the_catalogue_says_nothing_more() -> None:
    assert {
        sentence: english_catalogue()[sentence][0] for sentence in english_catalogue().keys() - all_sentences()
    } == {}


def test_both_languages_have_the_same_places() -> None:
    def places(sentence: Sentence) -> set[str]:
        return set(PLACE.findall(" ".join((sentence,) if isinstance(sentence, str) else sentence)))

    assert [key for key, (_, said) in english_catalogue().items() if places(key) != places(said)] == []


def test_every_sentence_of_a_template_can_be_filled_in() -> None:
    """A template fills each sentence in, even one without places: a percent sign stands twice there."""
    english = english_catalogue()
    for path in templates():
        for sentence in [found for found in said_by(path) if found]:
            for words in (sentence, english[sentence][1]):
                for text in (words,) if isinstance(words, str) else words:
                    assert text % collections.defaultdict(int) is not None
    seeded = "100 % Santé"
    with pytest.raises(ValueError, match="unsupported format"):
        assert seeded % collections.defaultdict(int)


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_word_of_a_template_is_outside(path: Path) -> None:
    assert words_outside(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "seeded",
    [
        "<p>Couvert</p>",
        "<p>{% trans %}Couvert{% endtrans %} jusqu'au</p>",
        '<button aria-label="Fermer">{{ sign }}</button>',
        '<img alt="Carte" src="/x">',
        '<input type="submit" value="Envoyer">',
        "{% if found %}Couvert{% endif %}",
    ],
)
def test_a_word_outside_is_seen(seeded: str) -> None:
    assert words_outside(seeded)


def test_no_value_is_trusted_as_a_sentence() -> None:
    assert [path.name for path in templates() if TRUSTED.search(path.read_text("utf-8"))] == []
    for seeded in ("{{ _(value) }}", "{{ value | safe }}", "{% autoescape false %}"):
        assert TRUSTED.search(seeded)


def test_a_sentence_without_english_is_seen(tmp_path: Path) -> None:
    page, code = tmp_path / "page.html", tmp_path / "page.py"
    page.write_text("{% trans n=3 %}{{ n }} jour{% pluralize %}{{ n }} jours{% endtrans %}{{ _('Oui') }}")
    code.write_text("marked('Non')\nother('Rien')")
    found = {sentence: "page" for path in (page, code) for sentence in said_by(path)}
    assert set(found) == {("%(n)s jour", "%(n)s jours"), "Oui", "Non"}
    assert len(untranslated(found, {"Oui": ("x.po", "Yes"), "Non": ("x.po", "")})) == 2


def test_french_has_one_for_nought_and_english_has_many() -> None:
    texts = translations()
    key = ("%(count)s champ à corriger", "%(count)s champs à corriger")
    assert texts[Language.FRENCH].ngettext(*key, 0) == key[0]
    assert texts[Language.ENGLISH].ngettext(*key, 0) == "%(count)s fields to correct"
    assert texts[Language.ENGLISH].ngettext(*key, 1) == "%(count)s field to correct"
    assert French().ngettext(*key, 2) == key[1]


LOOSE = re.compile(r" [;:?!»]|« ")


def test_no_line_of_a_french_page_begins_with_its_punctuation() -> None:
    texts = translations()[Language.FRENCH]
    single = [texts.gettext(key) for key in all_sentences() if isinstance(key, str)]
    pairs = [key for key in all_sentences() if not isinstance(key, str)]
    plural = [texts.ngettext(key[0], key[1], n) for key in pairs for n in (1, 2)]
    assert [said for said in (*single, *plural) if LOOSE.search(said)] == []
    # The control: as they are written, many do, and every error that a page tells.
    assert len([key for key in all_sentences() if isinstance(key, str) and LOOSE.search(key)]) > 50
    told = [words_of(kind, Language.FRENCH) for kind in (TechnicalFailure, WaitingLimitReached)]
    assert not LOOSE.search(" ".join(word for words in told for word in words))
    assert LOOSE.search(TechnicalFailure.title_fr)


def test_an_english_page_keeps_its_spaces() -> None:
    assert translations()[Language.ENGLISH].gettext("Erreur :") == "Error:"
    assert "\u202f" not in " ".join(words_of(TechnicalFailure, Language.ENGLISH))


def test_one_sentence_has_one_translation() -> None:
    head = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    with pytest.raises(InvalidConfiguration):
        catalogue.english([head + b'msgid "Oui"\nmsgstr "Yes"\n', head + b'msgid "Oui"\nmsgstr "Aye"\n'])
