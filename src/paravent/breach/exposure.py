"""How many, which and by whom, insurer by insurer, from what was stolen (docs/protocol.md section 16): pure.

Three numbers, each with the assumption that would have to fail: the proved minimum, with the list of its labels; the
best estimate; the upper bound. Persons are counted, never named: who stands behind a label, the insurer alone knows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from paravent.access.quotas import QuotaLimits
from paravent.breach.entries import LootKind, Placed, Stolen
from paravent.breach.measured import Measured, Published, handle_of
from paravent.breach.unsealing import Unsealed
from paravent.errors import InvalidConfiguration

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600
DESK_RETENTION_DAYS = 30
"""What a desk keeps of entitlements (docs/protocol.md section 14)."""

_DATABASES = {LootKind.DATABASE, LootKind.BACKUP, LootKind.HUB}
_DEVICES = {LootKind.DEVICE_KEY, LootKind.DESK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One insurer's exposure; ``membership_upper`` persons may be known as members, nothing of them being read.

    ``assumptions`` name, for proved, estimate and upper, what would have to fail (``texts.ASSUMPTIONS``).
    """

    insurer: str
    labels: tuple[bytes, ...]
    proved: int
    estimate: int
    upper: int
    membership_upper: int
    claims_upper: int
    assumptions: tuple[str, str, str]


@dataclass(slots=True)
class _Sum:
    """What adds up for one insurer, loot after loot; ``count`` caps what persons there are to know."""

    count: int
    labels: set[bytes] = field(default_factory=set)
    listed: set[bytes] = field(default_factory=set)
    leaked: int = 0
    rows: int = 0
    unnamed: int = 0
    estimate: int = 0
    upper: int = 0
    membership: int = 0
    claims: int = 0
    codes: dict[str, str] = field(default_factory=lambda: {"proved": "sealed", "estimate": "sealed", "upper": "sealed"})


def exposures(
    stolen: Sequence[Placed], measured: Measured, insurers: Iterable[str], limits: QuotaLimits
) -> list[Exposure]:
    """Computes every insurer's exposure; raises InvalidConfiguration when a count that is needed was not measured."""
    loots = [placed.entry.said for placed in stolen if isinstance(placed.entry.said, Stolen)]
    return [_of_insurer(amc, loots, measured, limits) for amc in sorted(insurers)]


def _of_insurer(amc: str, loots: Sequence[Stolen], measured: Measured, limits: QuotaLimits) -> Exposure:
    published = measured.newest(amc)
    if published is None:
        raise InvalidConfiguration(f"what the hub holds of {amc} was not measured: add the file of hub counts")
    total = _Sum(count=published.count)
    servers = {loot.server for loot in loots if loot.kind is LootKind.KEY_SERVER and loot.server is not None}
    held = servers & set(published.servers)
    _servers_and_database(total, held, published, loots, amc)
    if len(held) < published.threshold:
        _devices(total, held, published, loots, amc, measured, limits)
    for loot in loots:
        if loot.insurer not in {None, amc}:
            continue
        match loot.kind:
            case LootKind.INSURER_KEY if loot.insurer == amc:
                total.membership = total.count
            case LootKind.HUB:
                total.claims += _claims(loot, measured.claims.get(amc, {}))
            case LootKind.CARD if loot.insurer == amc:
                total.unnamed, total.codes["estimate"] = total.unnamed + 1, "card"
            case LootKind.CLEAR_FILE if loot.insurer == amc:
                _clear_file(total, loot, measured)
            case _:
                pass
    return _exposure(amc, total, measured)


def _servers_and_database(
    total: _Sum, held: set[str], published: Published, loots: Sequence[Stolen], amc: str
) -> None:  # fmt: skip
    """With t servers, every row of the epoch that was copied opens; without a copy, whoever fetches rows opens them."""
    if len(held) < published.threshold:
        return
    copied = any(
        loot.kind in _DATABASES and loot.insurer in {None, amc} and loot.epoch in {None, published.epoch}
        for loot in loots
    )
    total.upper = total.membership = total.count
    total.estimate = total.count if copied else 0
    total.codes |= {"estimate": "all-open" if copied else "no-copy", "upper": "all-open", "proved": "unseen"}


