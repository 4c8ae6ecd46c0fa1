"""What every test shares: the same examples at each run, and one event loop.

Sockets reach loopback only (``--allow-hosts`` in pyproject.toml). ``--hypothesis-profile=search`` looks for
new examples instead of repeating the known ones.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("same")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Runs asynchronous tests as the servers run: on asyncio."""
    return "asyncio"
