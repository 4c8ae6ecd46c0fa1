"""The parties of a simulation at their birth: keys, directory, member files (docs/protocol.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey
from paravent.drill.members import members_of
from paravent.drill.platform import DATA, INSURERS
from paravent.drill.population import Population, write_member_file
from paravent.drill.simulation.crash import Home
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.parties import SimulatedHub, SimulatedServer
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store as HubStore
from paravent.hub.vault import DatabaseKey
from paravent.insurer.config import InsurerKeys
from paravent.insurer.members import Member
from paravent.insurer.store import Store as InsurerStore
from paravent.optics.guarantee import GuaranteeTables, read_guarantees
from paravent.wire.statements import CustodianEntry, Directory, HubEntry, InsurerEntry

START = 1_781_524_800
"""2026-06-15 12:00 UTC, when every simulation starts."""

CUSTODIANS = 3


def found_hub(home: Path, limits: QuotaLimits, rng: Rng, address: str = "") -> SimulatedHub:
    """Creates the hub with fresh keys."""
    identity = HubIdentity(
        name="hub", base_url=address or "http://hub.example:8000", signing_key=SigningKey.generate(rng),
        database_key=DatabaseKey(rng(32)),
    )  # fmt: skip
    folder = home / "hub"
    folder.mkdir()
    return SimulatedHub(
        identity=identity, home=Home(folder), limits=limits, rng=rng, store=HubStore(folder, limits, rng)
    )


def found_directory(
    servers: Mapping[int, SimulatedServer],
    hub: HubIdentity,
    keys: Mapping[str, InsurerKeys],
    custodians: Sequence[BoxKey],
    names: Mapping[str, str],
) -> Directory:
    """Lists every party."""
    entry = HubEntry(name=hub.name, address=hub.base_url, verify_key=hub.signing_key.public)
    return Directory(
        version=1, issued_at=START, hub=entry, keyservers=tuple(server.entry() for server in servers.values()),
        insurers=tuple(
            InsurerEntry(
                amc=amc, name=names[amc], issuer_key=held.issuer.public, claims_key=held.claims.public,
                payments_key=held.payments.public, synthetic=True,
            )
            for amc, held in keys.items()
        ),
        custodians=tuple(
            CustodianEntry(name=f"custodian-{number}", box_key=key.public)
            for number, key in enumerate(custodians, start=1)
        ),
    )  # fmt: skip


def found_insurer(
    home: Path, entry: InsurerEntry, keys: InsurerKeys, population: Population, rng: Rng
) -> SimulatedInsurer:  # fmt: skip
    """Creates an insurer with its members and its guarantees."""
    folder = home / f"insurer-{entry.amc}"
    folder.mkdir()
    # Insurers that only a large platform has use the tables of the first: the population draws from the same codes.
    tabled = entry.amc if entry.amc in INSURERS else next(iter(INSURERS))
    file = read_guarantees((DATA / f"guarantees-{tabled}.toml").read_bytes())
    tables = GuaranteeTables(insurer=entry.amc, counter=1, issued_at=START, guarantees=file.guarantee)
    return SimulatedInsurer(
        entry=entry, keys=keys, store=InsurerStore(folder), members=_members(folder, entry.amc, population),
        tables=tables, rng=rng,
    )  # fmt: skip


def _members(folder: Path, amc: str, population: Population) -> list[Member]:
    path = folder / "members.csv"
    write_member_file(path, population, amc)
    return members_of(path, amc)
