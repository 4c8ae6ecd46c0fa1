"""Procedures turned against what they protect: the draw of the audit, and the matcher of leaks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from paravent.crypto.hpke import BoxKey
from paravent.drill.ground import Ground
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import Platform
from paravent.drill.row import PlatformName, Ran, Row
from paravent.errors import ProofFailure, TechnicalFailure
from paravent.optics.audit import commitment_to, is_drawn
from paravent.wire.audit import AuditMonth

RATE_PER_MILLE = 50
CLAIMS, TRIES = 1_000, 20
CASE = "DRILL-1"
_APPROVERS = ("first", "second")


def audit_grinding(ground: Ground) -> Iterator[Row]:
    """Chooses, among many claim identifiers, the ones that guessed seeds would not draw; then the seed is revealed."""
    amc, month, started = ground.population.insurers[0], 203001, time.perf_counter()
    seed, officer = os.urandom(32), BoxKey.generate(os.urandom)
    committed = AuditMonth(
        month=month, rate_per_mille=RATE_PER_MILLE, officer_key=officer.public,
        commitment=commitment_to(seed, amc, month), seed=None,
    )  # fmt: skip
    guesses = [os.urandom(32) for _ in range(8)]
    # The thief has the commitment and no seed: the month cannot be drawn, so he grinds against guesses of it.
    guessed = [_revealed(committed, guess, amc) for guess in guesses]
    chosen = [
        min((os.urandom(16) for _ in range(TRIES)), key=lambda claim: sum(is_drawn(one, amc, claim) for one in guessed))
        for _ in range(CLAIMS)
    ]
    honest = [os.urandom(16) for _ in range(CLAIMS)]
    revealed = AuditMonth(
        month=month, rate_per_mille=RATE_PER_MILLE, officer_key=officer.public, commitment=committed.commitment,
        seed=seed,
    )  # fmt: skip
    ground_drawn, honest_drawn = (sum(is_drawn(revealed, amc, one) for one in claims) for claims in (chosen, honest))
    yield Row(
        scenario="audit-grinding", platform=PlatformName.PARAVENT, ran=Ran.SIMULATION, persons=ground.persons,
        opened=0, membership=0, bound=0, formula="0; ground claims are drawn at the rate",
        seconds=round(time.perf_counter() - started, 2),
        figures={
            "claims": CLAIMS, "tries_for_each": TRIES, "rate_per_mille": RATE_PER_MILLE,
            "ground_and_drawn": ground_drawn, "honest_and_drawn": honest_drawn,
            "drawn_before_the_seed": not _refused(committed, amc, chosen[0]),
        },
    )  # fmt: skip


def _revealed(committed: AuditMonth, seed: bytes, amc: str) -> AuditMonth:
    """A month as it would be, were this its seed."""
    return AuditMonth(
        month=committed.month, rate_per_mille=committed.rate_per_mille, officer_key=committed.officer_key,
        commitment=commitment_to(seed, amc, committed.month), seed=seed,
    )  # fmt: skip


def _refused(month: AuditMonth, amc: str, claim: bytes) -> bool:
    try:
        is_drawn(month, amc, claim)
    except ProofFailure:
        return True
    return False


def leak_matcher(ground: Ground) -> Iterator[Row]:
    """Matches the whole list as a leaked sample: one approver alone, and two who collude."""
    platform, amc = ground.paravent(), ground.population.insurers[0]
    insurer, folder = platform.home / f"insurer-{amc}", ground.folder("leak")
    sample = folder / "sample.csv"
    sample.write_text(
        "".join(f"{line.name};{line.birth_date};{printed_nir(line.nir)}\n" for line in ground.population.leaked_list())
    )
    for name in _APPROVERS:
        platform.command("insurer", "approver", name, "--home", insurer, "--key-file", folder / name)
    members = len(ground.population.of_insurer(amc))
    for count in (1, len(_APPROVERS)):
        started = time.perf_counter()
        found = _matched(platform, insurer, sample, folder, _APPROVERS[:count])
        yield Row(
            scenario="leak-matcher", platform=PlatformName.PARAVENT, case=f"{count}-approvers", ran=Ran.PROCESSES,
            persons=ground.persons, opened=0, membership=found, bound=0,
            formula="0 opened; membership of that insurer to two approvers together, recorded",
            seconds=round(time.perf_counter() - started, 2),
            figures={"membership_bound": members if count > 1 else 0},
        )  # fmt: skip


def _matched(platform: Platform, insurer: Path, sample: Path, folder: Path, approvers: tuple[str, ...]) -> int:
    """Returns how many members a match names; 0 when it is refused."""
    options: list[str | Path] = []
    for name in approvers:
        out = folder / f"{name}.json"
        platform.command(
            "insurer", "approve-leak", sample, "--home", insurer, "--case", CASE, "--approver", name,
            "--key-file", folder / name, "--out", out,
        )  # fmt: skip
        options += ["--approval", out]
    try:
        found = platform.command(
            "insurer", "match-leak", sample, "--home", insurer, "--case", CASE, "--rows", "--json", *options
        )
    except TechnicalFailure:
        return 0
    return len({member for row in found["members"] for member in row["members"]})
