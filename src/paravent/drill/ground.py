"""Where the drill fights: one running platform and one portal of each conventional variant, started when first needed.

Scenarios share them, so that a whole drill takes minutes; whoever alters more than the thief's own part takes a
platform of its own (``apart``).
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paravent.crypto.entitlement import DeskPart
from paravent.drill.conventional.portal import PID_FILE, serving
from paravent.drill.conventional.protection import Protection, Variant
from paravent.drill.conventional.store import DATABASE, Store, create, insured, protection_of
from paravent.drill.counter import Counter, customers
from paravent.drill.platform import SERVERS, Platform
from paravent.drill.population import LeakedLine, Population, SyntheticPerson
from paravent.drill.theft import copy_database
from paravent.errors import TechnicalFailure
from paravent.person.bindings import holder_value
from paravent.person.identity import Holder

PERSONS_PER_GUARANTEE_MIN = 20
KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
THRESHOLD = 2
LOGIN, INSURER_LOGIN = "optician-1", "insurer-1"
PASSWORD = "a long pass phrase of a shop"  # noqa: S105 - of nobody: the thief has phished it


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One variant of the conventional platform, running: its home, its port."""

    home: Path
    port: int
    variant: Variant
    quota: int | None

    @property
    def case(self) -> str:
        """How rows name it: the variant, and the persons a day of an account where they are limited."""
        return self.variant.value if self.quota is None else f"{self.variant.value}-{self.quota}-a-day"

    def key(self) -> Protection:
        """What the application's own configuration holds."""
        return protection_of(self.home)

    @property
    def pid(self) -> int:
        """The process."""
        return int((self.home / PID_FILE).read_text())

    def without_key(self) -> Protection:
        """What a thief of the database has."""
        return Protection(variant=self.variant, key=None)

    def backup(self) -> Path:
        """Copies the database alone, as a backup or a thief does, once; the key stays in the application."""
        target = self.home / "backup"
        if not target.exists():
            target.mkdir()
            shutil.copy(self.home / DATABASE, target / DATABASE)
        return target

    def fresh_copy(self, folder: Path) -> Path:
        """Copies the database as it is now, while it runs."""
        copy_database(self.home / DATABASE, folder / DATABASE)
        return folder


@dataclass(slots=True, kw_only=True)
class Ground:
    """The population, and what runs; ``close`` ends only what was started here."""

    home: Path
    population: Population
    _running: Platform | None = None
    _served: int = 0
    _portals: dict[Variant, Portal] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def persons(self) -> int:
        """How many are insured."""
        return len(self.population.persons)

    def paravent(self) -> Platform:
        """The platform that scenarios share: key servers and hub run, everybody is published."""
        if self._running is None:
            self._running = self._stack.enter_context(self.apart("paravent"))
        return self._running

    def counter(self, desk: str = "desk") -> Counter:
        """A desk of that platform, at work; enrolled first when it is not there yet."""
        platform = self.paravent()
        if desk not in platform.ports:
            platform.add_desk(desk)
        if desk not in platform.processes:
            platform.start(desk)
        counter = Counter(platform=platform, desk=desk)
        counter.ask("/v1/refreshes", {})
        return counter

    def next_customers(self, count: int) -> list[SyntheticPerson]:
        """Customers whom no scenario has served yet; raises TechnicalFailure when none are left."""
        found = customers(self.population)[self._served : self._served + count]
        if len(found) < count:
            raise TechnicalFailure("this population has too few customers for every scenario: take more persons")
        self._served += count
        return found

    def lines_of(self, part: DeskPart) -> set[LeakedLine]:
        """Finds in the list whose desk part it is: the salt stands beside the value, so every name can be tried."""
        return {
            line for line in self.population.leaked_list()
            if part.holder == holder_value(part.salt, Holder.from_card(name=line.name, birth_date=line.birth_date))
        }  # fmt: skip

    def portal(self, variant: Variant) -> Portal:
        """The portal of a variant, with everybody in it, a professional's account and an insurer's."""
        if variant not in self._portals:
            self._portals[variant] = self.portal_apart(variant, quota=None)
        return self._portals[variant]

    def portal_apart(self, variant: Variant, *, quota: int | None) -> Portal:
        """A portal of its own; an account of it may look up ``quota`` persons a day."""
        home = self.folder("conventional") / variant.value
        create(home, variant, quota)
        with Store(home, protection_of(home)) as store:
            store.load(insured(self.population))
            store.add_account(LOGIN, PASSWORD)
            store.add_account(INSURER_LOGIN, PASSWORD, self.population.insurers[0])
        port = self._stack.enter_context(serving(home))
        return Portal(home=home, port=port, variant=variant, quota=quota)

    @contextmanager
    def apart(self, name: str) -> Iterator[Platform]:
        """A platform of its own."""
        platform = Platform(self.folder(name))
        try:
            platform.create(self.population, PERSONS_PER_GUARANTEE_MIN)
            for party in (*KEYSERVERS, "hub"):
                # Logs are cosigned each second: a case begins as soon as a theft ends.
                config = platform.home / party / "config.toml"
                config.write_text(config.read_text().replace("watch_seconds = 20", "watch_seconds = 1"))
            platform.start(*KEYSERVERS, "hub")
            for amc in self.population.insurers:
                platform.publish(amc)
            yield platform
        finally:
            platform.stop()

    def folder(self, name: str) -> Path:
        """Makes a folder of its own."""
        folder = self.home / f"{name}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder

    def close(self) -> None:
        """Ends what runs."""
        self._stack.close()
