"""What code can reach what: each import contract of pyproject.toml holds, and refuses a seeded violation.

A wall that cannot be seen to stop anything is none, so violations are written into a copy of the tree, in
every form that an import can take. What is no import statement is refused by test_module_rules.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "paravent"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, where violations can be written."""
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(SOURCE, folder / "src" / "paravent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def seed(copy: Path) -> Iterator[Callable[[str, str], None]]:
    """Adds code to modules of the copy, new or not, for one test."""
    before: dict[Path, str | None] = {}

    def add(module: str, text: str) -> None:
        path = copy.joinpath("src", *module.split(".")).with_suffix(".py")
        assert path.parent.is_dir(), "a violation is seeded in a package that exists"
        before[path] = path.read_text("utf-8") if path.exists() else None
        path.write_text(f"{before[path] or ''}\n{text}\n", "utf-8")

    yield add
    for path, text in before.items():
        path.unlink() if text is None else path.write_text(text, "utf-8")


def broken(tree: Path, *contracts: str) -> int:
    """Counts the contracts that import-linter finds broken in a tree, of those named or of all."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    for contract in contracts:
        command += ["--contract", contract]
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    answer = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
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
    "for types only": "import typing\nif typing.TYPE_CHECKING:\n    from paravent.person import nir",
    "for types only, by name": "from typing import TYPE_CHECKING as T\nif T:\n    import paravent.person",
    "if it can": "try:\n    import paravent.person.nir\nexcept ImportError:\n    pass",
    "in a class, in a branch": "class C:\n    if 1:\n        from paravent.person.nir import Nir",
}


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_import_passes_the_wall_around_persons(
    form: str, copy: Path, seed: Callable[[str, str], None]
) -> None:
    seed("paravent.hub.seeded", FORMS[form])
    assert broken(copy, "person") == 1


@pytest.mark.parametrize("package", CONTRACTS["person"]["source_modules"])
def test_no_package_below_reaches_persons(package: str, copy: Path, seed: Callable[[str, str], None]) -> None:
    is_folder = copy.joinpath("src", *package.split(".")).is_dir()
    seed(f"{package}.seeded" if is_folder else package, "import paravent.person")
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
        ("keyserver-extra", {"paravent.keyserver.seeded": "import typst"}),
        ("pages-extra", {"paravent.keyserver.seeded": "from paravent.pages.pdf import render_pdf"}),
        ("hub-documents", {"paravent.hub.seeded": "import paravent.pages.pdf"}),
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
    parts = [path for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"]
    packages = {f"paravent.{path.stem}" for path in parts if path.stem not in {"__init__", "__pycache__"}}
    handlers = {"paravent.person", "paravent.insurer", "paravent.desk", "paravent.drill"}
    walled = CONTRACTS["person"]["source_modules"] + CONTRACTS["person-direct"]["source_modules"]
    assert set(walled) == packages - handlers, "add the new package to contract person or person-direct"
