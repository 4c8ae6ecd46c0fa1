"""Refusing guarantee tables that ask for health data they do not need (docs/protocol.md section 11).

For 100 % Santé, and for class B under a contrat responsable, grouped codes suffice; detailed codes,
prescriptions and their content are contrary to minimisation even for an early renewal: CNIL letters of
November 2024, as reported by the trade press (secondary source: the letters themselves were not read).
For other contracts the refusal is this project's own, under RGPD art. 5(1)(c). A table is read for the
words and forms of what it asks; a label is free text, and is not.
"""

from __future__ import annotations

import re
import unicodedata

from paravent.errors import OvercollectionRefused

_REFERENCE = (
    "lens categories and grouped codes suffice (RGPD art. 5(1)(c); CNIL letters of November 2024,"
    " as reported by the trade press)"
)
_UNREAD_KEYS = frozenset({"insurer", "code", "label"})

# Beginnings of words, without accents: "dioptr" finds dioptre, dioptres, dioptric, dioptrique.
_STEMS = (
    "addition", "axe", "axis", "correct", "cylind", "diamet", "diopt", "indice", "index", "lpp", "ordonnance",
    "power", "prescri", "prism", "puissance", "spher",
)  # fmt: skip
# Whole words: the abbreviations of a prescription.
_ABBREVIATIONS = frozenset({"add", "cyl", "od", "og", "sph"})
# Whole words that begin like a stem and ask for nothing.
_HARMLESS = frozenset({"additional", "additionnel", "additionnelle", "axes", "indexation", "indexed"})
_DETAILED_CODE = re.compile(r"[0-9]{7}")
_POWER = re.compile(r"([+\u2212-][0-9]{1,2}([.,][0-9]{1,2})?|[0-9]{1,2}[.,](00|25|50|75))( ?([Dd]|\u03b4|\u0394|dpt))?")


def refuse_overcollection(table: object) -> None:
    """Reads every key and text of a decoded file; raises OvercollectionRefused with the reason and reference."""
    if isinstance(table, dict):
        for key, value in table.items():
            _refuse_text(str(key))
            if key not in _UNREAD_KEYS:
                refuse_overcollection(value)
    elif isinstance(table, list):
        for value in table:
            refuse_overcollection(value)
    elif isinstance(table, str):
        _refuse_text(table)


def _refuse_text(text: str) -> None:
    asked = _asked_by(text)
    if asked is not None:
        raise OvercollectionRefused(f"the guarantee table asks for {asked} ('{text[:40]}'): {_REFERENCE}")


def _asked_by(text: str) -> str | None:
    """Names what a key or text asks for, or None."""
    if _DETAILED_CODE.fullmatch(text):
        return "a detailed LPP code"
    if _POWER.fullmatch(text):
        return "a power in dioptres"
    words = _words(text)
    if any(word in _ABBREVIATIONS or (word.startswith(_STEMS) and word not in _HARMLESS) for word in words):
        return "a correction, a prescription or a detailed code"
    return None


def _words(text: str) -> list[str]:
    """Cuts sphereMax, sphere_max and SPHÈRE-MAX alike into lower-case words without accents."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])", " ", text)
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(mark))
    return re.findall(r"[a-z]+", bare.lower())
