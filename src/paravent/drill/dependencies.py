"""What each party depends on, taken away and given back: what works meanwhile, and what answers which refusal.

``OUTAGES`` is the table of docs/drill.md. Each is played on running processes, which are stopped. Ten minutes without
one are the same as the seconds here: no answer below depends on the time before a day has passed (a status list is
fresh for 24 hours, a manifest for 48).
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from paravent.access.config import write_config
from paravent.drill.counter import card_of, customers
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import DATA, INSURERS, PROVIDER, Platform, free_ports
from paravent.drill.population import Population, SyntheticPerson
from paravent.drill.provider import start_provider
from paravent.errors import TechnicalFailure
from paravent.keyserver.config import load as load_keyserver

WORKS = "works"
AMC = next(iter(INSURERS))
_OK = 200
_TRIES, _TRY_SECONDS = 90, 1.0
BREACH_DESK = "breach-desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRow:
    """One operation without one dependency: the error code that is documented, or ``works``, and what was found."""

    dependency: str
    operation: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What is away: processes, or custodians with their shares; what is tried, and the code that answers it if any."""

    name: str
    processes: tuple[str, ...] = ()
    custodians: int = 0
    tried: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def expected(self, operation: str) -> str:
        """Says how an operation ends meanwhile."""
        return self.refused.get(operation, WORKS)


OPERATIONS = {
    "card": "a card is checked at the desk",
    "number": "a number is checked at the desk",
    "reserve": "a right is reserved, and given back",
    "pull": "an insurer pulls decisions and recomputes them",
    "publish": "an insurer publishes",
    "stamp": "a key server's checkpoint is stamped",
    "unseal": "the breach desk opens the window of a case",
}
_TRADE = ("card", "number", "reserve")
_ALL = (*_TRADE, "pull", "publish")
OUTAGES = (
    Outage(name="nothing", tried=(*_ALL, "unseal")),
    Outage(name="one key server (n-t)", processes=("keyserver-1",), tried=_ALL),
    Outage(
        name="two key servers (n-t+1)", processes=("keyserver-1", "keyserver-2"), tried=_ALL,
        refused={"number": "too-few-servers", "publish": "too-few-servers"},
    ),
    Outage(
        name="hub", processes=("hub",), tried=_ALL,
        refused={
            "number": "unreachable", "reserve": "unanswered-act", "pull": "unreachable", "publish": "unreachable",
        },
    ),
    Outage(name="insurer's service", processes=(f"insurer-{AMC}",), tried=_TRADE),
    Outage(name="identity provider", processes=(PROVIDER,), tried=_ALL),
    Outage(name="time-stamp authority", tried=(*_ALL, "stamp"), refused={"stamp": "unreachable"}),
    Outage(name="one custodian of three", custodians=1, tried=("unseal",)),
    Outage(
        name="two custodians of three", custodians=2, tried=("unseal",), refused={"unseal": "invalid-configuration"}
    ),
)  # fmt: skip
"""In this order; no time-stamp authority ever answers in this run."""


def table() -> Iterator[str]:
    """Writes the lines of the table of docs/drill.md."""
    yield "| away | " + " | ".join(f"`{name}`" for name in OPERATIONS) + " |"
    yield "|---" * (len(OPERATIONS) + 1) + "|"
    for one in OUTAGES:
        cells = (one.expected(name) if name in one.tried else "-" for name in OPERATIONS)
        yield f"| {one.name} | " + " | ".join(cell if cell in {WORKS, "-"} else f"`{cell}`" for cell in cells) + " |"


