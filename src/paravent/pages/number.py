"""Numbers as people read them: "1 234,5" in French, "1,234.5" in English."""

from __future__ import annotations

_FRENCH = str.maketrans({",": "\u202f", ".": ","})


def shown(number: float, language: str, decimals: int = 0) -> str:
    """Writes a number with its digits in groups of three; ``language`` is fr or en."""
    text = f"{number:,.{decimals}f}"
    return text.translate(_FRENCH) if language == "fr" else text
