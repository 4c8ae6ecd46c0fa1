"""What an insurer sees of itself (docs/governance.md section 1): its epochs, its machine, its peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paravent.access.doctor.doctor_cli import Observed
from paravent.access.doctor.facts import Ending
from paravent.access.doctor.machine_store import directory_of, listening_on, machine_facts
from paravent.access.doctor.peers_client import clock_of
from paravent.access.doctor.witnessed import trust_in
from paravent.insurer import config
from paravent.insurer.epoch_store import EPOCH_ROW
from paravent.insurer.store import DATABASE, Store
from paravent.wire.codec import decode
from paravent.wire.statements import EpochFile


def observe(home: Path, now: int) -> Observed:
    """Looks at a home."""
    settings = config.load(home)
    directory = directory_of(home, settings.directory, cosigned=True)
    with Store(home) as store:
        held, live = tuple(_drawn(store)), tuple(_live(store))
    facts = replace(
        machine_facts(home, DATABASE, now), held=held, live=live, trust=trust_in(directory, [settings.threshold]),
        listening=listening_on(settings.host, settings.port, loopback_only=True), clock=clock_of(directory),
    )  # fmt: skip
    said = {
        "name": settings.name, "amc": settings.amc, "epoch_days": str(settings.epoch_days),
        "persons_per_guarantee_min": str(settings.persons_per_guarantee_min),
        "mail": settings.mail.server if settings.mail else "",
    }  # fmt: skip
    return Observed(party=settings.amc, key=config.read_keys(home).issuer, facts=facts, settings=said)


def _drawn(store: Store) -> Iterator[Ending]:
    """Yields the look-up keys that are still here."""
    for epoch in range(1, store.epochs.newest() + 1):
        drawn = store.epochs.drawn(epoch)
        if drawn is not None:
            yield Ending(name=f"look-up key of epoch {epoch}", ends_at=drawn.file.not_after)


def _live(store: Store) -> Iterator[Ending]:
    """Yields the epoch that members are looked up in."""
    newest = store.epochs.newest()
    announced = store.epochs.announced(newest).get(EPOCH_ROW)
    if announced is not None and not store.epochs.closed(newest):
        ends_at = decode(announced.statement.payload, EpochFile).not_after
        yield Ending(name=f"epoch {newest}", ends_at=ends_at)