def _devices(
    total: _Sum, held: set[str], published: Published, loots: Sequence[Stolen], amc: str, measured: Measured,
    limits: QuotaLimits,
) -> None:  # fmt: skip
    """Lists what stolen device keys opened, by the logs of the servers that were not stolen."""
    windows = [loot for loot in loots if loot.kind in _DEVICES]
    if not windows:
        return
    needed, honest = published.threshold - len(held), len(published.servers) - len(held)
    seen: defaultdict[bytes, set[str]] = defaultdict(set)
    unnamed = 0
    for opening in measured.openings:
        if opening.insurer != amc or opening.server in held:
            continue
        if not any(_within(loot, opening, measured.professionals) for loot in windows):
            continue
        label = measured.labels.get((opening.server, opening.index))
        if label is None:
            unnamed += 1
        else:
            seen[label].add(opening.server)
    total.labels |= {label for label, servers in seen.items() if len(servers) >= needed}
    total.unnamed += -(-unnamed // needed)
    for loot in windows:
        first, last = _window(loot)
        days = max(1, -(-(last - first) // DAY_SECONDS))
        total.upper += honest * limits.openings_per_day_max * days // needed
        total.membership += honest * limits.lookups_per_day_max * days // needed
        if loot.kind is LootKind.DESK:
            total.upper = total.count
    kept = any(loot.kind is LootKind.DESK for loot in windows)
    total.codes |= {"proved": "logged", "estimate": "answers-lost", "upper": "desk" if kept else "quota"}


def _clear_file(total: _Sum, loot: Stolen, measured: Measured) -> None:
    leak = measured.leaks.get(loot.sha256 or b"")
    if leak is None:
        raise InvalidConfiguration("the insurer's statement of its leaked file was not measured")
    total.listed |= set(leak.labels)
    total.leaked += leak.persons
    total.rows += max(leak.persons, leak.rows)
    total.codes |= {"proved": "file", "estimate": "file", "upper": "rows"}


def _exposure(amc: str, total: _Sum, measured: Measured) -> Exposure:
    # A person may have several handles: the insurer, which knows, signed how many persons answer for the leaves.
    handles = len({handle_of(label) for label in total.labels})
    opened = min(handles, measured.persons.get(amc, handles))
    # Whoever stands in the file may be among the opened ones: at least the larger, probably both.
    estimate = max(total.estimate, opened + total.leaked + total.unnamed)
    upper = max(estimate, min(total.upper, total.count) + total.rows)
    return Exposure(
        insurer=amc, labels=tuple(sorted(total.labels | total.listed)), proved=max(opened, total.leaked),
        estimate=estimate, upper=upper, membership_upper=max(upper, min(total.membership, total.count)),
        claims_upper=total.claims,
        assumptions=(total.codes["proved"], total.codes["estimate"], total.codes["upper"]),
    )  # fmt: skip


def require_countable(loot: Stolen) -> None:
    """Raises InvalidConfiguration when what is said of a stolen device is not enough to count from."""
    if loot.kind not in _DEVICES:
        return
    if (loot.keyid is None) is (loot.professional is None):
        raise InvalidConfiguration(
            "a stolen device is named by its key, or by the professional whose devices it may be"
        )
    if loot.to_at is None or (loot.from_at is None and loot.kind is not LootKind.DESK):
        raise InvalidConfiguration("a stolen device needs the first and the last instant at which it was misused")


def is_of(loot: Stolen, opening: Unsealed, professionals: Mapping[bytes, str]) -> bool:
    """Says whether an opening was made with a stolen device, at any time; ``professionals`` opens commitments."""
    if loot.kind not in _DEVICES:
        return False
    if loot.professional is None:
        return loot.keyid == opening.keyid
    return professionals[loot.professional] == opening.professional


def _window(loot: Stolen) -> tuple[int, int]:
    require_countable(loot)
    assert loot.to_at is not None  # noqa: S101 - ``require_countable`` says so
    first = loot.to_at - DESK_RETENTION_DAYS * DAY_SECONDS if loot.from_at is None else loot.from_at
    return first, loot.to_at


def _within(loot: Stolen, opening: Unsealed, professionals: Mapping[bytes, str]) -> bool:
    first, last = _window(loot)
    return is_of(loot, opening, professionals) and first // HOUR_SECONDS <= opening.hour <= last // HOUR_SECONDS


def _claims(loot: Stolen, by_month: dict[int, int]) -> int:
    """Counts the claim lines of the months that a window touches: the hub keeps no finer date."""
    if loot.from_at is None or loot.to_at is None:
        return sum(by_month.values())
    first, last = (int(datetime.fromtimestamp(at, UTC).strftime("%Y%m")) for at in (loot.from_at, loot.to_at))
    return sum(lines for month, lines in by_month.items() if first <= month <= last)
