"""Pulling what the hub decided, and judging it (docs/protocol.md section 11.6)."""

from __future__ import annotations

import time

from paravent.access.client import SignedClient
from paravent.crypto.labels import Label
from paravent.errors import ProofFailure
from paravent.insurer.claims import Reviewer
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.store import Store
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import PullAnswer, PullRequest
from paravent.wire.recovery import (
    RETURNS_OVERLAP_SECONDS,
    RETURNS_PER_REQUEST_MAX,
    Recovery,
    ReturnedAct,
    ReturnedActs,
    ReturnsTaken,
)
from paravent.wire.statements import Directory, open_statement

PULL_BYTES_MAX = 1_048_576


async def pull_events(
    config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
) -> int:
    """Pulls every new event from the hub and reviews it; returns how many were new.

    A hub that was put back is first given back what it had decided: else it would decide it a second time.
    """
    await give_back(config, keys, directory, store, client)
    reviewer = _reviewer(config, keys, directory, store)
    reviewed = 0
    while True:
        answer = await client.post(
            directory.hub.name, directory.hub.address, "/v1/events", PullRequest(after=store.exchange.last_pulled()),
            PullAnswer, bytes_max=PULL_BYTES_MAX,
        )  # fmt: skip
        for event in answer.events:
            store.exchange.keep_event(event.number, event.detail)
            store.claims.keep(reviewer.review(event, int(time.time())))
            store.exchange.keep_pulled(event.number)
            reviewed += 1
        if not answer.events:
            return reviewed


async def give_back(
    config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient
) -> int:
    """Gives a hub that was put back the acts decided since its backup, once; returns how many (protocol.md 18.2).

    One request is in memory at a time. When it was broken off, it goes on after the last request that was answered.
    """
    hub, exchange = directory.hub, store.exchange
    recovery = await client.get(hub.name, f"{hub.address}/v1/recovery", Recovery)
    if recovery.restored_at is None or recovery.wanted_since is None or exchange.given_back() >= recovery.restored_at:
        return 0
    since, after, given = recovery.wanted_since - RETURNS_OVERLAP_SECONDS, exchange.giving_back(recovery.restored_at), 0
    while True:
        events = exchange.events_since(since, after, RETURNS_PER_REQUEST_MAX)
        acts = tuple(
            ReturnedAct(number=number, detail=opened)
            for number, detail in events
            if (opened := _opened(detail, config, keys, directory)) is not None
        )
        complete = len(events) < RETURNS_PER_REQUEST_MAX
        message = ReturnedActs(acts=acts, complete=complete)
        await client.post(hub.name, hub.address, "/v1/returns", message, ReturnsTaken)
        given += len(acts)
        if complete:
            exchange.keep_given_back(recovery.restored_at)
            return given
        after = events[-1][0]
        exchange.keep_giving_back(recovery.restored_at, after)


def _opened(sealed: bytes, config: InsurerConfig, keys: InsurerKeys, directory: Directory) -> bytes | None:
    """Opens the detail of an event; one that does not open was never an act that the hub can know again."""
    hub = directory.hub.name
    try:
        return keys.claims.open(sealed, Label.CLAIM_DETAIL_BOX, hub, config.amc, culprit=hub)
    except ProofFailure:
        return None


def _reviewer(config: InsurerConfig, keys: InsurerKeys, directory: Directory, store: Store) -> Reviewer:
    # What this insurer itself published, never what the hub says that it did.
    tables = open_statement(store.guarantees(), GuaranteeTables, Label.GUARANTEES, config.amc, keys.issuer.public)
    return Reviewer(
        amc=config.amc, keys=keys, directory=directory, tables=tables, rules=every_shipped_rules(),
        register=store.register, ledger=store.claims,
    )  # fmt: skip
