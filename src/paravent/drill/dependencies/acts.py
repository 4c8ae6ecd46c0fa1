"""What is tried while something is away: each operation as who needs it does it; ends in ``works`` or an error code."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from paravent.access.openid_client import METADATA_SECONDS
from paravent.drill.authority import start_authority
from paravent.drill.dependencies.outages import AMC, AUTHORITY, WORKS, DependencyRow, Outage
from paravent.drill.dependencies.visitor import Visitor
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import CUSTODIANS, DATA, PROVIDER, Platform, free_ports, professional, shop
from paravent.drill.population import SyntheticPerson
from paravent.drill.provider import professional_claims, set_claims
from paravent.errors import TechnicalFailure

BREACH_DESK = "breach-desk"
STAMPED = "keyserver-3"
"""Whose checkpoints are looked at: the one server that no outage stops."""

_OK = 200
_SHOWN_CHARACTERS = 400
_TRIES, _TRY_SECONDS = 90, 1.0


@dataclass(slots=True, kw_only=True)
class Dependencies:
    """A running platform, who comes into its shop, and who reads in their insurer's space."""

    platform: Platform
    waiting: Iterator[SyntheticPerson]
    card: dict[str, str]
    visitor: Visitor
    case: str = ""
    away: int = 0
    silent: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2))

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

    def rows(self, outages: Sequence[Outage], seconds: float) -> Iterator[DependencyRow]:
        """Takes away one dependency after another, and tries every operation once it has been away for so long.

        What was refused meanwhile is tried again when it is back.
        """
        for outage in outages:
            began = self._take_away(outage)
            try:
                if outage.takes_away:
                    time.sleep(max(0.0, began + seconds - time.monotonic()))
                for operation in outage.tried:
                    away = int(time.monotonic() - began) if outage.takes_away else 0
                    found = self._tried(operation)
                    yield DependencyRow(
                        dependency=outage.name, operation=operation, away_seconds=away,
                        expected=outage.expected(operation), found=found,
                    )  # fmt: skip
            finally:
                if outage.back:
                    self._give_back(outage)
            for operation in outage.refused if outage.back else ():
                found = self._resent() if operation == "reserve" else self._tried(operation)
                yield DependencyRow(
                    dependency=f"{outage.name}, back again", operation=operation, away_seconds=0, expected=WORKS,
                    found=found,
                )  # fmt: skip

    def _take_away(self, outage: Outage) -> float:
        """Takes it away; returns when, on the monotonic clock."""
        began = time.monotonic()
        self.away, self.silent = outage.custodians, outage.silent
        if outage.silent:
            for name in outage.processes:
                self.platform.processes[name].send_signal(signal.SIGSTOP)
        elif outage.processes:
            self.platform.stop(*outage.processes)
        if PROVIDER in outage.processes:
            # What verifiers keep of it for some seconds tells them nothing of whether it is there.
            time.sleep(METADATA_SECONDS + 1)
        return began

    def _give_back(self, outage: Outage) -> None:
        self.away, self.silent = 0, False
        for name in outage.processes:
            if outage.silent:
                self.platform.processes[name].send_signal(signal.SIGCONT)
            elif name == AUTHORITY:
                self.start_authority()
            else:
                self.platform.start(name)

    def start_authority(self) -> None:
        """Starts the time-stamping authority, with the keys of its folder, and waits until it listens."""
        home = self.platform.home
        process = start_authority(home / AUTHORITY, self.platform.ports[AUTHORITY], home / f"{AUTHORITY}.log")
        self.platform.processes[AUTHORITY] = process
        # A server that asked before it listened would say so after it does.
        self.platform.wait(AUTHORITY)

    def _tried(self, operation: str) -> str:
        """Tries one operation; returns ``works``, or the code of the error."""
        tries: dict[str, Callable[[], str]] = {
            "card": self._card, "number": self._number, "reserve": self._reserve, "enrol": self._enrol,
            "space": self.visitor.read, "sign-in": self.visitor.sign_in, "pull": self._pull,
            "publish": self._publish, "stamp": self._stamp, "unseal": self._unseal,
        }  # fmt: skip
        try:
            return tries[operation]()
        except TechnicalFailure as failure:
            code = re.search(r"^\[([a-z-]+)\]", str(failure), re.MULTILINE)
            return f"no declared error: {str(failure)[-_SHOWN_CHARACTERS:]}" if code is None else code[1]

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

    def _enrol(self) -> str:
        """Enrols a desk of another shop; without the shop's code it waits for 72 hours, which is an enrolment."""
        name = f"desk-{next(self.numbers)}"
        (port,) = free_ports(1)
        home = self.platform.home / name
        self.platform.command(
            "desk", "init", "--home", home, "--professional", professional(port), "--shop", shop(port),
            "--port", str(port), "--allow-single-operator",
        )  # fmt: skip
        self.platform.join("desk", name)
        provider = self.platform.processes.get(PROVIDER)
        if provider is not None and not self.silent:
            set_claims(self.platform.issuer, name, professional_claims(professional(port), shop(port)))
        self.platform.enrol(name)
        return WORKS

    def _stamp(self) -> str:
        """Waits until a checkpoint is stamped anew, as its reader verifies, or the server says why it is not."""
        home, began = self.platform.home, int(time.time())
        log = home / f"{STAMPED}.log"
        read = len(log.read_bytes())
        for _ in range(_TRIES):
            if (at := self._stamped_at()) is not None and at > began:
                return WORKS
            for line in log.read_bytes()[read:].splitlines():
                if b'"not-stamped"' in line:
                    return str(msgspec.json.decode(line)["code"])
            time.sleep(_TRY_SECONDS)
        return "never tried"

    def _stamped_at(self) -> int | None:
        """Exports the log, checks it offline as an auditor would, and returns when it was stamped."""
        home, pin = self.platform.home, self.platform.pin
        found = self.platform.command(
            "breach", "check-log", self._leaves(STAMPED), "--directory", pin["file"], "--signer", pin["signer"],
            "--key", pin["key"], "--authority", home / "authority.pem", "--root", home / "authority-root.pem",
            "--json",
        )  # fmt: skip
        at = found["stamped_at"]
        return None if at is None else int(at)

    def _leaves(self, server: str) -> Path:
        leaves = self.platform.home / f"leaves-{next(self.numbers)}"
        self.platform.command("keyserver", "export-log", "--home", self.platform.home / server, "--out", leaves)
        return leaves

    def _unseal(self) -> str:
        """Opens today's window with the shares of the custodians who are there."""
        home, day = self.platform.home / BREACH_DESK, datetime.now(UTC).strftime("%Y-%m-%d")
        there = [f"custodian-{number}" for number in range(1, CUSTODIANS + 1 - self.away)]
        shares = [self.platform.home / name / "custodian.key" for name in there[:2]]
        pin, leaves = self.platform.pin, self._leaves("keyserver-1")
        options = [option for share in shares for option in ("--share", share)]
        self.platform.command(
            "breach", "unseal", self.case, "--home", home, *options, "--leaves", leaves, "--directory", pin["file"],
            "--signer", pin["signer"], "--key", pin["key"], "--from", f"{day}T00", "--to", f"{day}T23",
        )  # fmt: skip
        return WORKS
