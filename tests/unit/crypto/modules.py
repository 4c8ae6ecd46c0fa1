"""Every module of the parties, imported: so that what is said of every subclass is said of all."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TypeVar

import paravent

T = TypeVar("T")

# What plays the parties from outside: it may make kinds of its own, which nobody sends and nobody keeps.
PLAYERS = frozenset({"bench", "demo", "drill"})


def subclasses(base: type[T]) -> list[type[T]]:
    """Lists the subclasses that the parties and what they share define, by name."""
    for package in pkgutil.iter_modules(paravent.__path__, "paravent."):
        if _is_played(package.name) or package.name.endswith("__main__"):
            continue
        found = importlib.import_module(package.name)
        for module in pkgutil.walk_packages(getattr(found, "__path__", []), f"{package.name}."):
            importlib.import_module(module.name)
    kinds = {
        kind for kind in _below(base) if kind.__module__.startswith("paravent.") and not _is_played(kind.__module__)
    }
    return sorted(kinds, key=lambda kind: (kind.__module__, kind.__name__))


def _is_played(module: str) -> bool:
    return module.split(".")[1] in PLAYERS


def _below(base: type[T]) -> Iterator[type[T]]:
    for child in base.__subclasses__():
        yield child
        yield from _below(child)
