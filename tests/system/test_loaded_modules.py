"""What a running process has loaded: the machine that holds the database has no code that handles a NIR."""

from __future__ import annotations

import re

import pytest

from paravent.drill.platform import Platform
from paravent.drill.population import Population
from tests.system.customers import adults, particulars

FORBIDDEN = ("person", "insurer", "desk", "drill", "demo")


def loaded(platform: Platform, name: str) -> set[str]:
    """Reads from Python's own import trace which modules of the project a process has loaded."""
    text = (platform.home / f"{name}.log").read_text()
    return set(re.findall(r"^import time:.*\|\s+(paravent\S*)$", text, re.MULTILINE))


@pytest.mark.parametrize(("name", "own"), [("hub", "hub"), ("keyserver-1", "keyserver")])
def test_no_person_in_hub_or_key_server(platform: Platform, population: Population, name: str, own: str) -> None:
    assert platform.desk("/v1/checks/number", particulars(adults(population)[3]))[0] == 200
    modules = loaded(platform, name)
    assert f"paravent.{own}.app" in modules
    assert not [module for module in modules if module.split(".")[1:2] and module.split(".")[1] in FORBIDDEN]


def test_the_trace_does_show_a_person_where_there_is_one(platform: Platform) -> None:
    assert "paravent.person.nir" in loaded(platform, "desk")
