"""What the loops of sustained checks count, with checks whose time and end are known."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from paravent.bench import sustained
from paravent.errors import NotCovered, TechnicalFailure


def test_the_closed_loop_counts_what_was_answered_apart_from_what_failed() -> None:
    numbers = itertools.count()

    async def check() -> None:
        await asyncio.sleep(0.001)
        if next(numbers) % 3 == 0:
            raise TechnicalFailure("not answered")

    done, failed = asyncio.run(sustained._closed_loop(check, time.perf_counter() + 0.2))
    assert done + failed == next(numbers)
    assert abs(done - 2 * failed) <= sustained.CLIENTS


def test_the_open_loop_counts_the_wait_of_checks_that_came_due_meanwhile() -> None:
    """One check stands still: those behind it were due, and their time runs from then on."""
    lock, first = asyncio.Lock(), itertools.count()

    async def check() -> None:
        async with lock:
            await asyncio.sleep(0.3 if next(first) == 0 else 0)

    found = asyncio.run(sustained._open_loop(check, 0.2))
    assert len(found) == int(0.2 * sustained.OPEN_LOOP_PER_SECOND)
    assert all(answered for _, answered in found)
    waited = [milliseconds for milliseconds, _ in found]
    assert waited[0] >= 300
    # The second was due 17 ms later, and answered when the first was.
    assert waited[1] >= 250


def test_a_refusal_is_not_taken_for_a_failure_of_the_machine() -> None:
    async def check() -> None:
        raise NotCovered("nobody")

    with pytest.raises(NotCovered):
        asyncio.run(sustained._answered(check))
