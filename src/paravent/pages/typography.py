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
    text = _THIN.sub("\u202f", text.replace("'", "\u2019"))
    text = _WIDE.sub("\u00a0", text)
    return _UNIT.sub("\u00a0", _NUMBERED.sub("\\1\u00a0", text))
