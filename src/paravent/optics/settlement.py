"""The arithmetic of payment: what one remittance pays, an IBAN's check (docs/protocol.md section 11): pure.

Insurer and desk run the same functions: the one writes a remittance, the other checks it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from paravent.errors import AmountMismatch, InvalidBankDetails
from paravent.wire.settlement import LINES_PER_REMITTANCE_MAX, LineKind, RemittanceLine

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_FRENCH_CHARACTERS = 27


def require_iban(text: str) -> str:
    """Returns an IBAN without spaces, in capitals; raises InvalidBankDetails (ISO 13616, check of ISO 7064).

    Only its form is checked: whether the account exists, and whose it is, is the bank's to say.
    """
    iban = "".join(text.split()).upper()
    if not _IBAN.fullmatch(iban) or (iban.startswith("FR") and len(iban) != _FRENCH_CHARACTERS):
        raise InvalidBankDetails("an IBAN is a country, two digits and the account: 27 characters in France")
    # Letters count as 10 to 35, the first four characters last; the whole is 1 modulo 97.
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    if int(digits) % 97 != 1:
        raise InvalidBankDetails("the check digits of this IBAN are wrong")
    return iban


def total_of(lines: Sequence[RemittanceLine]) -> int:
    """Adds payments and takes deductions away; raises AmountMismatch below zero: a shop is never debited."""
    total = sum(line.cents if line.kind is LineKind.PAYMENT else -line.cents for line in lines)
    if total < 0:
        raise AmountMismatch("the deductions of a remittance are more than its payments")
    return total


def fitting(payments: Sequence[RemittanceLine], deductions: Sequence[RemittanceLine]) -> tuple[RemittanceLine, ...]:
    """Chooses the lines of one remittance: payments oldest first, then each whole deduction that they still cover.

    A deduction that they do not cover waits for the next remittance; so do lines above the limit.
    """
    waiting = deductions[: LINES_PER_REMITTANCE_MAX // 2]
    chosen = list(payments[: LINES_PER_REMITTANCE_MAX - len(waiting)])
    left = total_of(chosen)
    for line in waiting:
        if line.cents <= left:
            chosen.append(line)
            left -= line.cents
    return tuple(chosen)
