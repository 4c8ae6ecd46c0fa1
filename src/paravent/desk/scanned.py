"""What a USB scanner types, put right: it believes that the keyboard is American (docs/screens.md): pure.

On a French keyboard the machine reads the same keys as other characters. No two characters of a card are typed alike,
so that the text comes back whole; its signature is the judge in any case.
"""

from __future__ import annotations

from typing import Final

from paravent.wire.card import PREFIX

# What each character of base45 becomes on an AZERTY keyboard, typed as on a QWERTY one.
_TYPED: Final = dict(zip(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:",
    "à&é\"'(-è_çQBCDEFGHIJKL?NOPARSTUVZXYW 458+):!M",
    strict=True,
))  # fmt: skip
_MEANT: Final = {typed: meant for meant, typed in _TYPED.items()}
_PREFIX_TYPED: Final = "".join(_TYPED[character] for character in PREFIX)


def as_printed(text: str) -> str:
    """Returns the text of a card as it was printed; any other text as it is, without the spaces of line ends."""
    text = text.strip("\r\n\t")
    if not text.startswith(_PREFIX_TYPED) or not set(text) <= _MEANT.keys():
        return text
    return "".join(_MEANT[character] for character in text)
