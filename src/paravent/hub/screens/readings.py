"""What the console of the hub shows, computed from counts (docs/screens.md): pure.

No value here names a professional, a shop, a device or an insured person: counts alone leave the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from paravent.access.devices import BarReason
from paravent.access.enrolment_store import MeasureCount
from paravent.access.quotas import HOUR_SECONDS, WINDOW_SECONDS, QuotaKind, QuotaLimits
from paravent.access.tally import ANSWERED, Counted
from paravent.errors import ParaventError
from paravent.hub.state import Manifest
from paravent.pages.screens.catalogue import marked
from paravent.pages.typography import no_break
from paravent.wire.codec import decode
from paravent.wire.problem import kind_of
from paravent.wire.statements import MANIFEST_AGE_SECONDS_MAX, Directory, EpochFile

HOURS_SHOWN = 24
DAYS_SHOWN = 30
SHARES = (0.5, 0.8, 1.0)
REASONS: Mapping[str, str] = MappingProxyType({
    BarReason.LOST: marked("perdu"),
    BarReason.STOLEN: marked("volé"),
    BarReason.COMPROMISED: marked("compromis"),
    BarReason.DEPARTURE: marked("départ"),
    BarReason.INQUIRY: marked("enquête"),
    BarReason.OBJECTION: marked("opposition d'un autre poste"),
    BarReason.OPERATOR: marked("décision de l'exploitant"),
    BarReason.DETECTION: marked("détection"),
})  # fmt: skip
"""Why something is suspended or withdrawn without a case, in the French of the catalogue."""

_WEEK_HOURS = 7 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests by hour of the last day, answered and refused, and what each handler took."""

    hours: tuple[tuple[int, int, int], ...]
    handlers: tuple[tuple[str, int, int, float], ...]


def load(counted: Sequence[Counted], now: int) -> Load:
    """Sums the last 24 hours: (hour, answered, refused), and (handler, answered, refused, mean milliseconds)."""
    last = now // HOUR_SECONDS
    recent = [one for one in counted if one.hour > last - HOURS_SHOWN]
    hours = tuple(
        (hour * HOUR_SECONDS, *_parted(one for one in recent if one.hour == hour))
        for hour in range(last - HOURS_SHOWN + 1, last + 1)
    )
    names = sorted({one.action for one in recent})
    return Load(hours=hours, handlers=tuple(_handler(name, recent) for name in names))


def _handler(name: str, counted: Iterable[Counted]) -> tuple[str, int, int, float]:
    own = [one for one in counted if one.action == name]
    answered, refused = _parted(own)
    return name, answered, refused, round(sum(one.milliseconds for one in own) / (answered + refused), 1)


def _parted(counted: Iterable[Counted]) -> tuple[int, int]:
    """Returns how many requests were answered, and refused."""
    found = list(counted)
    answered = sum(one.requests for one in found if one.code == ANSWERED)
    return answered, sum(one.requests for one in found) - answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """How often one code was answered, with its words in both languages and whether asking again can help."""

    code: str
    title_fr: str
    title_en: str
    advice_fr: str
    advice_en: str
    retry: str
    last_hour: int
    last_day: int
    last_week: int


def refusals(counted: Sequence[Counted], now: int) -> list[Refused]:
    """Lists the codes refused in the last seven days, the most frequent of the last day first."""
    last = now // HOUR_SECONDS
    found = []
    for code in sorted({one.code for one in counted} - {ANSWERED}):
        own = [one for one in counted if one.code == code]
        error = kind_of(code) or ParaventError
        hour, day, week = (
            sum(one.requests for one in own if one.hour > last - hours) for hours in (1, HOURS_SHOWN, _WEEK_HOURS)
        )
        if week:
            found.append(Refused(
                code=code, title_fr=no_break(error.title_fr), title_en=error.title_en,
                advice_fr=no_break(error.advice_fr), advice_en=error.advice_en, retry=error.retry.value,
                last_hour=hour, last_day=day, last_week=week,
            ))  # fmt: skip
    return sorted(found, key=lambda one: (-one.last_day, -one.last_week, one.code))


def week_ago(now: int) -> int:
    """Returns the first hour of what ``refusals`` shows."""
    return now // HOUR_SECONDS - _WEEK_HOURS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How many professionals asked in the last day, and how many of them used at least each share of their quota."""

    kind: str
    limit: int
    asked: int
    reached: tuple[tuple[float, int], ...]
    days: tuple[tuple[int, int, int], ...]


def spent(
    kind: QuotaKind, limits: QuotaLimits, used: Sequence[int], totals: Iterable[tuple[int, int, int]], now: int
) -> Spent:  # fmt: skip
    """Counts professionals by share of their quota; ``totals`` become (instant, requests, persons) for each day."""
    limit = limits.of(kind)
    by_day = {day: (requests, persons) for day, requests, persons in totals}
    today = now // WINDOW_SECONDS
    return Spent(
        kind=kind.value, limit=limit, asked=len(used),
        reached=tuple((share, sum(one >= share * limit for one in used)) for share in SHARES),
        days=tuple(
            (day * WINDOW_SECONDS, *by_day.get(day, (0, 0))) for day in range(today - DAYS_SHOWN + 1, today + 1)
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What one insurer has live: rows of an epoch, the age of its manifest, when the epoch ends; late past 48 hours."""

    amc: str
    name: str
    epoch: int
    rows: int
    issued_at: int
    epoch_ends_at: int
    late: bool


def published(directory: Directory, live: Mapping[str, Sequence[Manifest]], now: int) -> list[Published]:
    """Lists the live manifests by insurer; desks refuse one that is more than 48 hours old."""
    return [
        Published(
            amc=entry.amc, name=entry.name, epoch=one.head.epoch, rows=one.head.count, issued_at=one.head.issued_at,
            epoch_ends_at=decode(one.bundle.epoch.statement.payload, EpochFile).not_after,
            late=now - one.head.issued_at > MANIFEST_AGE_SECONDS_MAX,
        )
        for entry in directory.insurers for one in live[entry.amc]
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Everything that was read of the hub's store at an instant."""

    at: int
    load: Load
    refusals: tuple[Refused, ...]
    quotas: tuple[Spent, ...]
    limits: QuotaLimits
    devices: Counter[str]
    alarms: int
    measures: tuple[MeasureCount, ...]
    published: tuple[Published, ...]
    claims: tuple[tuple[str, int, int], ...]
    remembered: tuple[tuple[str, int], ...]
