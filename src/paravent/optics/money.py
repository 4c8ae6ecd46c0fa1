"""Money in integer cents of euro: reading, writing, percentages (docs/protocol.md section 11).

One rounding rule: a percentage is rounded half up to the cent, item by item, and totals are sums of the
rounded items. It holds no floating-point number, no negative amount and no other currency.
"""

from __future__ import annotations

import re

from paravent.errors import InvalidBasket

CENTS_MAX = 10_000_000
"""The highest amount of a message: 100,000 EUR (``wire.codec.Cents``)."""

THOUSANDS_SPACE = "\u202f"
UNIT_SPACE = "\u00a0"

_SPACE = r"[ \u00a0\u202f]"
_GROUPED = rf"[0-9]{{1,3}}(?:{_SPACE}[0-9]{{3}})+"
_AMOUNT = re.compile(rf"(?P<euros>{_GROUPED}|[0-9]+)(?:[.,](?P<cents>[0-9]{{2}}))?(?:{_SPACE}?(?:€|EUR))?")


def parse_euros(text: str) -> int:
    """Reads "1 234,50 €", "1234.50 EUR" or "1234" as cents; raises InvalidBasket.

    Cents are two digits or none, thousands are separated by spaces only: "1.234" has no single meaning.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidBasket("a price is euros and cents, such as 1 234,50 € or 1234.50")
    # No such amount has more digits; Python also refuses to read a number of thousands of digits.
    euros = re.sub(_SPACE, "", match["euros"]).lstrip("0")
    if len(euros) > len(str(CENTS_MAX)):
        raise InvalidBasket(f"a price is at most {format_euros(CENTS_MAX)}")
    return require_cents(int(euros or "0") * 100 + int(match["cents"] or "0"))


def format_euros(cents: int) -> str:
    """Writes cents in French: "1 234,50 €", with the no-break spaces of French typography."""
    euros, rest = divmod(_require_total(cents), 100)
    return f"{euros:,}".replace(",", THOUSANDS_SPACE) + f",{rest:02d}{UNIT_SPACE}€"


def format_plain(cents: int) -> str:
    """Writes cents for machines: "1234.50"."""
    euros, rest = divmod(_require_total(cents), 100)
    return f"{euros}.{rest:02d}"


def require_cents(cents: object) -> int:
    """Returns an amount that is one: an integer from 0 to CENTS_MAX; raises InvalidBasket."""
    # bool is an int to Python, and a float compares like one: neither is an amount.
    if type(cents) is not int:
        raise InvalidBasket("an amount is an integer number of cents")
    if not 0 <= cents <= CENTS_MAX:
        raise InvalidBasket(f"an amount is from 0 to {CENTS_MAX} cents")
    return cents


def _require_total(cents: int) -> int:
    """Returns an amount or a sum of amounts, which has no upper limit; raises InvalidBasket."""
    if type(cents) is not int or cents < 0:
        raise InvalidBasket("an amount is an integer number of cents, never negative")
    return cents


def percent_of(cents: int, percent: int) -> int:
    """Takes a whole percentage of an amount, rounded half up to the cent."""
    return (require_cents(cents) * percent + 50) // 100
