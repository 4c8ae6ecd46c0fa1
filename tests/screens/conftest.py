"""One platform for every test of pages: each party's application, opened as its people open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.screens.applications import APPLICATIONS, Opened
from tests.screens.insured import Scene, scene


@pytest.fixture(scope="package")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An insurer with its space for members, and all that it needs; something was sold, an incident was told."""
    with scene(tmp_path_factory.mktemp("insured")) as started:
        yield started


@pytest.fixture(scope="module")
def applications(space: Scene) -> Iterator[dict[str, Opened]]:
    """Every application with pages, by the module that builds it, each with a session of somebody.

    Once for a module: a visit to the space ends after half an hour.
    """
    with ExitStack() as running:
        yield {name: running.enter_context(opened(space)) for name, opened in APPLICATIONS.items()}
