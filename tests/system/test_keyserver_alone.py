"""A key server in an environment of its own: its extra is enough, and other parties say what they lack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the locked packages of the key server and this project, nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    found = folder / "bin" / "python"
    for arguments in (
        ["--require-hashes", "--only-binary", ":all:", "--requirement", str(ROOT / "requirements" / "keyserver.lock")],
        ["--no-deps", str(ROOT)],
    ):
        subprocess.run(
            [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], check=True
        )
    return found


def run(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=600)


def test_it_installs_few_packages(python: Path) -> None:
    installed = run(python, "-m", "pip", "list", "--format", "freeze").stdout.split()
    others = {line.split("==")[0] for line in installed} - {"paravent", "pip", "setuptools", "wheel"}
    assert 0 < len(others) <= 20


def test_it_is_created_and_its_service_loads(python: Path, tmp_path: Path) -> None:
    created = run(
        python, "-m", "paravent", "keyserver", "init", "--home", tmp_path / "home", "--name", "keyserver-1",
        "--port", "8801", "--operator", "a", "--hosted-by", "b", "--administrator", "c",
        "--entry", tmp_path / "entry.json", "--json",
    )  # fmt: skip
    assert created.returncode == 0, created.stderr
    assert run(python, "-c", "import paravent.keyserver.app").returncode == 0


@pytest.mark.parametrize("party", ["insurer", "desk"])
def test_another_party_says_what_it_lacks(party: str, python: Path) -> None:
    refused = run(python, "-m", "paravent", party, "--help")
    assert refused.returncode != 0
    assert f"install paravent[{party}]" in refused.stderr
    assert "Traceback" not in refused.stderr
