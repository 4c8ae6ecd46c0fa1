"""What a vector file is made of: named cases, each with an operation, an input and an output or an error.

Bytes are hexadecimal text. A failing case states its error before it is run, so that a vector never
records by accident what the code happens to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from paravent.crypto.group import Rng
from paravent.errors import ParaventError

Values = dict[str, Any]
Operation = Callable[[Values], Values]

VALUE_ERROR = "value-error"
"""The error of an argument that no message can hold: a fault of the caller, outside the error tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: what is done with what, and the error expected, if any."""

    name: str
    operation: str
    input: Values
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Construction:
    """One construction: its section of the protocol, its operations and its cases."""

    section: str
    operations: dict[str, Operation]
    cases: Callable[[], Iterable[Case]]

    def document(self) -> Values:
        """Runs every case; raises AssertionError when one ends otherwise than it says."""
        cases = [self._run(case) for case in self.cases()]
        if len({case["name"] for case in cases}) != len(cases):
            raise AssertionError("two cases have the same name")
        return {"section": self.section, "cases": cases}

    def _run(self, case: Case) -> Values:
        result = attempt(self.operations[case.operation], case.input)
        if result.get("error") != case.error:
            raise AssertionError(f"{case.name}: expected {case.error}, got {result}")
        return {"name": case.name, "operation": case.operation, "input": case.input} | result


def field(value: Values) -> bytes | int | str:
    """Reads one field of an encoding: an integer in decimal digits, text, or bytes repeated so many times."""
    if "integer" in value:
        return int(value["integer"])
    if "text" in value:
        return str(value["text"])
    return bytes.fromhex(value["bytes"]) * int(value.get("times", 1))


def attempt(operation: Operation, values: Values) -> Values:
    """Runs an operation: returns its output, or the code of the error that it raised."""
    try:
        return {"output": operation(values)}
    except ParaventError as error:
        return {"error": error.code}
    except ValueError:
        return {"error": VALUE_ERROR}


def seeded(name: str) -> Rng:
    """A deterministic rng: block i is SHAKE-256 of the name and i, as eight bytes."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(name.encode() + drawn.to_bytes(8, "big")).digest(size)

    return draw


def replaying(scalars: Iterable[str]) -> Rng:
    """An rng from which ``random_scalar`` draws the scalars given: each padded to bytes that reduce to it."""
    left = [bytes.fromhex(scalar) for scalar in scalars]
    return lambda size: left.pop(0).ljust(size, b"\0")


def flipped(encoded: str, place: int) -> str:
    """Returns the hexadecimal text with the lowest bit of one byte changed."""
    altered = bytearray.fromhex(encoded)
    altered[place] ^= 1
    return altered.hex()


def beyond_order(scalar: str) -> str:
    """Returns the hexadecimal text of another form of a scalar: itself plus the group order."""
    value = int.from_bytes(bytes.fromhex(scalar), "little") + 2**252 + 27742317777372353535851937790883648493
    return value.to_bytes(32, "little").hex()
