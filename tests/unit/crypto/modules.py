"""Every module of the package, imported: so that what is said of every subclass is said of all."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TypeVar

import paravent

T = TypeVar("T")


def subclasses(base: type[T]) -> list[type[T]]:
    """Lists the subclasses that the package defines, by name; those of tests are left out."""
    for module in pkgutil.walk_packages(paravent.__path__, "paravent."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {kind for kind in _below(base) if kind.__module__.startswith("paravent.")}
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def _below(base: type[T]) -> Iterator[type[T]]:
    for child in base.__subclasses__():
        yield child
        yield from _below(child)
