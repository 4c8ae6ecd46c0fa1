"""What a measure of ``paravent bench`` is: a name, the option that asks for it, and the rows that it finds.

A measure stands in the module that measures and is listed once, in ``cli``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import click

from paravent.drill import platform
from paravent.drill.population import Population, synthesise

_SEED = 11


class Figures(Protocol):
    """A row: any dataclass of numbers and words."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much to measure: little when ``quick``, and what was given with each option, by its name."""

    quick: bool
    given: Mapping[str, Any]

    def of(self, option: click.Option, default: Any) -> Any:  # noqa: ANN401 - the type of the option's values
        """Returns what was given with an option, or the measure's own size."""
        given = self.given.get(option.name or "")
        return default if given is None else given


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: it works in a folder of its own, and yields a row as soon as it is found.

    The folder is empty, unless the measure ``resumes`` what was broken off there.

    ``asked_by`` is the option that asks for it alone, None for one of those that run when none is asked for;
    ``options`` are what else it reads, and several may read the same one.
    """

    name: str
    rows: Callable[[Path, Sizes], Iterable[Figures]]
    asked_by: click.Option | None = None
    options: tuple[click.Option, ...] = ()
    resumes: bool = False

    def asked(self, given: Mapping[str, Any]) -> bool:
        """Says whether its option was given."""
        return self.asked_by is not None and given.get(self.asked_by.name or "") not in {None, False}


def asking(name: str, purpose: str) -> click.Option:
    """Makes an option that asks for a measure."""
    return click.Option([name], is_flag=True, help=purpose)


def counting(name: str, purpose: str, *, least: int = 1) -> click.Option:
    """Makes an option that takes a count, whose default is the measure's."""
    return click.Option([name], type=click.IntRange(least), help=purpose)


CYCLES = counting("--cycles", "How often, of --kills and --power-cuts.")
PERSONS = counting("--persons", "Persons of --incident, --population, --rebuild or --dask.")
INSURERS = counting("--insurers", "Insurers of --incident or --population.", least=2)


def population(sizes: Sizes) -> Population:
    """Draws the population that a platform is measured with: the same for each measure."""
    persons = 20_000 if sizes.quick else 100_000
    return synthesise(persons, list(platform.INSURERS), _SEED, datetime.now(UTC).year)
