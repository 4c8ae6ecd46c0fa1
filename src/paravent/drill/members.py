"""From a synthetic person to the identity under which an insurer or a desk looks the person up."""

from __future__ import annotations

from paravent.drill.population import Coverage, SyntheticPerson
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir


def identity_of(person: SyntheticPerson, coverage: Coverage) -> PersonIdentity:
    """Builds the identity of one coverage."""
    return PersonIdentity.from_card(
        name=person.name, birth_date=person.birth_date, nir=Nir.from_thirteen(coverage.nir), rank=coverage.rank
    )
