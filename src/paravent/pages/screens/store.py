"""The templates, scripts, style and English catalogue of the screens, read once when a party starts.

Holds: layouts, sentences and scripts, no person. Stolen: nothing is learnt. Altered: screens show something else
than what was computed; whoever can write here can write the program.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paravent.errors import ParaventError
from paravent.pages.screens.catalogue import French, Language, english
from paravent.pages.screens.drawing import chart_of, drawn, tabled
from paravent.pages.screens.localised import writers
from paravent.pages.screens.scenarios import scenario_words
from paravent.pages.typography import no_break
from paravent.wire.problem import kind_of

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
CATALOGUE = _HERE / "catalogue"
STATIC = _HERE / "static"
MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
}  # fmt: skip


def translations() -> dict[Language, gettext.NullTranslations]:
    """Reads the catalogue of each language."""
    files = (path.read_bytes() for path in sorted(CATALOGUE.glob("*.po")))
    return {Language.FRENCH: French(), Language.ENGLISH: english(files)}


def scenario_names() -> dict[Language, Callable[[str], str]]:
    """Gives, in each language, what says the name of a scenario of the drill."""
    return {language: _scenario_in(texts) for language, texts in translations().items()}


def _scenario_in(texts: gettext.NullTranslations) -> Callable[[str], str]:
    return lambda name: texts.gettext(scenario_words(name))


def environments(*folders: Path) -> dict[Language, Environment]:
    """Builds the templates of a party, those of its own folders first, in each language.

    Everything a template shows is escaped, and a name that it was not given is an error.
    """
    return {language: _environment(language, texts, folders) for language, texts in translations().items()}


def _environment(language: Language, texts: gettext.NullTranslations, folders: tuple[Path, ...]) -> Environment:
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    made.policies["ext.i18n.trimmed"] = True
    made.globals.update(language=language.value, chart_of=chart_of)
    made.filters.update(writers(language))
    made.filters["drawn"] = lambda chart: drawn(chart, language)
    made.filters["tabled"] = lambda chart: tabled(chart, language)
    made.filters["titled"] = lambda code: _title(code, language)
    # A sentence of the code (catalogue.marked): unlike _("..."), whose result is trusted, it is escaped as any value.
    made.filters["said"] = texts.gettext
    made.filters["scenario"] = _scenario_in(texts)
    # A French text that is no sentence of the catalogue: an insurer's, an investigator's.
    made.filters["spaced"] = no_break
    return made


def _title(code: str, language: Language) -> str:
    """Says what the code of an error means."""
    kind = kind_of(code) or ParaventError
    return no_break(kind.title_fr) if language is Language.FRENCH else kind.title_en


def static_files(*folders: Path) -> dict[str, tuple[bytes, str]]:
    """Reads the scripts and styles that a party serves, by name: what each holds, and its media type."""
    return {
        path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix])
        for folder in (STATIC, *folders)
        for path in sorted(folder.iterdir())
        if path.suffix in MEDIA_TYPES
    }
