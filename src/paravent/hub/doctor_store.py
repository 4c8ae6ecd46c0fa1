"""What the hub sees of itself (docs/governance.md section 1): its database, what it serves, its machine, its peers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from paravent.access.doctor.doctor_cli import Observed
from paravent.access.doctor.facts import Database, Ending
from paravent.access.doctor.machine_store import (
    directory_of,
    listening_on,
    machine_facts,
    quota_key_days,
    second_factor_of,
)
from paravent.access.doctor.peers_client import clock_of, front_of
from paravent.access.doctor.witnessed import trust_in
from paravent.access.quotas import HOUR_SECONDS, WINDOW_SECONDS
from paravent.access.store import DAILY_COUNT_DAYS
from paravent.hub import config
from paravent.hub.state import Manifest
from paravent.hub.statements import STATUS_LIST
from paravent.hub.store import DATABASE, Store
from paravent.optics.claim_states import RESERVATION_DAYS
from paravent.wire.codec import decode
from paravent.wire.statements import (
    STATEMENT_BYTES_MAX,
    STATUS_LIST_AGE_SECONDS_MAX,
    Directory,
    EpochFile,
    StatusList,
)

# A desk refuses an older manifest (docs/protocol.md section 6).
_HEAD_SECONDS_MAX = STATUS_LIST_AGE_SECONDS_MAX


def observe(home: Path, now: int, store: Store | None, postgresql: Mapping[str, str] | None) -> Observed:
    """Looks at a home; ``postgresql`` are the settings of that database, when that is where the hub keeps.

    ``store`` is None when the store refuses to open, as it does where nothing would be kept.
    """
    settings = config.load(home)
    identity, directory = config.read_identity(home, settings), directory_of(home, settings.directory, cosigned=True)
    facts = replace(
        machine_facts(home, DATABASE, now), quota_key_days=quota_key_days(home),
        quotas=msgspec.structs.asdict(settings.quotas), second_factor=second_factor_of(settings.openid),
        listening=listening_on(settings.host, settings.port, loopback_only=False), front=front_of(settings.base_url),
        clock=clock_of(directory),
    )  # fmt: skip
    if directory is not None and store is not None:
        facts = replace(
            facts, live=tuple(_live(store, directory)), trust=trust_in(directory, _thresholds(store, directory))
        )
    if postgresql is not None:
        found = Database(engine="postgresql", settings=postgresql, filesystem="its server's disk")
        facts = replace(facts, database=found)
    said = {
        "name": settings.name, "base_url": settings.base_url, "engine": facts.database.engine if facts.database else "",
        "provider": settings.openid.issuer if settings.openid else "", "daily_count_days": str(DAILY_COUNT_DAYS),
        "reservation_days": str(RESERVATION_DAYS), "quota_hours": str(WINDOW_SECONDS // HOUR_SECONDS),
    }  # fmt: skip
    return Observed(party=settings.name, key=identity.signing_key, facts=facts, settings=said)


def _live(store: Store, directory: Directory) -> Iterator[Ending]:
    """Yields until when each thing that is looked up in may be used; what is served was verified when it was taken.

    Of each insurer, the newest epoch: a former one stays for the openings that had begun, and is signed no more.
    """
    for insurer in directory.insurers:
        manifest = store.newest(insurer.amc)
        if manifest is not None:
            name, file = f"{insurer.amc}, epoch {manifest.head.epoch}", _epoch(manifest)
            yield Ending(name=f"epoch of {name}", ends_at=file.not_after)
            yield Ending(name=f"manifest of {name}", ends_at=manifest.head.issued_at + _HEAD_SECONDS_MAX)
        signed = store.statement(insurer.amc, STATUS_LIST)
        if signed is not None:
            listed = decode(signed.payload, StatusList, bytes_max=STATEMENT_BYTES_MAX)
            ends = listed.issued_at + STATUS_LIST_AGE_SECONDS_MAX
            yield Ending(name=f"status list of {insurer.amc}", ends_at=ends)


def _thresholds(store: Store, directory: Directory) -> Iterator[int]:
    for insurer in directory.insurers:
        manifest = store.newest(insurer.amc)
        if manifest is not None:
            yield _epoch(manifest).threshold


def _epoch(manifest: Manifest) -> EpochFile:
    return decode(manifest.bundle.epoch.statement.payload, EpochFile)
