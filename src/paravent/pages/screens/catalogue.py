"""The one catalogue of what screens say: French in the templates, English beside (docs/operating.md): pure.

The French sentence is the key of the message, so the French catalogue is complete by construction; the English one
is the ``.po`` files of this package, one for each party, read together. It holds no error: those carry their own
sentences in both languages (``errors.py``).
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from enum import StrEnum
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from paravent.errors import InvalidConfiguration
from paravent.pages.typography import no_break


class Language(StrEnum):
    """Language of a screen; the first is shown where neither is asked for."""

    FRENCH = "fr"
    ENGLISH = "en"


def marked(text: str) -> str:
    """Returns a French sentence of the code as it is, so that the catalogue's test finds it.

    It is said in the language of the page where a template shows it, with the filter ``said``.
    """
    return text


class French(gettext.NullTranslations):
    """The sentences as written, with the spaces of French punctuation; French has a singular for 0 and 1."""

    def gettext(self, message: str) -> str:
        """Sets a sentence: no line begins with its punctuation."""
        return no_break(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Chooses between one and many."""
        return no_break(msgid1 if n < 2 else msgid2)


def english(files: Iterable[bytes]) -> gettext.GNUTranslations:
    """Reads the English catalogue; raises InvalidConfiguration when a sentence has two translations."""
    merged = Catalog(locale="en")
    for content in files:
        for message in read_po(BytesIO(content), locale="en", abort_invalid=True):
            if not message.id:
                continue
            known = merged.get(message.id)
            if known is not None and known.string != message.string:
                raise InvalidConfiguration(f"two translations of one sentence: {message.id!r}")
            merged.add(message.id, message.string, flags=message.flags)
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
