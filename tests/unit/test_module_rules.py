"""What a file may use: only the rim touches clock, disk, network, environment and randomness.

The rules stand in ``RULES``; each is shown refusing. They also refuse what would hide an import from the
contracts of pyproject.toml (test_architecture.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "paravent"

# Files of these names, or whose name ends so (claim_store.py), are the rim: they touch the world.
RIM = frozenset({"app", "cli", "client", "config", "store"})
# Packages that play the whole platform: they are outside every party.
PLAYERS = frozenset({"bench", "demo", "drill"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What may be used in few places only; a module stands for all it holds."""

    name: str
    refused: frozenset[str]
    rim: bool = False
    players: bool = False
    files: frozenset[str] = field(default=frozenset())

    def allows(self, file: PurePosixPath) -> bool:
        """Says whether the rule leaves this file free; the path is relative to the package."""
        return (
            (self.rim and file.stem.rsplit("_", 1)[-1] in RIM)
            or (self.players and file.parts[0] in PLAYERS)
            or str(file) in self.files
        )


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


RULES = (
    Rule(
        name="imports are statements, so that the contracts see every one",
        refused=_names("""
            importlib imp pkgutil runpy zipimport code codeop builtins.* sys.modules sys.meta_path
            builtins.__import__ builtins.__builtins__ builtins.__loader__ builtins.__spec__
            builtins.compile builtins.eval builtins.exec builtins.globals
        """),
    ),
    Rule(
        name="a package is imported by its own name, never through the root",
        refused=_names("paravent.*"),
    ),
    Rule(
        name="decoding is strict",
        refused=_names("pickle marshal shelve dbm"),
    ),
    Rule(
        name="foreign code is called in one place",
        refused=_names("ctypes cffi"),
        files=_names("crypto/sodium.py"),
    ),
    Rule(
        name="what can be predicted is never drawn for a party",
        refused=_names("random numpy.random"),
        players=True,
    ),
    Rule(
        name="unpredictable bytes come from the argument rng",
        refused=_names("secrets uuid"),
        rim=True,
        players=True,
    ),
    Rule(
        name="the time comes from the argument now",
        refused=_names("""
            time datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow
            datetime.date.today
        """),
        rim=True,
        players=True,
        files=_names("access/logs.py"),  # an event carries its time
    ),
    Rule(
        name="files are read and written at the rim",
        refused=_names("""
            builtins.open os io.open io.open_code io.FileIO pathlib shutil tempfile glob fileinput
            mmap fcntl sqlite3 sqlalchemy psycopg
        """),
        rim=True,
        players=True,
    ),
    Rule(
        name="the network is reached at the rim",
        refused=_names("""
            socket ssl select selectors socketserver http urllib aiohttp yarl httpx2 httpcore2 h11 httptools
            uvicorn uvloop starlette asyncio.open_connection asyncio.start_server
            asyncio.open_unix_connection
        """),
        rim=True,
        players=True,
    ),
    Rule(
        name="the environment, other processes and the output are the rim's",
        refused=_names("""
            sys platform getpass signal subprocess multiprocessing concurrent threading logging
            rich click asyncio.create_subprocess_exec asyncio.create_subprocess_shell
            builtins.print builtins.input
        """),
        rim=True,
        players=True,
        files=_names("access/progress.py access/logs.py"),  # the progress bar of the command lines, and the logs
    ),
)


def uses(text: str) -> Iterator[tuple[int, str]]:
    """Yields each imported module or name, and each name in use, spelt from the module that defines it."""
    tree = ast.parse(text)
    spelt: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if "." in alias.name else f"{alias.name}.*"
                yield node.lineno, whole
                spelt[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else whole.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
                spelt[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.lineno, _spell(node, spelt)


def _spell(node: ast.expr, spelt: dict[str, str]) -> str:
    match node:
        case ast.Name():
            return spelt.get(node.id, f"builtins.{node.id}")
        case ast.Attribute():
            return f"{_spell(node.value, spelt)}.{node.attr}"
        case _:
            return "?"


def violations(text: str, file: PurePosixPath) -> list[str]:
    """Lists what a file uses against the rules."""
    return [
        f"{file}:{line}: {use}: {rule.name}"
        for line, use in uses(text)
        for rule in RULES
        if not rule.allows(file) and any(use == name or use.startswith(f"{name}.") for name in rule.refused)
    ]


def test_every_file_keeps_the_rules() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        found += violations(path.read_text("utf-8"), PurePosixPath(path.relative_to(SOURCE)))
    assert found == []


PURE, RIM_FILE, PLAYER = (PurePosixPath(name) for name in ("hub/rows.py", "hub/claim_store.py", "drill/thief.py"))


@pytest.mark.parametrize(
    ("text", "rim", "player"),
    [
        ("import time", True, True),
        ("from time import time", True, True),
        ("import datetime as d\nd.datetime.now(d.UTC)", True, True),
        ("from datetime import date as day\nday.today()", True, True),
        ("def f():\n    from os import urandom", True, True),
        ("import os.path", True, True),
        ("open('x')", True, True),
        ("reader = open", True, True),
        ("try:\n    import sqlite3\nexcept ImportError:\n    pass", True, True),
        ("from http.client import HTTPConnection", True, True),
        ("import aiohttp as a", True, True),
        ("import asyncio\nasyncio.open_connection('x', 1)", True, True),
        ("import sys", True, True),
        ("print('x')", True, True),
        ("import secrets", True, True),
        ("from random import Random", False, True),
        ("import pickle", False, False),
        ("from ctypes import CDLL", False, False),
        ("import sys\nsys.modules['paravent.person']", False, False),
    ],
)
def test_the_rules_refuse_what_is_used_in_the_wrong_place(*, text: str, rim: bool, player: bool) -> None:
    assert violations(text, PURE)
    assert (violations(text, RIM_FILE) == []) is rim
    assert (violations(text, PLAYER) == []) is player


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import UTC, date, datetime, time\ndatetime.combine(date(2026, 1, 1), time(0), UTC)",
        "import asyncio\nasync def f(q):\n    await asyncio.sleep(0)",
        "import re\nre.compile('x')\nbox.open(b'')\nrow.time\nstatement.exec",
        "from paravent.wire import codec\nimport paravent.wire.codec",
    ],
)
def test_the_rules_leave_pure_code_alone(text: str) -> None:
    assert violations(text, PURE) == []


def test_the_root_package_imports_nothing() -> None:
    assert list(uses((SOURCE / "__init__.py").read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module('paravent.person')",
        "from importlib import import_module as load\nload('paravent.person')",
        "def f():\n    __import__('paravent.person')",
        "load = __import__",
        "__builtins__['__import__']('paravent.person')",
        "import builtins",
        "exec('import paravent.person')",
        "eval('__import__(\"paravent.person\")')",
        "compile('import paravent.person', '', 'exec')",
        "globals()['__builtins__']",
        "import runpy\nrunpy.run_module('paravent.person')",
        "import pkgutil",
        "import paravent\nparavent.person",
        "import paravent as whole\nwhole.person",
        "from paravent import *",
    ],
)
@pytest.mark.parametrize("file", [PURE, RIM_FILE, PLAYER, PurePosixPath("cli.py")], ids=str)
def test_no_import_is_hidden_from_the_contracts(text: str, file: PurePosixPath) -> None:
    assert violations(text, file)
