"""What the breach desk sees of itself (docs/governance.md section 1): its log, its contracts, its machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from paravent.access.doctor.doctor_cli import Observed
from paravent.access.doctor.facts import Contracting, Database
from paravent.access.doctor.machine_store import directory_of, machine_facts
from paravent.access.doctor.peers_client import clock_of
from paravent.access.doctor.witnessed import trust_in, witnessed
from paravent.access.store import read_secret
from paravent.breach import config
from paravent.breach.log import origin_key
from paravent.breach.registers.contracts import faults
from paravent.breach.registers.store import contracts_in
from paravent.breach.store import DATABASE, DATABASE_URL, Store
from paravent.breach.trust import cosigners_of

_COSIGNERS_MIN = 2


def observe(home: Path, now: int) -> Observed:
    """Looks at a home."""
    settings, key = config.load(home), config.read_key(home)
    directory = directory_of(home, settings.directory, cosigned=True)
    with Store(home) as store:
        notes = store.checkpoints()
    newest = notes[max(notes)] if notes else None
    wrong = faults(registered := contracts_in(home), datetime.fromtimestamp(now, UTC).date())
    facts = replace(
        machine_facts(home, DATABASE, now), trust=trust_in(directory), clock=clock_of(directory),
        contracting=Contracting(
            contracts=len(registered), faults=tuple(f"{one.contract}: {one.what}" for one in wrong)
        ),
    )  # fmt: skip
    if (home / DATABASE_URL).exists():
        facts = replace(facts, database=_postgresql(read_secret(home / DATABASE_URL)))
    if directory is not None:
        log = witnessed(newest, origin_key(settings.name, key), cosigners_of(directory), _COSIGNERS_MIN, now)
        facts = replace(facts, witnessed=log)
    said = {"name": settings.name, "operator": settings.operator, "contact": settings.contact}
    return Observed(party=settings.name, key=key, facts=facts, settings=said)


def _postgresql(url: bytes) -> Database:
    # Imported here: a breach desk on SQLite needs no driver of another database.
    from paravent.access.postgresql_store import DatabaseUrl, durability  # noqa: PLC0415

    return Database(engine="postgresql", settings=durability(DatabaseUrl(url)), filesystem="its server's disk")
