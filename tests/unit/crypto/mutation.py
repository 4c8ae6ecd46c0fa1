"""Taking one check out of the real code, so that a property is seen to fail without it.

A defect is either one text replaced by another inside one function, or a whole function replaced. The text
must stand in the function exactly once: a check that was rewritten is an error here, never a control that passes.
"""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from paravent.errors import ParaventError

Property = Callable[..., object]
FAILURES = (AssertionError, ArithmeticError, pytest.fail.Exception, ParaventError)


def edited(owner: object, name: str, old: str, new: str) -> object:
    """Compiles a function of a module or class again with one text replaced; it sees the same module as before."""
    function: Any = inspect.unwrap(getattr(owner, name))
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{name} no longer holds {old!r} once"
    made: dict[str, object] = {}
    code = compile(source.replace(old, new), f"<{name}, edited>", "exec", __future__.annotations.compiler_flag)
    exec(code, function.__globals__, made)  # noqa: S102 - the code is the project's own, less one check
    return made[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One check taken out of ``owner.name``, and the property which must notice."""

    name: str
    owner: object
    attribute: str
    broken: Property
    old: str = ""
    new: str = ""
    replacement: object = None

    def seed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Puts the defect in, until the end of the test."""
        value = edited(self.owner, self.attribute, self.old, self.new) if self.old else self.replacement
        monkeypatch.setattr(self.owner, self.attribute, value)


def properties_of(module: ModuleType) -> list[Property]:
    """Lists the public functions that a module of properties defines."""
    own = {name: found for name, found in vars(module).items() if getattr(found, "__module__", "") == module.__name__}
    return [
        found
        for name, found in own.items()
        if callable(found) and not isinstance(found, type) and not name.startswith("_")
    ]


def require_noticed(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails unless the property of a defect fails with it."""
    defect.seed(monkeypatch)
    with pytest.raises(FAILURES):
        defect.broken()
