"""What a report draws: each table, the trend and the shares with their intervals (docs/watch.md section 4)."""

from __future__ import annotations

from paravent.breach.observatory.counts import Report
from paravent.breach.observatory.texts import said
from paravent.breach.observatory.trend import Share, Trend
from paravent.pages.chart import Chart, Kind, Series, Value, bars

_BARS = 25
_COUNTED = (
    "by_attack", "by_victim", "by_action", "by_vector", "by_variety", "by_country", "by_discovery", "by_certainty",
    "without",
)  # fmt: skip
_SHARES = ("found_within_days", "through_partner")


def drawn(report: Report, language: str) -> dict[str, Chart]:
    """Returns the charts that have something to show, by name; a long list shows its largest."""
    charts: dict[str, Chart] = {}
    if report.trend is not None:
        charts["trend"] = _trend(report, report.trend, language)
    shares = {name: share for name in _SHARES if (share := getattr(report, name)) is not None}
    if shares:
        charts["shares"] = _shares(shares, language)
    if report.by_year:
        charts["by_year"] = _years(report, language)
    for name in _COUNTED:
        counts = dict(list(getattr(report, name).items())[:_BARS])
        if counts:
            unit, title = said("count", language), said(name, language)
            description = said("bars", language).format(shown=len(counts), all=len(getattr(report, name)))
            charts[name] = bars(name.replace("_", "-"), title, description, said("word", language), unit, counts)
    return charts


def _years(report: Report, language: str) -> Chart:
    years = range(int(min(report.by_year)), int(max(report.by_year)) + 1)
    counts = tuple(Value(value=report.by_year.get(str(year), 0)) for year in years)
    return Chart(
        identifier="by-year", title=said("by_year", language), description=said("years", language), kind=Kind.LINES,
        axis=said("year", language), unit=said("count", language), labels=tuple(map(str, years)),
        series=(Series(name=said("count", language), values=counts),),
    )  # fmt: skip


def _trend(report: Report, trend: Trend, language: str) -> Chart:
    counts = tuple(Value(value=report.by_year.get(str(one.year), 0)) for one in trend.fitted)
    means = tuple(Value(value=one.mean, low=one.low, high=one.high) for one in trend.fitted)
    return Chart(
        identifier="trend", title=said("trend_title", language), description=said("trend_drawn", language),
        kind=Kind.LINES, axis=said("year", language), unit=said("count", language),
        labels=tuple(str(one.year) for one in trend.fitted), decimals=1,
        series=(
            Series(name=said("counted", language), values=counts), Series(name=said("fitted", language), values=means),
        ),
    )  # fmt: skip


def _shares(shares: dict[str, Share], language: str) -> Chart:
    values = tuple(
        Value(value=100 * share.share, low=100 * share.low, high=100 * share.high) for share in shares.values()
    )
    return Chart(
        identifier="shares", title=said("shares", language), description=said("shares_drawn", language),
        kind=Kind.BARS, axis=said("word", language), unit="%", decimals=1,
        labels=tuple(said(f"{name}_short", language) for name in shares), series=(Series(name="%", values=values),),
    )  # fmt: skip
