"""Who signed in to the insured person's space, and which member that is (docs/protocol.md section 17, step 17.2): pure.

The provider gives a pivot identity and never a social-security number. Claim names come from a dated profile. A pivot
is compared under the insurer's own key with those of its published lines; whoever is nobody, or could be several, is
told the same and learns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paravent.access.openid import OpenIdProfile
from paravent.errors import InvalidIdentity, SignInRefused
from paravent.person.identity import BirthDate
from paravent.person.pivot import Pivot, Sex, spelt

PLACE_CHARACTERS = 5


class PersonProfile(OpenIdProfile, frozen=True, kw_only=True):
    """A provider of persons: what people call it, the names and values of its claims."""

    title: str
    family_name_claims: tuple[str, ...]
    given_names_claim: str
    birth_date_claim: str
    sex_claim: str
    sexes: dict[str, str]
    birth_place_claim: str
    birth_country_claim: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedIn:
    """Whom the provider says it is: pivots to look for, and the names as it writes them, to fill a letter in."""

    pivots: tuple[Pivot, ...]
    family_name: str
    given_names: str
    birth_date: str = field(default="")

    def __repr__(self) -> str:
        return "SignedIn(REDACTED)"


def read_claims(claims: Mapping[str, Any], profile: PersonProfile) -> SignedIn:
    """Reads a pivot identity; raises SignInRefused when the provider does not give one."""
    families = [text for name in profile.family_name_claims if (text := _text(claims, name))]
    given = _text(claims, profile.given_names_claim)
    sex = profile.sexes.get(_text(claims, profile.sex_claim))
    # Born in France, the code of the commune; abroad, the commune is empty and the code is that of the country.
    place = _text(claims, profile.birth_place_claim) or _text(claims, profile.birth_country_claim)
    try:
        birth = BirthDate.parse(_text(claims, profile.birth_date_claim))
    except InvalidIdentity:
        raise SignInRefused("the provider gives no birth date") from None
    names = spelt(families, given.split())
    if not names or sex is None or len(place) != PLACE_CHARACTERS:
        raise SignInRefused("the provider gives no complete pivot identity")
    pivots = tuple(Pivot(name=name, birth_date=birth, sex=Sex(sex), place=place.upper()) for name in names)
    return SignedIn(pivots=pivots, family_name=families[0], given_names=given, birth_date=str(birth))


def one_member(found: Sequence[str]) -> str | None:
    """Returns the member that was found, or None: two are as good as none, since either could be the other."""
    return found[0] if len(found) == 1 else None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""
