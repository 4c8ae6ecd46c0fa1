"""From a synthetic person to the identity under which an insurer or a desk looks the person up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paravent.drill.population import Coverage, SyntheticPerson
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Line, Member
from paravent.person.bindings import holder_value, lookup_input
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir
from paravent.person.pivot import own_pivot


def identity_of(person: SyntheticPerson, coverage: Coverage) -> PersonIdentity:
    """Builds the identity of one coverage."""
    return PersonIdentity.from_card(
        name=person.name, birth_date=person.birth_date, nir=Nir.from_thirteen(coverage.nir), rank=coverage.rank
    )


def members_of(path: Path, amc: str) -> list[Member]:
    """Reads a file of synthetic members whole, each person once with every identity."""
    members: dict[str, Member] = {}
    for line in MemberFile(path=path, amc=amc, synthetic=True).lines():
        if not isinstance(line, Line):
            raise TypeError(f"the population has a line that is rejected: {line.reason}")
        known = members.get(line.member.member_id)
        identities = (*(known.identities if known else ()), *line.member.identities)
        members[line.member.member_id] = replace(line.member, identities=identities)
    return list(members.values())


def lookup_of(insurer: str, epoch: int, identity: PersonIdentity) -> bytes:
    """Encodes what is blinded of an identity, for measurements of how long it takes."""
    return lookup_input(insurer, epoch, identity)


def holder_of(salt: bytes, identity: PersonIdentity) -> bytes:
    """Computes the holder value of an identity, for the same."""
    return holder_value(salt, identity.holder)


def pivot_of(key: bytes, identity: PersonIdentity) -> bytes | None:
    """Names the pivot of an identity under a key, for the same; None under a number that is not its person's own."""
    pivot = own_pivot(identity)
    return None if pivot is None else pivot.under(key)
