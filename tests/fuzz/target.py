"""What is fuzzed: a reader, valid inputs to begin from, and how such an input is taken apart.

One input is right when it is read, or refused with a declared error, within its time. All else is a fault.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from paravent import errors
from paravent.errors import ParaventError
from tests.fuzz.shapes import BYTES, Shape

VALID = "valid"
SECONDS_MAX = 2.0
"""Processor time that one input may take; inputs are some kilobytes."""


class Fault(Exception):
    """An input that is answered by no declared error, takes too long, or is read as something else than it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``read`` reads one input; ``same`` raises AssertionError when what was read is not what the input says.

    ``slow`` readers have fewer executions in the tests.
    """

    seeds: tuple[bytes, ...]
    read: Callable[[bytes], Any]
    shape: Shape = BYTES
    same: Callable[[bytes, Any], None] | None = None
    slow: bool = False


def execute(target: Target, data: bytes) -> tuple[str, str]:
    """Reads one input; returns ``valid`` or the code of the error, with its text. Raises Fault."""
    try:
        with _within(SECONDS_MAX):
            read = target.read(data)
            if target.same is not None:
                target.same(data, read)
    except ParaventError as error:
        if type(error).__module__ != errors.__name__:
            raise Fault(f"{type(error).__name__} is not declared in errors.py") from error
        return error.code, str(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # What is written in Rust panics with exceptions that are not of Exception.
        raise Fault(f"{type(error).__name__}: {str(error)[:200]}") from error
    return VALID, ""


class _TooLong(BaseException):
    """Not of Exception, so that no reader takes it for a wrong value."""


def _stop(_: int, __: FrameType | None) -> None:
    raise _TooLong(f"over {SECONDS_MAX} seconds of processor time")


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    former = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
