"""The load under which processes are killed: customers at a counter, openings at every key server, the breach desk.

Each asks as a client does: an answer that does not come is asked for again, and what came is noted in its own list.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Any

from paravent.bench.invented import OK, Inventor
from paravent.bench.told import Answered, Told
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import DATA, Platform
from paravent.drill.population import Population, SyntheticPerson
from paravent.errors import ParaventError

DESK = "desk"
BREACH_DESK = "breach-desk"
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 20_000, "left_cents": 21_000}
_PRESCRIPTION = (DATA / "visionprescription-33123.r4.json").read_text()
_GIVEN_BACK = 0.8  # of the reservations
_PAUSE_SECONDS = 0.1
_TRIES = 600
_GONE = (OSError, http.client.HTTPException, urllib.error.URLError)


def customers(population: Population, month: int) -> deque[SyntheticPerson]:
    """Lists the persons of one cover whose equipment is payable in a month."""
    return deque(
        person for person in population.persons
        if len(person.coverages) == 1 and person.renewal_months == 24 and person.free_from <= month
        and person.birth_date[4:6] != "00"
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Counter:
    """Customers served one after another, from ``waiting``, until ``closing`` is set."""

    platform: Platform
    told: Told
    waiting: deque[SyntheticPerson]
    dice: random.Random
    closing: Event

    def serve(self) -> None:
        """Serves customers: each is checked, has a right reserved, and buys or gives it back."""
        while not self.closing.is_set() and self.waiting:
            person = self.waiting.popleft()
            if self._served(person):
                self.waiting.append(person)
            time.sleep(_PAUSE_SECONDS)

    def _served(self, person: SyntheticPerson) -> bool:
        """Serves one customer; says whether another purchase of the same right makes sense."""
        cover = person.coverages[0]
        status, found = self.ask("/v1/checks/number", {
            "insurer": cover.insurer, "nir": printed_nir(cover.nir), "birth_date": person.birth_date,
            "rank": cover.rank, "name": person.name,
        })  # fmt: skip
        if status != OK:
            return True
        check = {"check": found["check"]}
        reserved = self._act("/v1/reservations", check, person)
        if reserved is None or not reserved.accepted:
            # Its answer was lost, now or the time before: what it then holds or has bought is not for this client.
            return False
        if self.dice.random() < _GIVEN_BACK:
            given_back = self._act("/v1/cancellations", check, person)
            return given_back is not None
        self._act("/v1/claims", check | {"prescription": _PRESCRIPTION, "basket": BASKET}, person)
        return False

    def _act(self, path: str, body: dict[str, Any], person: SyntheticPerson) -> Answered | None:
        status, answer = self.ask(path, body)
        if status != OK:
            self.told.unanswered += 1
            return None
        return self._note(answer, person.member_id)

    def _note(self, answer: dict[str, Any], person: str) -> Answered:
        noted = Answered.of(answer, person)
        self.told.decisions[noted.key] = noted
        return noted

    def ask(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Asks the desk; no answer at all is told as status 0."""
        try:
            return self.platform.desk(path, body, DESK)
        except (*_GONE, json.JSONDecodeError):
            return 0, {}

    def ask_until_answered(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Asks again while a party is too busy to answer: that is no decision."""
        for _ in range(_TRIES):
            status, answer = self.ask(path, body)
            if status not in {0, HTTPStatus.SERVICE_UNAVAILABLE}:
                return status, answer
            time.sleep(_PAUSE_SECONDS)
        return self.ask(path, body)

    def settle_up(self) -> None:
        """Sends again what got no answer, until everything kept has a decision."""
        for _ in range(_TRIES):
            status, pending = self.ask("/v1/pending", {})
            if status == OK and not pending["acts"]:
                return
            for act in pending.get("acts", ()):
                status, answer = self.ask("/v1/resends", {"idempotency_key": act["idempotency_key"]})
                if status == OK:
                    self._note(answer, "")
            time.sleep(_PAUSE_SECONDS)
        raise TimeoutError("acts stay without a decision though every process runs")


@dataclass(slots=True, kw_only=True)
class Openings:
    """Openings asked of one key server, each signed receipt noted; they are of nobody, and charged like any."""

    inventor: Inventor
    told: Told
    closing: Event

    def ask(self) -> None:
        """Asks until ``closing`` is set, over one connection as long as it stands."""
        kept = self.told.leaves.setdefault(self.inventor.server.name, [])
        connection = http.client.HTTPConnection(*self.inventor.place, timeout=30)
        while not self.closing.is_set():
            request, caller = self.inventor.opening()
            try:
                path = request.target_uri.split(request.authority, 1)[1]
                connection.request("POST", path, request.body, dict(request.headers))
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == OK:
                    kept.append(self.inventor.read(body, caller))
            except (*_GONE, ParaventError):
                connection.close()
            time.sleep(_PAUSE_SECONDS)
        connection.close()


@dataclass(slots=True, kw_only=True)
class BreachDesk:
    """The verbs of the breach desk, each a process that may be killed: entries of one case."""

    home: Path
    told: Told
    case: str = ""
    written: int = 0

    def open(self, run: Callable[..., dict[str, Any]]) -> None:
        """Opens the case."""
        said = ("--title", "Exercice", "--facts", "Exercice.", "--aware", "now", "--aware-role", "DPO")
        self.case = run("breach", "open", "--home", self.home, *said, "--json")["case"]

    def note(self, kill_after: float | None) -> None:
        """Adds an entry; the process is killed that many seconds after its start, unless it ended before."""
        self.written += 1
        text = f"entry {self.written}"
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent", "breach", "note", self.case, "--text", text, "--role", "DPO",
             "--home", str(self.home), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ,
        )  # fmt: skip
        try:
            said, _ = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
        if said.strip():
            self.told.entries[int(json.loads(said)["position"])] = text
