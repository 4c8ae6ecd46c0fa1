"""A key server is small: what it installs is counted from what is declared and locked."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from paravent.wire.status import RELEASE

ROOT = Path(__file__).parents[2]
DIRECT_MAX, LOCKED_MAX = 7, 20


def locked(text: str) -> set[str]:
    """Lists the packages of a lock file."""
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


def direct() -> list[str]:
    """Lists what the project and the extra of the key server declare."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["keyserver"]]


def test_the_key_server_has_few_packages() -> None:
    assert len(direct()) <= DIRECT_MAX
    assert len(locked((ROOT / "requirements" / "keyserver.lock").read_text())) <= LOCKED_MAX


def test_every_package_is_locked_with_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)
        assert all("--hash=sha256:" in entry for entry in entries if "==" in entry.split("\n")[0]), lock.name


def test_what_is_declared_is_locked() -> None:
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in direct()}
    assert names <= locked((ROOT / "requirements" / "keyserver.lock").read_text())


def test_a_server_says_the_release_that_is_installed() -> None:
    assert metadata.version("paravent") == RELEASE
