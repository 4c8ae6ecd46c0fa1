"""French typography: the spaces that do not break, and the apostrophe (Imprimerie nationale's rules): pure.

Sentences are written in the code with ordinary spaces, and by people with whatever their keyboard has; what a reader
gets is set here, once.
"""

from __future__ import annotations

import re

_THIN = re.compile(r"[ \u00a0](?=[;?!])")
_WIDE = re.compile(r"(?<=\w|\)|»|\])[ ](?=:)|(?<=«)[ ]|[ ](?=»)")
_NUMBERED = re.compile(r"(?i)\b(articles?|art\.|paragraphe|alinéa|al\.|points?|n°|lignes?) (?=[\d])")
_UNIT = re.compile(r"(?<=\d)[ ](?=[a-zà-ÿ%€])")


def french(text: str) -> str:
    """Sets a French text: thin spaces before ; ? and !, no-break spaces before : and in « », the true apostrophe."""
    text = no_break(text.replace("'", "\u2019"))
    return _UNIT.sub("\u00a0", _NUMBERED.sub("\\1\u00a0", text))


def no_break(text: str) -> str:
    """Sets the spaces of French punctuation alone: thin before ; ? and !, plain no-break before : and in « »."""
    return _WIDE.sub("\u00a0", _THIN.sub("\u202f", text))
