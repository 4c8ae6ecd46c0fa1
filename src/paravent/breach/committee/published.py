"""What of the page may be published: counts in bands, so that no small number is told (docs/watch.md section 10): pure.

The rule. Every count of persons, shops, insurers, cases, duties, measures or contracts is published as the band of
GRANULE numbers that it lies in, zero like any other. No sum is published beside its parts. Of delays, only a word is
said, and only over GRANULE cases. Persons of the drill are synthetic and stay exact.

Why it holds. Counts on one page or two are bound by "at most" alone (late among running, read among shops, last month
at most this month where counts only grow). Bands have common bounds, so that for each number of a band there are
numbers of the others that fit: whoever compares pages is left with GRANULE possible values of each count. A sum beside
its parts, or exact numbers above a threshold, would leave one; the tests show it.
"""

from __future__ import annotations

from msgspec.structs import replace

from paravent.breach.committee.figures import Band, Committee, Count, Coverage, Detection, Incidents, Registers

GRANULE = 10
_WITHIN = ((86_400, "days-1"), (7 * 86_400, "days-7"), (30 * 86_400, "days-30"), (365 * 86_400, "days-365"))


def band(count: Count) -> Band | None:
    """Returns the band that a count lies in; None when it is not known."""
    if not isinstance(count, int):
        return count
    low = count - count % GRANULE
    return Band(low=low, high=low + GRANULE - 1)


def published(page: Committee) -> Committee:
    """Returns the page that may be shown to everybody."""
    found, kept, clocks, reach = page.detection, page.registers, page.incidents, page.coverage
    return replace(
        page, public=True, detection=_delays(found),
        # By state, measures would add up to the number of a published list: two states only, neither a complement.
        registers=Registers(
            measures={}, proved=band(kept.proved), to_do=None, contracts=band(kept.contracts),
            overdue=band(kept.overdue), faults=band(kept.faults),
        ),
        incidents=Incidents(
            cases=band(clocks.cases), last_year=band(clocks.last_year), running=band(clocks.running),
            late=band(clocks.late), next_at=None,
        ),
        coverage=Coverage(
            insurers=band(reach.insurers), insurers_of_sector=reach.insurers_of_sector, shops=band(reach.shops),
            shops_of_sector=reach.shops_of_sector, bulletins=reach.bulletins, acknowledged=band(reach.acknowledged),
        ),
    )  # fmt: skip


def _delays(found: Detection) -> Detection:
    """Keeps a word for the median, over enough cases."""
    word = None
    if isinstance(found.cases, int) and found.cases >= GRANULE and found.median_seconds is not None:
        word = next((name for seconds, name in _WITHIN if found.median_seconds <= seconds), "longer")
    return Detection(cases=band(found.cases), median_seconds=None, longest_seconds=None, within=word)
