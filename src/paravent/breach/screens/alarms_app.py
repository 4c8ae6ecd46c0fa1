"""The alarms on the console of the breach desk: those that were taken, and the button that asks for new ones.

The button does what ``breach alarms`` does, by the same function: asked again, it takes nothing twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paravent.breach.alarm_store import Round
from paravent.breach.opening import SIGNS
from paravent.breach.screens.readings_store import Reader
from paravent.pages.screens.app import language_of, telling
from paravent.pages.screens.console_app import Action, Console
from paravent.pages.screens.entrance_app import Handler
from paravent.pages.screens.forms import Form

ALARMS = "/alarms"
Ask = Callable[[int], Awaitable[Round]]
"""Asks every verifier for its new alarms at an instant, and takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRound:
    """What the last press of the button gave, and when."""

    at: int
    round: Round


class AlarmPages:
    """The page of alarms and its button; what the button last gave is kept in memory, and shown until the next."""

    def __init__(self, reader: Reader, ask: Ask, console: Console) -> None:
        """Reads by ``reader``, asks by ``ask``."""
        self._reader, self._ask, self._console = reader, ask, console
        self._names = {entry.amc: entry.name for entry in reader.directory.insurers}
        self._last: LastRound | None = None
        self._one_at_a_time = asyncio.Lock()

    def shown(self) -> dict[str, Handler]:
        """Lists the page by its address."""
        return {ALARMS: self._page}

    def actions(self) -> dict[str, Action]:
        """Lists what the button is sent to."""
        return {ALARMS: self._fetch}

    async def _page(self, request: Request) -> Response:
        now = int(time.time())
        seen = [alarm for case in self._reader.cases(now) for alarm in case.alarms]
        newest = sorted(seen, key=lambda one: (-one.alarm.raised_at, one.alarm.verifier))
        failed = {} if self._last is None else self._last.round.failed
        told = [
            (self._names.get(verifier, verifier), telling(error, language_of(request)))
            for verifier, error in failed.items()
        ]  # fmt: skip
        return self._console.page(request, "alarms.html", alarms=newest, signs=SIGNS, last=self._last, failed=told)

    async def _fetch(self, _: Request, __: Form) -> Response:
        async with self._one_at_a_time:
            now = int(time.time())
            self._last = LastRound(at=now, round=await self._ask(now))
        return RedirectResponse(ALARMS, 303, self._console.screens.headers)
