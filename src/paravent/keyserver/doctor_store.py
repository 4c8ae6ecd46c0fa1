"""What a key server sees of itself (docs/governance.md section 1): its own files and log, its machine, its peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from paravent.access.doctor.doctor_cli import Observed
from paravent.access.doctor.facts import Ending, Facts, Stamping
from paravent.access.doctor.machine_store import (
    directory_of,
    listening_on,
    machine_facts,
    quota_key_days,
    second_factor_of,
)
from paravent.access.doctor.peers_client import clock_of, front_of
from paravent.access.doctor.witnessed import stamped_at, trust_in, witnessed
from paravent.access.log_watch import cosigner_key_of
from paravent.access.quotas import HOUR_SECONDS, WINDOW_SECONDS
from paravent.access.store import DAILY_COUNT_DAYS
from paravent.crypto.checkpoint import log_key
from paravent.crypto.group import Rng
from paravent.keyserver import config
from paravent.keyserver.config import KeyServerConfig
from paravent.keyserver.state import ServerIdentity
from paravent.keyserver.store import DATABASE, Store
from paravent.wire.statements import OPENABLE_SECONDS, Directory


def observe(home: Path, now: int, rng: Rng) -> Observed:
    """Looks at a home."""
    settings = config.load(home)
    identity, directory = config.read_identity(home, settings), directory_of(home, settings.directory, cosigned=False)
    facts = replace(
        machine_facts(home, DATABASE, now), quota_key_days=quota_key_days(home),
        quotas=msgspec.structs.asdict(settings.quotas), second_factor=second_factor_of(settings.openid),
        listening=listening_on(settings.host, settings.port, loopback_only=False), front=front_of(settings.base_url),
        clock=clock_of(directory),
    )  # fmt: skip
    with Store(home, settings.quotas, rng) as store:
        thresholds = [share.threshold for share in store.shares()]
        facts = replace(facts, held=tuple(_held(store)), trust=trust_in(directory, thresholds))
        if directory is not None:
            facts = _with_log(facts, store, settings, identity, directory)
    said = {
        "name": settings.name, "base_url": settings.base_url, "operator": settings.operator,
        "hosted_by": settings.hosted_by, "administrator": settings.administrator,
        "daily_count_days": str(DAILY_COUNT_DAYS), "quota_hours": str(WINDOW_SECONDS // HOUR_SECONDS),
        "openable_hours": str(OPENABLE_SECONDS // HOUR_SECONDS),
    }  # fmt: skip
    return Observed(party=settings.name, key=identity.signing_key, facts=facts, settings=said)


def _held(store: Store) -> Iterator[Ending]:
    for share in store.shares():
        yield Ending(name=f"share of {share.insurer}, epoch {share.epoch}", ends_at=share.deletes_at)
    for batch in store.batches():
        name = f"opening keys of {batch.insurer}, epoch {batch.epoch}, batch {batch.batch}"
        yield Ending(name=name, ends_at=batch.deletes_at)


def _with_log(
    facts: Facts, store: Store, settings: KeyServerConfig, identity: ServerIdentity, directory: Directory
) -> Facts:  # fmt: skip
    """Adds who cosigned the newest checkpoint, and when an authority stamped one last."""
    cosigners = [cosigner_key_of(peer) for peer in directory.watchers() if peer.name != identity.name]
    threshold = max((share.threshold for share in store.shares()), default=2)
    log = log_key(identity.name, identity.signing_key)
    _, stamp = store.log.stamp() or (b"", b"")
    return replace(
        facts, witnessed=witnessed(store.log.checkpoint(), log, cosigners, threshold, facts.at),
        stamping=Stamping(
            stamped_at=stamped_at(stamp),
            every_seconds=settings.timestamp_seconds if settings.timestamp_url else 0,
        ),
    )  # fmt: skip
