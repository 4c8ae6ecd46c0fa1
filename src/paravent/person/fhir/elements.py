"""Data types of FHIR R4, as far as the desk's resources use them (hl7.org/fhir/R4/datatypes.html).

An element that is not listed is refused, extensions of primitive values included; ``extension`` is taken and
ignored, as FHIR allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import msgspec

AMC_SYSTEM = "urn:paravent:amc"
CARD_SYSTEM = "urn:paravent:card"
MEMBER_SYSTEM = "urn:paravent:member"
NIR_SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"
"""INS-NIR in the French profiles (hl7.fhir.fr.core); here the number under which a person is covered."""

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]{1,64}\Z")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Date = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
DateTime = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]{8,18}(Z|[+-][0-9:]{5}))?)?)?\Z")
]
Positive = Annotated[int, msgspec.Meta(ge=1, le=9_999)]
Number = Decimal | int


class Element(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """Base of every element, strict; what is absent is not written. No message of the protocol is one."""

    id: Id | None = None
    extension: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(REDACTED)"


class Period(Element, frozen=True, kw_only=True):
    """From a day to a day, both included."""

    start: DateTime | None = None
    end: DateTime | None = None


class Coding(Element, frozen=True, kw_only=True):
    """A code of a system."""

    system: Code | None = None
    version: Code | None = None
    code: Code | None = None
    display: Text | None = None
    user_selected: bool | None = None


class CodeableConcept(Element, frozen=True, kw_only=True):
    """A concept in one or more systems."""

    coding: tuple[Coding, ...] = ()
    text: Text | None = None

    def code(self, system: str) -> str | None:
        """Returns the code in a system, or None; two codes of one system are refused as none."""
        found = [coding.code for coding in self.coding if coding.system == system]
        return found[0] if len(found) == 1 else None


class Identifier(Element, frozen=True, kw_only=True):
    """An identifier of a system."""

    use: Code | None = None
    type: CodeableConcept | None = None
    system: Code | None = None
    value: Text | None = None
    period: Period | None = None


class Reference(Element, frozen=True, kw_only=True):
    """A reference: to a resource of the session (``Type/id``), contained (``#id``), or by identifier."""

    reference: Text | None = None
    type: Code | None = None
    identifier: Identifier | None = None
    display: Text | None = None


class Quantity(Element, frozen=True, kw_only=True):
    """A count, where a claim has one."""

    value: Number
    unit: Code | None = None
    system: Code | None = None
    code: Code | None = None


class HumanName(Element, frozen=True, kw_only=True):
    """A name as the card prints it: ``text``, or family name then given names."""

    use: Code | None = None
    text: Text | None = None
    family: Text | None = None
    given: tuple[Text, ...] = ()

    def printed(self) -> str:
        """Returns the name in the order of the card."""
        return self.text or " ".join([self.family or "", *self.given]).strip()


class Resource(Element, frozen=True, kw_only=True):
    """Base of every resource; narrative and metadata are taken and ignored."""

    meta: Any = None
    language: Code | None = None
    text: Any = None
    contained: tuple[Any, ...] = ()


def value_of(identifiers: Iterable[Identifier], system: str) -> str | None:
    """Returns the value of the identifier of a system, None when there is not exactly one."""
    found = [identifier.value for identifier in identifiers if identifier.system == system]
    return found[0] if len(found) == 1 else None


def write(resource: Resource) -> bytes:
    """Writes a resource; decimals are JSON numbers with the digits they have."""
    return _ENCODER.encode(resource)


_ENCODER = msgspec.json.Encoder(decimal_format="number")
