"""A hub that loses every file while its platform is at work, and the verbs by which it comes back (protocol.md 18).

What an operator keeps away from the machine is all that a new home begins with; the rest is given back by the others.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.bench.invented import OK
from paravent.bench.kill_ground import KillGround
from paravent.bench.kill_load import DESK
from paravent.bench.kills import under_load
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import INSURERS
from paravent.drill.population import SyntheticPerson
from paravent.errors import TechnicalFailure

KEPT_APART = (
    "config.toml", "directory.json", "secrets/signing.key", "secrets/database.key", "secrets/enrolment.key",
    "secrets/openid-client.secret",
)  # fmt: skip
"""What an operator keeps of a hub away from its machine (docs/continuity.md); backups come beside."""
_TRADE_SECONDS_MAX = 900.0
_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class Stages:
    """Seconds of each stage of a return, in the order in which they came."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, stage: str, run: Callable[[], object]) -> None:
        """Runs a part of a stage, and adds its time."""
        started = time.perf_counter()
        run()
        self.seconds[stage] = self.of(stage) + time.perf_counter() - started

    def of(self, stage: str) -> float:
        """Returns the seconds of a stage: 0 for one that was not needed."""
        return self.seconds.get(stage, 0.0)

    def total(self) -> float:
        """Returns the seconds so far."""
        return sum(self.seconds.values())


@dataclass(slots=True, kw_only=True)
class LosableHub:
    """The hub of a platform at work; ``customers`` are those who buy, by member; ``apart`` is another machine."""

    ground: KillGround
    customers: Mapping[str, SyntheticPerson]
    apart: Path

    @classmethod
    def of(cls, ground: KillGround) -> LosableHub:
        """Keeps apart what an operator does, and draws the key of the backups."""
        home = ground.platform.home
        made = cls(
            ground=ground, customers={person.member_id: person for person in ground.counters[0].waiting},
            apart=home / "apart",
        )  # fmt: skip
        (made.apart / "secrets").mkdir(parents=True)
        for name in KEPT_APART:
            shutil.copy2(home / "hub" / name, made.apart / name)
        made.verb("backup-key", "--key", made.apart / "backup.key", "--public", made.apart / "backup.pub")
        return made

    def verb(self, *words: str | Path) -> dict[str, Any]:
        """Runs a verb of the hub."""
        return self.ground.platform.command("hub", *words, "--home", self.ground.platform.home / "hub", "--json")

    def trade(self, purchases: int) -> None:
        """Serves customers until so many more have bought, and each key server has opened something more."""
        told = self.ground.told
        wanted, leaves = len(told.claims()) + purchases, {name: len(kept) for name, kept in told.leaves.items()}
        deadline = time.monotonic() + _TRADE_SECONDS_MAX
        with under_load(self.ground):
            while len(told.claims()) < wanted or not self._witnessed(leaves):
                if time.monotonic() > deadline:
                    raise TechnicalFailure("the customers of the benchmark do not buy: the machine is too busy")
                time.sleep(_PAUSE_SECONDS)

    def _witnessed(self, before: Mapping[str, int]) -> bool:
        leaves = self.ground.told.leaves
        return all(
            len(leaves.get(one.inventor.server.name, [])) > before.get(one.inventor.server.name, 0)
            for one in self.ground.openings
        )

    # --- losing it, and coming back ---------------------------------------------------------------

    def lose(self) -> None:
        """Kills the hub and deletes its home; a new one begins with what was kept apart."""
        self.ground.kill("hub")
        home = self.ground.platform.home / "hub"
        shutil.rmtree(home)
        (home / "secrets").mkdir(parents=True, mode=0o700)
        for name in KEPT_APART:
            shutil.copy2(self.apart / name, home / name)

    def back_up(self, name: str) -> None:
        """Writes a backup, away from the hub's home."""
        self.verb("backup", "--out", self.apart / name, "--to", self.apart / "backup.pub")

    def restore(self, backup: str | None = None) -> None:
        """Puts the hub back, from a backup or from nothing, and starts it."""
        source = () if backup is None else (self.apart / backup, "--key", self.apart / "backup.key")
        self.verb("restore", *source)
        self.ground.start("hub")

    def publish(self) -> None:
        """Has every insurer publish everything again, one after another."""
        for amc in INSURERS:
            self.ground.platform.publish(amc, "--complete")

    def enrol(self) -> None:
        """Enrols the desk again: a hub that begins from nothing knows no device."""
        self.ground.platform.enrol_again(DESK)

    def refresh(self) -> None:
        """Has the desk fetch its lists, and give back its acts with that; somebody is checked then."""
        self.require("/v1/refreshes", {})
        self.check(next(iter(self.customers.values())))

    def pull(self) -> None:
        """Has every insurer pull, and give back what it was told."""
        self.ground.pulled()

    def reopen(self, *, waiting: bool = True) -> None:
        """Has acts decided again, once every insurer has given back, or without ``waiting``."""
        without = () if waiting else (option for amc in INSURERS for option in ("--without", amc))
        self.verb("reopen", *without)

    # --- asking as a client does ------------------------------------------------------------------

    def require(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Asks the desk; raises TechnicalFailure when it refuses or does not answer."""
        status, answer = self.ground.counters[0].ask(path, body)
        if status != OK:
            raise TechnicalFailure(f"the desk of the benchmark answers {path} with {answer.get('detail')}")
        return answer

    def check(self, person: SyntheticPerson) -> dict[str, Any]:
        """Checks somebody by number; returns what names the check."""
        cover = person.coverages[0]
        found = self.require("/v1/checks/number", {
            "insurer": cover.insurer, "nir": printed_nir(cover.nir), "birth_date": person.birth_date,
            "rank": cover.rank, "name": person.name,
        })  # fmt: skip
        return {"check": found["check"]}

    def used(self) -> list[SyntheticPerson]:
        """Lists whose right was used: they bought."""
        told = self.ground.told.claims().values()
        return [self.customers[one.person] for one in told if one.person in self.customers]

    def promised_again(self) -> int:
        """Asks once more for every right that was used; returns how many were promised again."""
        answers = [self.require("/v1/reservations", self.check(person)) for person in self.used()]
        return sum(answer["outcome"] == "accepted" for answer in answers)
