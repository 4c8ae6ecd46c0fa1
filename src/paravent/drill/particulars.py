"""How a synthetic person's number is printed on a card: for those who play the customer."""

from __future__ import annotations

from paravent.person.nir import Nir


def printed_nir(thirteen: str) -> str:
    """Adds the key to 13 characters."""
    nir = Nir.from_thirteen(thirteen)
    return nir.thirteen + nir.key
