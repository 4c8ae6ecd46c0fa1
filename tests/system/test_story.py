"""The demonstration as its reader runs it, and the theft with each set of stolen files."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations

from paravent.drill.platform import Platform
from paravent.drill.population import Population
from paravent.drill.theft import Theft, copy_database, read_directory
from tests.system.conftest import KEYSERVERS


def test_the_demonstration_ends_with_its_figures() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "paravent", "demo", "--persons", "300", "--exit", "--json", "--lang", "fr"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    seconds = figures.pop("seconds")
    assert seconds > 0
    assert figures == {
        "published": 300,
        "card_checks": 3,
        "number_checks": 2,
        "claims_accepted": 1,
        "claims_refused": 1,
        "payable_cents": 45_991,
        "insurer_recomputed": 1,
        "opened_with_dump_and_one_server": 0,
        "opened_with_dump_and_two_servers": 300,
    }


def test_fewer_than_t_servers_open_no_record_and_any_t_open_all(platform: Platform, population: Population) -> None:
    copy = copy_database(platform.home / "hub" / "hub.db", platform.home / "stolen.db")
    theft = Theft(database=copy, leaked=population.leaked_list(), directory=read_directory(platform))
    for count in range(len(KEYSERVERS) + 1):
        for servers in combinations(KEYSERVERS, count):
            loot = theft.attack(platform.key_files(*servers))
            expected = 0 if count < 2 else len(population.persons)
            assert population.persons_of(loot.opened) == expected, servers
            assert population.persons_of(loot.members) == expected, servers


def test_the_whole_look_up_key_without_opening_keys_tells_membership_and_opens_no_record(
    platform: Platform, population: Population
) -> None:
    copy = copy_database(platform.home / "hub" / "hub.db", platform.home / "stolen-2.db")
    theft = Theft(database=copy, leaked=population.leaked_list(), directory=read_directory(platform))
    shares = [path for path in platform.key_files(*KEYSERVERS) if path.name.startswith("share")]
    loot = theft.attack(shares)
    assert population.persons_of(loot.members) == len(population.persons)
    assert population.persons_of(loot.opened) == 0