@dataclass(slots=True, kw_only=True)
class Dependencies:
    """A running platform, and who comes into its shop."""

    platform: Platform
    waiting: Iterator[SyntheticPerson]
    card: dict[str, str]
    case: str = ""
    away: int = 0

    def open_case(self) -> None:
        """Opens the case whose window custodians open, once the first opening is cosigned by another server."""
        if self._number() != WORKS:
            raise TechnicalFailure("the platform does not serve")
        said = ("--title", "Exercice", "--facts", "Exercice.", "--aware", "now", "--aware-role", "DPO")
        opened = self.platform.command("breach", "open", "--home", self.platform.home / BREACH_DESK, *said, "--json")
        self.case = str(opened["case"])
        for _ in range(_TRIES):
            if self._tried("unseal") == WORKS:
                return
            time.sleep(_TRY_SECONDS)
        raise TechnicalFailure("no other server cosigns the log")

    def rows(self) -> Iterator[DependencyRow]:
        """Takes away one dependency after another; afterwards everything kept meanwhile is sent, and works again."""
        for outage in OUTAGES:
            self.away = outage.custodians
            self.platform.stop(*outage.processes) if outage.processes else None
            try:
                for operation in outage.tried:
                    yield DependencyRow(
                        dependency=outage.name, operation=operation, expected=outage.expected(operation),
                        found=self._tried(operation),
                    )  # fmt: skip
            finally:
                self._give_back(outage)
            if outage.refused.get("reserve"):
                yield DependencyRow(
                    dependency=f"{outage.name}, back again", operation="reserve", expected=WORKS, found=self._resent()
                )

    def _give_back(self, outage: Outage) -> None:
        for name in outage.processes:
            if name == PROVIDER:
                file = self.platform.home / f"{PROVIDER}.log"
                self.platform.processes[name] = start_provider(self.platform.ports[name], file)
            else:
                self.platform.start(name)

    def _tried(self, operation: str) -> str:
        """Tries one operation; returns ``works``, or the code of the error."""
        tries: dict[str, Callable[[], str]] = {
            "card": self._card, "number": self._number, "reserve": self._reserve, "pull": self._pull,
            "publish": self._publish, "stamp": self._stamp, "unseal": self._unseal,
        }  # fmt: skip
        try:
            return tries[operation]()
        except TechnicalFailure as failure:
            code = re.search(r"^\[([a-z-]+)\]", str(failure), re.MULTILINE)
            return "no declared error" if code is None else code[1]

    def _asked(self, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        status, answer = self.platform.desk(path, body)
        return (WORKS if status == _OK else str(answer["type"]).removeprefix("urn:paravent:error:")), answer

    def _card(self) -> str:
        return self._asked("/v1/checks/card", self.card)[0]

    def _number(self) -> str:
        person = next(self.waiting)
        cover = person.coverages[0]
        return self._asked("/v1/checks/number", {
            "insurer": cover.insurer, "nir": printed_nir(cover.nir), "birth_date": person.birth_date,
            "rank": cover.rank, "name": person.name,
        })[0]  # fmt: skip

    def _reserve(self) -> str:
        check = {"check": self._asked("/v1/checks/card", self.card)[1]["check"]}
        outcome, _ = self._asked("/v1/reservations", check)
        return self._asked("/v1/cancellations", check)[0] if outcome == WORKS else outcome

    def _resent(self) -> str:
        """Sends again what the desk kept when nobody answered."""
        acts = self._asked("/v1/pending", {})[1]["acts"]
        ends = {self._asked("/v1/resends", {"idempotency_key": act["idempotency_key"]})[0] for act in acts}
        check = {"check": self._asked("/v1/checks/card", self.card)[1]["check"]}
        return self._asked("/v1/cancellations", check)[0] if ends == {WORKS} else f"{len(acts)} kept: {sorted(ends)}"

    def _pull(self) -> str:
        self.platform.command("insurer", "claims", "--home", self.platform.home / f"insurer-{AMC}")
        return WORKS

    def _publish(self) -> str:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [
                sys.executable, "-m", "paravent", "insurer", "publish", self.platform.home / f"members-{AMC}.csv",
                "--home", self.platform.home / f"insurer-{AMC}", "--guarantees", DATA / f"guarantees-{AMC}.toml",
            ],
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise TechnicalFailure(done.stderr.decode(errors="replace"))
        return WORKS

    def _stamp(self) -> str:
        """Waits until a key server says that its checkpoint was not stamped, and why."""
        log = self.platform.home / "keyserver-1.log"
        for _ in range(_TRIES):
            for line in log.read_text().splitlines():
                if '"not-stamped"' in line:
                    return str(msgspec.json.decode(line)["code"])
            time.sleep(_TRY_SECONDS)
        return "never tried"

    def _unseal(self) -> str:
        """Opens today's window with the shares of the custodians who are there."""
        home, day = self.platform.home / BREACH_DESK, datetime.now(UTC).strftime("%Y-%m-%d")
        shares = [self.platform.home / f"custodian-{number}" / "custodian.key" for number in range(1, 4 - self.away)][
            :2
        ]
        leaves = self.platform.home / f"leaves-{next(_NUMBERS)}"
        self.platform.command(
            "keyserver", "export-log", "--home", self.platform.home / "keyserver-1", "--out", leaves
        )  # fmt: skip
        pin = self.platform.pin
        options = [option for share in shares for option in ("--share", share)]
        self.platform.command(
            "breach", "unseal", self.case, "--home", home, *options, "--leaves", leaves, "--directory", pin["file"],
            "--signer", pin["signer"], "--key", pin["key"], "--from", f"{day}T00", "--to", f"{day}T23",
        )  # fmt: skip
        return WORKS


_NUMBERS = itertools.count(2)


def play(home: Path, population: Population) -> Iterator[DependencyRow]:
    """Sets a platform up in a folder, and takes each dependency away; ends what it started."""
    platform = Platform(home)
    try:
        platform.create(population, 20)
        (closed,) = free_ports(1)
        for name in ("keyserver-1", "keyserver-2", "keyserver-3"):
            at = platform.home / name
            settings = msgspec.structs.replace(
                load_keyserver(at), watch_seconds=1, timestamp_seconds=1, timestamp_url=f"http://127.0.0.1:{closed}/"
            )
            write_config(at, settings, replace=True)
        platform.start(*platform.verifiers())
        for amc in INSURERS:
            platform.publish(amc)
        platform.start("desk", *(f"insurer-{amc}" for amc in INSURERS))
        platform.desk("/v1/refreshes", {})
        coming = [person for person in customers(population) if person.coverages[0].insurer == AMC]
        holder = coming[0]
        card = {"card": card_of(platform, holder), "name": holder.name, "birth_date": holder.birth_date}
        played = Dependencies(platform=platform, waiting=iter(coming[1:]), card=card)
        played.open_case()
        yield from played.rows()
    finally:
        platform.stop()
