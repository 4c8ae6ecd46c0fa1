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

from paravent.drill.conventional.portal import serving
from paravent.drill.conventional.protection import Identity, Protection, Variant
from paravent.drill.conventional.store import DATABASE, Store, create, insured, protection_of
from paravent.drill.platform import SERVERS, Platform
from paravent.drill.population import Population

PERSONS_PER_GUARANTEE_MIN = 20
KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
THRESHOLD = 2
LOGIN = "optician-1"
PASSWORD = "a long pass phrase of a shop"  # noqa: S105 - of nobody: the thief has phished it


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One variant of the conventional platform, running: its home, its port."""

    home: Path
    port: int
    variant: Variant

    def key(self) -> Protection:
        """What the application's own configuration holds."""
        return protection_of(self.home)

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

    def identities(self, population: Population) -> list[Identity]:
        """Lists everybody who is insured."""
        return [identity for identity, _ in insured(population)]


@dataclass(slots=True, kw_only=True)
class Ground:
    """The population, and what runs; ``close`` ends only what was started here."""

    home: Path
    population: Population
    _running: Platform | None = None
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

    def portal(self, variant: Variant) -> Portal:
        """The portal of a variant, with everybody in it and one account."""
        if variant not in self._portals:
            home = self.home / "conventional" / variant.value
            create(home, variant)
            with Store(home, protection_of(home)) as store:
                store.load(insured(self.population))
                store.add_account(LOGIN, PASSWORD)
            port = self._stack.enter_context(serving(home))
            self._portals[variant] = Portal(home=home, port=port, variant=variant)
        return self._portals[variant]

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
