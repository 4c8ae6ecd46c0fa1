"""A key server, the hub and an insurer change their keys, and the platform goes on after the next epoch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, synthesise
from paravent.errors import TechnicalFailure
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

AMC = next(iter(INSURERS))
CHANGING = (KEYSERVERS[0], "hub", f"insurer-{AMC}")


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(120, list(INSURERS), 41, datetime.now(UTC).year)


@pytest.fixture
def served(population: Population, tmp_path: Path) -> Iterator[Platform]:
    running = Platform(tmp_path)
    try:
        running.create(population, 5)
        running.start(*KEYSERVERS, "hub", "desk")
        for amc in INSURERS:
            running.publish(amc)
        yield running
    finally:
        running.stop()


def check(platform: Platform, population: Population, number: int) -> tuple[int, str]:
    status, answer = platform.desk("/v1/checks/number", particulars(adults(population)[number]))
    return status, str(answer.get("type", "")).rpartition(":")[2]


def sign(platform: Platform, *changes: str | Path) -> None:
    """Signs the next directory with the entries as they are now."""
    home, entries = platform.home, list[str | Path]()
    for kind, pattern in (("keyserver", "keyserver-?.json"), ("insurer", "insurer-*.json"),
                          ("custodian", "custodian-?.json"), ("breach-desk", "breach-desk.json")):  # fmt: skip
        for path in sorted(home.glob(pattern)):
            entries += [f"--{kind}", path]
    platform.command(
        "hub", "directory", "--home", home / "hub", "--key", home / "directory" / "directory.key", *entries, *changes
    )


def join(platform: Platform, name: str, *options: str | Path) -> None:
    pin = platform.pin
    platform.command(
        name.partition("-")[0], "join", "--home", platform.home / name, "--directory", pin["file"],
        "--signer", pin["signer"], "--key", pin["key"], *options,
    )  # fmt: skip


def test_keys_change_by_the_word_of_the_former_ones(served: Platform, population: Population) -> None:
    platform, changes = served, list[str | Path]()
    platform.desk("/v1/refreshes", {})
    assert check(platform, population, 1)[0] == 200
    for name in CHANGING:
        change = platform.home / f"change-of-{name}"
        entry = platform.home / (f"{name}.json" if name != "hub" else "entry-of-the-hub")
        platform.command(
            name.partition("-")[0], "next-key", "--home", platform.home / name, "--change", change, "--entry", entry
        )
        changes += ["--change", change]
    with pytest.raises(TechnicalFailure, match="without the signature of the former one"):
        sign(platform, *changes[:2])
    sign(platform, *changes)
    parties = (*KEYSERVERS, "hub", "desk")
    platform.stop(*parties)
    for name in KEYSERVERS:
        join(platform, name, "--cosigned", platform.pin["file"])
    for name in ("hub", *(f"insurer-{amc}" for amc in INSURERS), "desk"):
        join(platform, name)
    for name in CHANGING:
        assert not list((platform.home / name / "secrets").glob("*.next.key"))
    platform.start(*parties)
    # What the former key receipted or signed is not believed: the card lane goes on, the number lane waits.
    assert check(platform, population, 2)[0] != 200
    for amc in INSURERS:
        platform.rotate(amc)
        platform.publish(amc)
    platform.desk("/v1/refreshes", {})
    platform.stop("desk")
    platform.start("desk")
    assert check(platform, population, 2) == (200, "")
