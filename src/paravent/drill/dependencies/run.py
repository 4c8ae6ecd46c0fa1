"""Sets a platform up on loopback, and plays the table of ``outages`` on it (docs/drill.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from paravent.access.config import write_config
from paravent.drill.authority import LocalAuthority
from paravent.drill.counter import card_of, customers
from paravent.drill.dependencies.acts import Dependencies
from paravent.drill.dependencies.outages import AMC, AUTHORITY, OUTAGES, DependencyRow, Outage
from paravent.drill.dependencies.visitor import Visitor
from paravent.drill.platform import INSURERS, Platform, free_ports
from paravent.drill.population import Population, SyntheticPerson
from paravent.drill.provider import person_claims, set_claims
from paravent.keyserver.config import load as load_keyserver


def play(
    home: Path, population: Population, outages: Sequence[Outage] = OUTAGES, seconds: float = 0
) -> Iterator[DependencyRow]:
    """Sets a platform up in a folder, and takes each dependency away for some seconds; ends what it started."""
    platform = Platform(home)
    try:
        platform.create(population, 20)
        coming = [person for person in customers(population) if person.coverages[0].insurer == AMC]
        _authority(platform)
        platform.start(*platform.verifiers())
        for amc in INSURERS:
            platform.publish(amc)
        reader = next(person for person in coming if _own_number(person))
        visitor = Visitor(platform.set_space(AMC), platform.issuer, reader.member_id)
        claims = person_claims(reader.name, reader.birth_date, reader.coverages[0].nir)
        set_claims(platform.issuer, reader.member_id, claims)
        platform.start("desk", *(f"insurer-{amc}" for amc in INSURERS))
        platform.desk("/v1/refreshes", {})
        holder = coming[0]
        card = {"card": card_of(platform, holder), "name": holder.name, "birth_date": holder.birth_date}
        played = Dependencies(platform=platform, waiting=iter(coming[1:]), card=card, visitor=visitor)
        played.start_authority()
        played.open_case()
        yield from played.rows(outages, seconds)
    finally:
        platform.stop()


def _authority(platform: Platform) -> None:
    """Makes the keys of a time-stamping authority, and has every key server ask it each second."""
    home = platform.home
    LocalAuthority(home / AUTHORITY).write_pins(home / "authority.pem", home / "authority-root.pem")
    (port,) = free_ports(1)
    platform.ports[AUTHORITY] = port
    for name in (name for name in platform.verifiers() if name != "hub"):
        settings = msgspec.structs.replace(
            load_keyserver(home / name), watch_seconds=1, timestamp_seconds=1, timestamp_url=f"http://127.0.0.1:{port}/"
        )
        write_config(home / name, settings, replace=True)


def _own_number(person: SyntheticPerson) -> bool:
    """Says whether somebody is insured under a number of their own, which is who can sign in."""
    return len(person.coverages) == 1 and person.coverages[0].nir[1:5] == person.birth_date[2:6]
