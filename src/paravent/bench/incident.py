"""A national incident at the breach desk: every insurer's exposure and every document (docs/protocol.md section 16).

The platform has that many insurers, each with real keys and a small real publication; their logs, labels and answers
are real. What makes it national is what each insurer signs of its size: no party of a case reads one row of it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from paravent.access.quotas import QuotaLimits
from paravent.bench import measures
from paravent.breach import notifying
from paravent.breach.case import compute, keep_measure, measure
from paravent.breach.exposure import Exposure
from paravent.breach.rules_store import shipped_duties, shipped_references
from paravent.breach.store import Store
from paravent.crypto.labels import Label
from paravent.drill.cases.attacks import Attack, Played, stolen_credential, stolen_hub
from paravent.drill.cases.run import CONFIG
from paravent.drill.credentials.scene import scene
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.run import quick_folder
from paravent.hub.counts import counts
from paravent.wire.case import CASE_BYTES_MAX, HubCounts, InsurerCounts, MonthOfClaims
from paravent.wire.codec import decode, encode
from paravent.wire.statements import EpochBundle, ManifestHead, Signed, cosigned, sign_statement

PERSONS, INSURERS = 33_000_000, 100
SECONDS_MAX, PEAK_BYTES_MAX = 600, 1 << 30
"""What issue and documentation promise of one incident; the bench shows it beside, and asserts nothing."""

PUBLISHED_PER_INSURER = 8
MONTHS = tuple(year * 100 + month for year in (2025, 2026) for month in range(1, 13))[5:18]
_PERSONS_PER_CLAIM_LINE = 20
_FIRST_AMC = 99_000_001
_INCIDENTS: dict[str, Attack] = {"stolen-hub": stolen_hub, "stolen-credential": stolen_credential}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFigures:
    """One incident: ``seconds`` from the evidence being in, to exposures and documents written.

    ``peak_bytes`` is the most memory that the process ever had, the simulated platform included; ``openings`` are
    those that custodians opened, ``files`` what documents were written as.
    """

    incident: str
    persons: int
    insurers: int
    openings: int
    proved: int
    upper: int
    exact: bool
    documents: int
    files: int
    exposure_seconds: float
    seconds: float
    seconds_max: int
    peak_bytes: int
    peak_bytes_max: int


def measure_incidents(persons: int, insurers: int) -> Iterator[IncidentFigures]:
    """Plays both incidents on a platform of their own."""
    names = {str(_FIRST_AMC + number): f"Organisme {number + 1}" for number in range(insurers)}
    for name, attack in _INCIDENTS.items():
        published = max(PUBLISHED_PER_INSURER * insurers, 400)
        with (
            quick_folder() as folder, Store(folder / "breach") as store,
            scene(2, (), published, QuotaLimits(), insurers=names) as attacked,
        ):  # fmt: skip
            played = attack(attacked, store)
            platform = attacked.platform
            national = national_counts(platform, persons)
            keep_measure(store, played.case, "counts", encode(national), platform.directory, platform.now)
            yield _timed(name, store, platform, played, persons)


def national_counts(platform: SimulatedPlatform, persons: int) -> Signed:
    """Has every insurer sign a head of its share of ``persons``, and the hub count them and their claim lines."""
    hub, now = platform.hub, platform.now
    held = decode(counts(platform.directory, hub.store, hub.identity, now).payload, HubCounts, bytes_max=CASE_BYTES_MAX)
    share, rest = divmod(persons, len(held.insurers))
    found = tuple(_national(platform, counted, share + (place < rest)) for place, counted in enumerate(held.insurers))
    said = HubCounts(at=now, insurers=found)
    return sign_statement(said, Label.CASE_COUNTS, hub.name, hub.identity.signing_key)


def _national(platform: SimulatedPlatform, counted: InsurerCounts, persons: int) -> InsurerCounts:
    insurer = platform.insurers[counted.insurer]

    def resigned(bundle: EpochBundle) -> EpochBundle:
        head = msgspec.structs.replace(decode(bundle.head.payload, ManifestHead), count=persons)
        signed = insurer.sign(head, Label.MANIFEST_HEAD)
        return msgspec.structs.replace(bundle, head=cosigned(signed, ()))

    lines = persons // _PERSONS_PER_CLAIM_LINE
    return InsurerCounts(
        insurer=counted.insurer, bundles=tuple(resigned(bundle) for bundle in counted.bundles),
        claims=tuple(MonthOfClaims(month=month, lines=lines) for month in MONTHS),
    )  # fmt: skip


def _timed(
    name: str, store: Store, platform: SimulatedPlatform, played: Played, persons: int
) -> IncidentFigures:  # fmt: skip
    directory, now, case = platform.directory, platform.now, played.case
    started = time.perf_counter()
    found = [exposure for exposure, _ in compute(store, case, directory, QuotaLimits(), now)]
    computed = time.perf_counter()
    measured = measure(store, case, directory, now)
    view = notifying.view_of(store, case, CONFIG, directory, measured, shipped_duties(), now)
    files = notifying.write(store, view, shipped_references())
    ended = time.perf_counter()
    return IncidentFigures(
        incident=name, persons=persons, insurers=len(directory.insurers), openings=len(measured.openings),
        proved=sum(one.proved for one in found), upper=sum(one.upper for one in found), exact=exact(found, played),
        documents=sum(file.endswith(".pdf") for file in files), files=len(files),
        exposure_seconds=round(computed - started, 2), seconds=round(ended - started, 2), seconds_max=SECONDS_MAX,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024, peak_bytes_max=PEAK_BYTES_MAX,
    )  # fmt: skip


def exact(found: list[Exposure], played: Played) -> bool:
    """Says whether the labels listed are those that the thief truly opened, insurer by insurer."""
    return {one.insurer: frozenset(one.labels) for one in found if one.labels} == played.truth


MEASURE = measures.Measure(
    name="incident",
    asked_by=measures.asking("--incident", "Play national incidents at the breach desk instead."),
    options=(measures.PERSONS, measures.INSURERS),
    rows=lambda _folder, sizes: measure_incidents(
        sizes.of(measures.PERSONS, PERSONS), sizes.of(measures.INSURERS, INSURERS)
    ),
)
