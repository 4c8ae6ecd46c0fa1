"""What a running process has loaded: the machine that holds the database has no code that handles a NIR."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from paravent.drill.platform import Platform
from paravent.drill.population import Population
from tests.system.customers import adults, particulars

FORBIDDEN = ("person", "insurer", "desk", "drill", "demo")


HEAVY = ("aiohttp", "joserfc", "openpyxl", "rich", "uvicorn", "starlette", "jinja2", "fpdf", "psycopg", "sqlalchemy")
"""Libraries of some verbs only; each would cost every other verb a tenth of its start, or more."""


def traced(text: str) -> set[str]:
    """Reads from Python's own import trace which modules were loaded."""
    return set(re.findall(r"^import time:.*\|\s+(\S+)$", text, re.MULTILINE))


def loaded(platform: Platform, name: str) -> set[str]:
    """Lists the modules that a process of a platform has loaded."""
    return traced((platform.home / f"{name}.log").read_text())


@pytest.mark.parametrize(("name", "own"), [("hub", "hub"), ("keyserver-1", "keyserver")])
def test_no_person_in_hub_or_key_server(platform: Platform, population: Population, name: str, own: str) -> None:
    assert platform.desk("/v1/checks/number", particulars(adults(population)[3]))[0] == 200
    modules = loaded(platform, name)
    assert f"paravent.{own}.app" in modules
    own_modules = [module.split(".") for module in modules if module.startswith("paravent.")]
    assert not [parts for parts in own_modules if parts[1] in FORBIDDEN]
    # What judges a login is there before the first one, which would make everybody else wait for it.
    assert "joserfc.jws" in modules


def test_the_trace_does_show_a_person_where_there_is_one(platform: Platform) -> None:
    assert "paravent.person.nir" in loaded(platform, "desk")


@pytest.mark.parametrize(
    "verb", ["insurer claims", "hub directory", "desk enrol", "keyserver shop-code", "breach unseal"]
)
def test_a_verb_is_found_without_the_libraries_of_others(verb: str) -> None:
    asked = [sys.executable, "-X", "importtime", "-m", "paravent", *verb.split(), "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    modules = traced(done.stderr)
    assert f"paravent.{verb.split(maxsplit=1)[0]}.cli" in modules
    assert not {module.split(".")[0] for module in modules} & {*HEAVY}


def test_the_trace_shows_a_library_where_it_is_loaded() -> None:
    asked = [sys.executable, "-X", "importtime", "-c", "import paravent.access.app"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert {"starlette", "uvicorn"} <= traced(done.stderr)
