"""The parties whose disk is cut off or in trouble, each with the settings that are shown to lose: the controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from paravent.bench.counters import counters
from paravent.bench.power_subject import HubAndPostgresql, HubOnDrive, KeyServersOnDrive, Settings, Subject
from paravent.bench.served import served
from paravent.drill.platform import free_ports

SHOPS = 8
Making = Callable[[Path, Path, Settings], AbstractContextManager[Subject]]
"""Makes a party: the drive's folder, a folder outside it, how it waits for the disk."""


@contextmanager
def _hub(drive: Path, outside: Path, settings: Settings) -> Iterator[Subject]:
    (port,) = free_ports(1)
    with counters(outside, SHOPS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        yield HubOnDrive(settings=settings, shops=shops, folder=drive, port=port)


@contextmanager
def _hub_postgresql(drive: Path, outside: Path, settings: Settings) -> Iterator[Subject]:
    (port,) = free_ports(1)
    with counters(outside, SHOPS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        yield HubAndPostgresql(settings=settings, shops=shops, folder=drive, port=port)


@contextmanager
def _keyservers(drive: Path, _: Path, settings: Settings) -> Iterator[Subject]:
    with served(drive) as running:
        yield KeyServersOnDrive(settings=settings, running=running)


PARTIES: tuple[tuple[str, Making, tuple[Settings, ...]], ...] = (
    ("key servers, SQLite", _keyservers, (Settings.SQLITE_OFF,)),
    ("hub, SQLite", _hub, (Settings.SQLITE_OFF,)),
    ("hub, PostgreSQL", _hub_postgresql, (Settings.COMMIT_OFF, Settings.FSYNC_OFF)),
)


@contextmanager
def ended(subject: Subject) -> Iterator[None]:
    """Ends its processes, whatever happened."""
    try:
        yield
    finally:
        subject.kill()
        subject.reap()


def folder_name(party: str, settings: Settings) -> str:
    """Names the folder in which a party is measured under settings."""
    return f"{party}-{settings.name}".replace(", ", "-").replace(" ", "-").lower()
