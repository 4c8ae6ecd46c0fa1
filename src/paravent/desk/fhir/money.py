"""Money and quantities of FHIR R4: euros with two decimals to integer cents, and back."""

from __future__ import annotations

from decimal import Decimal

from paravent.errors import InvalidBasket, UnsupportedResource
from paravent.optics.money import CENTS_MAX
from paravent.person.fhir.elements import Code, Element, Number

CURRENCY = "EUR"


class Money(Element, frozen=True, kw_only=True):
    """An amount; ``cents`` is the only way out."""

    value: Number
    currency: Code

    def cents(self) -> int:
        """Returns cents; raises UnsupportedResource for another currency, InvalidBasket for what is no price."""
        if self.currency != CURRENCY:
            raise UnsupportedResource("an amount is in another currency than EUR")
        amount = Decimal(self.value)
        exponent = amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -2:
            raise InvalidBasket("an amount has more than two decimals")
        if amount.is_signed():
            raise InvalidBasket("an amount is negative")
        if amount > Decimal(CENTS_MAX).scaleb(-2):
            raise InvalidBasket("an amount is above the limit")
        return int(amount.scaleb(2))

    @classmethod
    def of(cls, cents: int) -> Money:
        """Writes cents as euros with two decimals."""
        return cls(value=Decimal(cents).scaleb(-2), currency=CURRENCY)


class Quantity(Element, frozen=True, kw_only=True):
    """A count: an item is one frame or one lens."""

    value: Number
    unit: Code | None = None
    system: Code | None = None
    code: Code | None = None

    def require_one(self) -> None:
        """Checks that the count is one, without a unit; raises UnsupportedResource or InvalidBasket."""
        if (self.unit, self.system, self.code) != (None, None, None):
            raise UnsupportedResource("a quantity has a unit: items are counted")
        if self.value != 1:
            raise InvalidBasket("an item is one frame or one lens: each lens has its own item and eye")
