"""The insurer's own service on loopback: pulls its events, recomputes, shows what is payable (protocol.md 11)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import application, json_response
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.access.logs import log_event, where
from paravent.access.mail import MailConfig
from paravent.access.mail_client import SmtpSender
from paravent.errors import ParaventError
from paravent.insurer import config
from paravent.insurer.act_client import resend_acts
from paravent.insurer.box_client import pull_boxes, send_letters
from paravent.insurer.client import pull_events
from paravent.insurer.deal_client import Dealing
from paravent.insurer.journal_client import JournalReader
from paravent.insurer.mail_client import deliver
from paravent.insurer.publication_client import Publisher
from paravent.insurer.store import Store
from paravent.insurer.traps.alarm_client import TrapWatch
from paravent.wire.codec import Message, Name, Natural

JOURNAL_SECONDS = 20.0


class ClaimLine(Message, frozen=True, kw_only=True):
    """One reviewed decision, without anybody's name: the screens of the insurer add it."""

    decision: str
    claim: str
    kind: str
    state: str
    reason: str
    claimed_cents: Natural
    payable_cents: Natural
    month: Natural


class ClaimsSummary(Message, frozen=True, kw_only=True):
    """What this insurer has recomputed and what it is about to pay."""

    insurer: str
    name: Name
    reviewed: Natural
    payable_cents: Natural
    claims: tuple[ClaimLine, ...]


def summarise(settings: config.InsurerConfig, store: Store) -> ClaimsSummary:
    """Summarises the reviewed decisions."""
    lines = tuple(
        ClaimLine(
            decision=claim.decision.hex(), claim="" if claim.claim is None else claim.claim.hex(), kind=claim.kind,
            state=claim.state.value, reason=claim.reason, claimed_cents=claim.claimed_cents,
            payable_cents=claim.payable_cents, month=claim.month,
        )
        for claim in store.claims.all()
    )  # fmt: skip
    return ClaimsSummary(
        insurer=settings.amc, name=settings.name, reviewed=len(lines),
        payable_cents=sum(line.payable_cents for line in lines), claims=lines,
    )  # fmt: skip


def build(home: Path) -> Starlette:
    """Builds the application of one insurer; it answers on loopback only."""
    settings = config.load(home)
    store = Store(home)

    async def claims(_: Request) -> Response:
        return json_response(summarise(settings, store))

    async def work() -> None:
        directory = read_directory(home, settings.directory)
        keys = config.read_keys(home)
        async with SignedClient(keys.issuer, os.urandom) as client:
            reader = JournalReader(settings.amc, keys, store, client)
            dealing = Dealing(settings, keys, directory, store, client)
            publisher = Publisher(settings, keys, directory, store, client)
            watch = TrapWatch(settings.amc, keys.issuer, directory.hub, store, client)
            next_journal = 0.0
            while True:
                await _safely(settings.amc, resend_acts(directory, store, client))
                await _safely(settings.amc, pull_events(settings, keys, directory, store, client))
                await _safely(settings.amc, pull_boxes(settings.amc, keys, directory, store, client))
                await _safely(settings.amc, send_letters(settings.amc, keys, directory, store, client))
                await _safely(settings.amc, publisher.publish_blocked_cards())
                if time.monotonic() >= next_journal:
                    for server in directory.keyservers:
                        await _safely(settings.amc, reader.pull(server))
                    await _safely(settings.amc, watch.watch())
                    next_journal = time.monotonic() + JOURNAL_SECONDS
                    await _safely(settings.amc, dealing.end_due())
                if settings.mail is not None:
                    await _safely(settings.amc, _tell_members(home, settings, settings.mail))
                await asyncio.sleep(settings.pull_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        worker = asyncio.create_task(work())
        yield
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        store.close()

    return application(settings.amc, [Route("/v1/claims", claims, methods=["GET"])], lifespan=lifespan)


async def _tell_members(home: Path, settings: config.InsurerConfig, mail: MailConfig) -> int:
    """Sends the notices that are due, in a thread with a connection of its own: a mail server may be slow."""

    def send() -> tuple[int, int]:
        with Store(home) as store:
            sender = SmtpSender(mail, home / config.SECRETS)
            return deliver(store, sender, settings.name, mail.sender, int(time.time()))

    sent, failed = await asyncio.to_thread(send)
    if failed:
        log_event("notice-not-sent", party=settings.amc, count=failed)
    return sent


async def _safely(party: str, pull: Coroutine[None, None, int]) -> None:
    """Runs one pull; whatever it meets is logged, and the next pull is tried."""
    try:
        await pull
    except ParaventError as error:
        log_event("pull-failed", party=party, code=error.code)
    except Exception as fault:  # noqa: BLE001 - whatever it was, the next pull must be tried
        log_event("pull-failed", party=party, code=type(fault).__name__, where=where(fault.__traceback__))
