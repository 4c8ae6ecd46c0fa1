"""Who may come into a shop of a simulation: everybody under every number, and strangers."""

from __future__ import annotations

from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir

STRANGERS = 2


def everybody(platform: SimulatedPlatform) -> list[tuple[str, PersonIdentity, str]]:
    """Lists insurer, identity and name; the name of a stranger is empty."""
    covered = [
        (amc, identity, member.member_id)
        for amc, insurer in platform.insurers.items() for member in insurer.members for identity in member.identities
    ]  # fmt: skip
    strangers = [
        (amc, PersonIdentity.from_card(
            name="NEMO Personne", birth_date="19700101", nir=Nir.from_thirteen(f"1700175999{number:03d}")), "")
        for number in range(1, STRANGERS + 1) for amc in platform.insurers
    ]  # fmt: skip
    return covered + strangers
