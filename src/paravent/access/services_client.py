"""Visits services from time to time, for a console: what each answers, and the head of its log (docs/operating.md).

A visit is unsigned and asks only what anybody may ask. Whatever a service answers stops no visit of another.
"""

from __future__ import annotations

import asyncio
import time

from paravent.access.logs import log_event, where
from paravent.access.peer_client import ask_openly
from paravent.access.services import LogHead, Service, ServiceKind, Visit, head_of, require_grown, services_of
from paravent.errors import ParaventError, TechnicalFailure
from paravent.wire.log import CheckpointAnswer, CheckpointRequest
from paravent.wire.statements import Directory
from paravent.wire.status import HubStatus, ServerStatus

VISIT_SECONDS = 10


class ServiceWatch:
    """The services of a directory as the last visits found them, in memory since ``started_at``."""

    def __init__(self, directory: Directory) -> None:
        """Starts with none of them asked."""
        self._directory = directory
        self._services = {one.name: one for one in services_of(directory)}
        self.started_at = int(time.time())

    @property
    def services(self) -> list[Service]:
        """What is known of each, the hub first."""
        return list(self._services.values())

    async def work(self) -> None:
        """Visits every service, time after time, until cancelled."""
        while True:
            await self.visit_all()
            await asyncio.sleep(VISIT_SECONDS)

    async def visit_all(self) -> None:
        """Visits every service once, all together."""
        visits = await asyncio.gather(*(self._visited(one) for one in self._services.values()))
        self._services = {
            one.name: one.after(visit) for one, visit in zip(self._services.values(), visits, strict=True)
        }

    async def _visited(self, service: Service) -> Visit:
        started = time.monotonic()
        try:
            status, head = await self._ask(service)
        except ParaventError as error:
            return Visit(at=int(time.time()), fault=error.code)
        except Exception as fault:  # noqa: BLE001 - a service must not end the watch, whatever it found to send
            log_event(
                "service-not-read", party=service.name, code=type(fault).__name__, where=where(fault.__traceback__)
            )
            return Visit(at=int(time.time()), fault=TechnicalFailure.code)
        return Visit(
            at=int(time.time()), milliseconds=round((time.monotonic() - started) * 1_000), status=status, head=head
        )

    async def _ask(self, service: Service) -> tuple[HubStatus | ServerStatus, LogHead | None]:
        if service.kind is ServiceKind.HUB:
            return await ask_openly(service, "/v1/status", HubStatus), None
        status = await ask_openly(service, "/v1/status", ServerStatus)
        answer = await ask_openly(service, "/v1/log/checkpoint", CheckpointAnswer, CheckpointRequest(old=0))
        entry = self._directory.keyserver(service.name)
        if entry is None:
            return status, None
        head = head_of(answer.note, entry, self._directory, int(time.time()))
        require_grown(service.head, head)
        return status, head
