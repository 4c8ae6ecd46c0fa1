"""Pulling what the hub decided, and judging it (docs/protocol.md section 11.6)."""

from __future__ import annotations

import time

from paravent.access.client import SignedClient
from paravent.crypto.labels import Label
from paravent.insurer.claims import Reviewer
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.store import Store
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import PullAnswer, PullRequest
from paravent.wire.statements import (
    Directory,
    open_statement,
)

PULL_BYTES_MAX = 1_048_576


async def pull_events(
    config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
) -> int:
    """Pulls every new event from the hub and reviews it; returns how many were new."""
    reviewer = _reviewer(config, keys, directory, store)
    reviewed = 0
    while True:
        answer = await client.post(
            directory.hub.name, directory.hub.address, "/v1/events", PullRequest(after=store.last_pulled()),
            PullAnswer, bytes_max=PULL_BYTES_MAX,
        )  # fmt: skip
        for event in answer.events:
            store.keep_claim(reviewer.review(event, int(time.time())))
            store.keep_pulled(event.number)
            reviewed += 1
        if not answer.events:
            return reviewed


def _reviewer(config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store) -> Reviewer:
    # What this insurer itself published, never what the hub says that it did.
    tables = open_statement(store.guarantees(), GuaranteeTables, Label.GUARANTEES, config.amc, keys.issuer.public)
    return Reviewer(
        amc=config.amc, keys=keys, directory=directory, tables=tables, rules=every_shipped_rules(), ledger=store
    )  # fmt: skip
