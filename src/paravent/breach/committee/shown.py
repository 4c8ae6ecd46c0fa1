"""The page as rows of text and charts, for a terminal, a screen or a PDF (docs/watch.md section 10): pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from paravent.breach.committee.figures import Band, Committee, Count, Exposed
from paravent.breach.committee.published import GRANULE
from paravent.breach.committee.texts import said
from paravent.pages.chart import Chart, Kind, Series, Value, bars
from paravent.pages.number import shown

_ATTACKS = 6
_DAY_HOURS = 48


def figures(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    """Yields the name and the value of each figure, as they are read."""
    for part in (_delays, _clocks, _kept, _drilled, _reach):
        for name, value in part(page, language):
            yield said(name, language), value


def _delays(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    delays = page.detection
    if delays.within is not None:
        yield "median", said(delays.within, language)
    if not page.public:
        yield "median", _delay(delays.median_seconds, language)
        yield "longest", _delay(delays.longest_seconds, language)
    yield "dated_cases", counted(delays.cases, language)


def _clocks(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    for name in ("cases", "last_year", "running", "late"):
        yield name, counted(getattr(page.incidents, name), language)
    if page.incidents.next_at is not None:
        yield "next_at", datetime.fromtimestamp(page.incidents.next_at, UTC).strftime("%Y-%m-%d %H:%M")


def _kept(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    for name in ("proved", "to_do", "contracts", "overdue", "faults"):
        count = getattr(page.registers, name)
        if count is not None:
            yield name, counted(count, language)


def _drilled(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    alarmed = [one.detected_after for one in page.exposure if one.detected_after is not None]
    if alarmed:
        yield "detected_after", counted(max(alarmed), language)
    if page.exposure:
        played = len(page.exposure)
        yield "played", said("of", language).format(value=played, all=played + page.unplayed)


def _reach(page: Committee, language: str) -> Iterator[tuple[str, str]]:
    reach = page.coverage
    for name, count, sector in (
        ("insurers", reach.insurers, reach.insurers_of_sector), ("shops", reach.shops, reach.shops_of_sector),
    ):  # fmt: skip
        value = counted(count, language)
        if sector is not None and count is not None:
            value = said("of_sector", language).format(value=value, sector=shown(sector, language))
        yield name, value
    yield "bulletins", str(reach.bulletins)
    read = counted(reach.acknowledged, language)
    if reach.acknowledged is not None:
        read = said("of", language).format(value=read, all=counted(reach.shops, language))
    yield "acknowledged", read


def counted(count: Count, language: str) -> str:
    """Writes a count, a band or that nobody knows."""
    match count:
        case None:
            return said("unknown", language)
        case Band(low=0, high=high):
            return f"< {high + 1}"
        case Band(low=low, high=high):
            return f"{shown(low, language)}-{shown(high, language)}"
        case _:
            return shown(count, language)


def note(page: Committee, language: str) -> str:
    """Says the rule of the public page; nothing on the other."""
    return said("public", language).format(granule=GRANULE) if page.public else ""


def charts(page: Committee, language: str, named: Callable[[str], str]) -> list[Chart]:
    """Describes the charts that have something to show; of the attacks, the six that open the most anywhere.

    ``named`` gives the name of an attack in the language.
    """
    found = []
    worst = sorted(page.exposure, key=lambda one: (-max(one.opened or 0, one.conventional or 0), one.attack))
    if worst:
        found.append(_exposure(worst[:_ATTACKS], language, named))
    counts = {said(name, language): count for name, count in page.registers.measures.items() if count}
    if counts:
        found.append(bars(
            "measures", said("measures", language), said("measures_drawn", language), said("measure", language),
            said("count", language), counts,
        ))  # fmt: skip
    return found


def _exposure(worst: Sequence[Exposed], language: str, named: Callable[[str], str]) -> Chart:
    return Chart(
        identifier="exposure", title=said("exposure", language), description=said("exposure_drawn", language),
        kind=Kind.BARS, axis=said("attack", language), unit=said("persons", language),
        labels=tuple(named(one.attack) for one in worst),
        series=tuple(
            Series(name=said(name, language), values=tuple(_value(getattr(one, field)) for one in worst))
            for name, field in (("here", "opened"), ("bound", "bound"), ("conventional", "conventional"))
        ),
    )  # fmt: skip


def _value(number: int | None) -> Value | None:
    return None if number is None else Value(value=number)


def _delay(seconds: int | None, language: str) -> str:
    if seconds is None:
        return said("unknown", language)
    hours = round(seconds / 3_600)
    if hours <= _DAY_HOURS:
        return said("hours", language).format(hours=hours)
    return said("days", language).format(days=round(hours / 24))
