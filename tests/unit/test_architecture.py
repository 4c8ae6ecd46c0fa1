"""The promises that are kept by what code can reach: import contracts, and the files that touch the world.

The contracts stand in pyproject.toml and import-linter keeps them; the rules stand here, in ``RULES``. A wall
that cannot be seen to stop anything is none, so each one is shown to refuse a violation written into a copy.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "paravent"
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}

# --- the rules on what a file may use --------------------------------------------------------

# Files of these names, or whose name ends so (claim_store.py), are the rim: they touch the world for the others.
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
        refused=_names(
            "importlib imp pkgutil runpy zipimport code codeop builtins.* sys.modules sys.meta_path builtins.__import__ "
            "builtins.__builtins__ builtins.__loader__ builtins.__spec__ builtins.compile builtins.eval builtins.exec "
            "builtins.globals"
        ),
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
        refused=_names(
            "time datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow datetime.date.today"
        ),
        rim=True,
        players=True,
    ),
    Rule(
        name="files are read and written at the rim",
        refused=_names(
            "builtins.open os io pathlib shutil tempfile glob fileinput mmap fcntl sqlite3 sqlalchemy psycopg"
        ),
        rim=True,
        players=True,
    ),
    Rule(
        name="the network is reached at the rim",
        refused=_names(
            "socket ssl select selectors socketserver http urllib httpx2 httpcore2 h11 httptools uvicorn uvloop "
            "starlette asyncio.open_connection asyncio.start_server asyncio.open_unix_connection"
        ),
        rim=True,
        players=True,
    ),
    Rule(
        name="the environment, other processes and the output are the rim's",
        refused=_names(
            "sys platform getpass signal subprocess multiprocessing concurrent threading logging structlog rich click "
            "asyncio.create_subprocess_exec asyncio.create_subprocess_shell builtins.print builtins.input"
        ),
        rim=True,
        players=True,
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
        ("import httpx2 as h", True, True),
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
        "from datetime import UTC, date, datetime, time\nstart = datetime.combine(date(2026, 1, 1), time(0), UTC)",
        "import asyncio\nasync def f(q):\n    await asyncio.sleep(0)",
        "import re\nre.compile('x')\nbox.open(b'')\nrow.time\nstatement.exec",
        "from paravent.wire import codec\nimport paravent.wire.codec",
    ],
)
def test_the_rules_leave_pure_code_alone(text: str) -> None:
    assert violations(text, PURE) == []


def test_the_root_package_imports_nothing() -> None:
    assert list(uses((SOURCE / "__init__.py").read_text("utf-8"))) == []


# --- the import contracts --------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, where violations can be written."""
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(SOURCE, folder / "src" / "paravent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def seed(copy: Path) -> Iterator[Callable[[str, str], None]]:
    """Writes modules into the copy, for one test."""
    written: list[Path] = []

    def write(module: str, text: str) -> None:
        path = copy.joinpath("src", *module.split(".")).with_suffix(".py")
        assert path.parent.is_dir(), "a violation is seeded in a package that exists"
        path.write_text(text, "utf-8")
        written.append(path)

    yield write
    for path in written:
        path.unlink()


def broken(tree: Path, *contracts: str) -> int:
    """Counts the contracts that import-linter finds broken in a tree, of those named or of all."""
    answer = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"]
        + [argument for contract in contracts for argument in ("--contract", contract)],
        cwd=tree, env=os.environ | {"PYTHONPATH": str(tree / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    counts = re.search(r"Contracts: (\d+) kept, (\d+) broken", answer.stdout)
    assert counts, answer.stdout
    assert int(counts[1]) + int(counts[2]) == len(contracts or CONTRACTS)
    return int(counts[2])


def test_the_tree_keeps_every_contract(copy: Path) -> None:
    assert broken(copy) == 0


FORMS = {
    "package": "import paravent.person",
    "module under another name": "import paravent.person.nir as number",
    "package from the root": "from paravent import person",
    "package from the root, renamed": "from paravent import person as customer",
    "module": "from paravent.person import nir",
    "name": "from paravent.person.nir import Nir",
    "relative package": "from .. import person",
    "relative module": "from ..person import nir",
    "in a function": "def f():\n    from paravent.person import nir",
    "for types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from paravent.person import nir",
    "if it can": "try:\n    import paravent.person.nir\nexcept ImportError:\n    pass",
    "in a class, in a branch": "class C:\n    if 1:\n        from paravent.person.nir import Nir",
}


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_import_passes_the_wall_around_persons(
    form: str, copy: Path, seed: Callable[[str, str], None]
) -> None:
    seed("paravent.hub.seeded", FORMS[form])
    assert broken(copy, "person") == 1


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


@pytest.mark.parametrize("package", CONTRACTS["person"]["source_modules"])
def test_no_package_below_reaches_persons(package: str, copy: Path, seed: Callable[[str, str], None]) -> None:
    module = f"{package}.seeded" if copy.joinpath("src", *package.split(".")).is_dir() else None
    if module is None:
        path = copy.joinpath("src", *package.split(".")).with_suffix(".py")
        text = path.read_text("utf-8")
        path.write_text(f"{text}\nimport paravent.person\n", "utf-8")
        assert broken(copy, "person") == 1
        path.write_text(text, "utf-8")
    else:
        seed(module, "import paravent.person")
        assert broken(copy, "person") == 1


@pytest.mark.parametrize(
    ("contract", "modules"),
    [
        ("person", {"paravent.hub.seeded": "import paravent.desk.client"}),
        ("person", {"paravent.keyserver.seeded": "import paravent.access.seeded",
                    "paravent.access.seeded": "from paravent.person import nir"}),
        ("person-direct", {"paravent.demo.seeded": "def f():\n    from paravent.person.nir import Nir"}),
        ("layers", {"paravent.hub.seeded": "import paravent.keyserver.store"}),
        ("layers", {"paravent.insurer.seeded": "import paravent.desk"}),
        ("layers", {"paravent.optics.seeded": "import paravent.access.requests"}),
        ("layers", {"paravent.crypto.seeded": "import paravent.wire.codec"}),
        ("layers", {"paravent.wire.seeded": "import paravent.access.requests"}),
        ("layers", {"paravent.access.seeded": "import paravent.hub.rows"}),
        ("layers", {"paravent.drill.seeded": "import paravent.cli"}),
        ("layers", {"paravent.seeded": "a_package_outside_every_layer = True"}),
        ("keyserver-extra", {"paravent.keyserver.seeded": "import cbor2"}),
        ("keyserver-extra", {"paravent.keyserver.seeded": "import paravent.access.client"}),
    ],
    ids=str,
)  # fmt: skip
def test_each_contract_refuses(
    contract: str, modules: dict[str, str], copy: Path, seed: Callable[[str, str], None]
) -> None:
    for module, text in modules.items():
        seed(module, text)
    assert broken(copy, contract) == 1


def test_every_package_stands_in_the_contracts_about_persons() -> None:
    packages = {f"paravent.{path.stem}" for path in SOURCE.iterdir() if path.stem not in {"__init__", "__pycache__"}}
    handlers = {"paravent.person", "paravent.insurer", "paravent.desk", "paravent.drill"}
    walled = CONTRACTS["person"]["source_modules"] + CONTRACTS["person-direct"]["source_modules"]
    assert set(walled) == packages - handlers, "add the new package to contract person or person-direct"
