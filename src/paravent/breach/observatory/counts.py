"""Counts of a report (docs/watch.md section 4): exact, each word as its source spells it.

An incident counts once under each of its words, so actions, varieties, vectors and countries may add up to more
than there are incidents. What a source does not say is counted under ``without``, never under a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from paravent.breach.observatory.cnil import Notification
from paravent.breach.observatory.incident import Incident, VictimType
from paravent.breach.observatory.trend import Share, Trend, share, trend

_TREND_YEARS = 10
# Units of VERIS in which a discovery took days at most; "Never", "NA" and "Unknown" say no time.
_QUICK = ("Seconds", "Minutes", "Hours", "Days")
_SLOW = ("Weeks", "Months", "Years")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted among the incidents chosen."""

    records: int
    by_year: dict[str, int]
    by_action: dict[str, int]
    by_variety: dict[str, int]
    by_country: dict[str, int]
    by_vector: dict[str, int]
    by_victim: dict[str, int]
    by_attack: dict[str, int]
    by_certainty: dict[str, int]
    by_discovery: dict[str, int]
    without: dict[str, int]
    persons_stated: int
    trend: Trend | None
    found_within_days: Share | None
    through_partner: Share | None


def chosen(
    incidents: Iterable[Incident], industry: str | None, victim: VictimType | None, country: str | None
) -> Iterable[Incident]:
    """Yields the incidents whose victim has a NAICS code with this prefix, this type, this country."""
    for incident in incidents:
        if (
            (industry is None or any(code.startswith(industry) for code in incident.industries))
            and (victim is None or incident.victim is victim)
            and (country is None or country in incident.countries)
        ):
            yield incident


def report(incidents: Iterable[Incident], this_year: int) -> Report:
    """Counts incidents; the trend stops at the last whole year, and begins ten years before."""
    counters: dict[str, Counter[str]] = {name: Counter() for name in (
        "year", "action", "variety", "country", "vector", "victim", "attack", "certainty", "discovery", "without",
    )}  # fmt: skip
    records = persons = partner = partner_known = 0
    for incident in incidents:
        records += 1
        persons += incident.persons or 0
        partner += incident.through_partner is True
        partner_known += incident.through_partner is not None
        words = _words(incident)
        for name, found in words.items():
            counters[name].update(found)
        counters["without"].update(name for name, found in words.items() if not found and name != "attack")
    years = {int(year): count for year, count in counters["year"].items()}
    quick, slow = (sum(counters["discovery"][unit] for unit in units) for units in (_QUICK, _SLOW))
    return Report(
        records=records, persons_stated=persons,
        **{f"by_{name}": _sorted(name, counter) for name, counter in counters.items() if name != "without"},
        without=dict(sorted(counters["without"].items())),
        trend=trend(years, max([this_year - _TREND_YEARS, *filter(None, [min(years, default=0)])]), this_year - 1),
        found_within_days=share(quick, quick + slow),
        through_partner=share(partner, partner_known),
    )  # fmt: skip


def _words(incident: Incident) -> dict[str, tuple[str, ...]]:
    """Lists, for each table, the words under which an incident counts: each once."""
    return {
        "year": () if incident.year is None else (str(incident.year),),
        "action": incident.actions, "variety": incident.varieties, "country": incident.countries,
        "vector": incident.vectors, "victim": (incident.victim.value,),
        "attack": tuple(attack.value for attack in incident.attacks),
        "certainty": (incident.certainty,) if incident.certainty else (),
        "discovery": () if incident.discovery is None else (incident.discovery.unit,),
    }  # fmt: skip


def _sorted(name: str, counter: Mapping[str, int]) -> dict[str, int]:
    """Sorts years by date, the rest by count."""
    return dict(sorted(counter.items(), key=lambda item: (0, item[0]) if name == "year" else (-item[1], item[0])))


def notification_counts(notifications: Iterable[Notification]) -> dict[str, Any]:
    """Counts notifications to the CNIL: notifications, never incidents."""
    counters: dict[str, Counter[str]] = {name: Counter() for name in ("year", "cause", "nature", "band", "sector")}
    number = 0
    for one in notifications:
        number += 1
        counters["year"][one.month[:4]] += 1
        counters["cause"].update(one.causes)
        counters["nature"].update(one.natures)
        counters["band"][one.band] += 1
        counters["sector"][one.sector] += 1
    return {"notifications": number} | {f"by_{name}": _sorted(name, found) for name, found in counters.items()}
