"""A file in clear leaks: the insurer's own verbs say whose it was, on two approvals, and keep what they did."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population
from paravent.errors import TechnicalFailure

AMC = next(iter(INSURERS))
CASE = "2026-LEAK-1"
RECIPIENTS = ("Courtier Nord", "Routage Est")
ROWS = 20


@pytest.fixture(scope="module")
def insurer(platform: Platform) -> Path:
    return platform.home / f"insurer-{AMC}"


@pytest.fixture(scope="module")
def delivered(platform: Platform, insurer: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two recipients get the same members; each file has marks of its own."""
    folder = tmp_path_factory.mktemp("deliveries")
    files = {}
    for number, recipient in enumerate(RECIPIENTS):
        files[recipient] = folder / f"{number}.csv"
        said = platform.command(
            "insurer", "deliver", "--home", insurer, "--recipient", recipient, "--out", files[recipient], "--json"
        )
        assert (said["recipient"], said["marks"]) == (recipient, 50)
    return files


@pytest.fixture(scope="module")
def approvers(platform: Platform, insurer: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    keys = {name: tmp_path_factory.mktemp("approvers") / name for name in ("dpo", "rssi")}
    for name, key in keys.items():
        platform.command("insurer", "approver", name, "--home", insurer, "--key-file", key)
    return keys


def approved(platform: Platform, insurer: Path, sample: Path, approvers: dict[str, Path]) -> list[str | Path]:
    """Approves a sample; returns the options of the match."""
    options: list[str | Path] = []
    for name, key in approvers.items():
        out = sample.with_suffix(f".{name}.json")
        platform.command(
            "insurer", "approve-leak", sample, "--home", insurer, "--case", CASE, "--approver", name,
            "--key-file", key, "--out", out,
        )  # fmt: skip
        options += ["--approval", out]
    return options


def matched(platform: Platform, insurer: Path, sample: Path, *options: str | Path) -> dict[str, Any]:
    return platform.command("insurer", "match-leak", sample, "--home", insurer, "--case", CASE, "--json", *options)


def test_twenty_rows_name_the_recipient_whose_marks_they_hold(
    platform: Platform, insurer: Path, delivered: dict[str, Path], approvers: dict[str, Path], tmp_path: Path
) -> None:
    head, *lines = delivered["Routage Est"].read_text(encoding="utf-8").splitlines()
    # A thief publishes what lies beside a mark as readily as anything else: twenty rows, one of them a mark.
    mine = set(lines) - set(delivered["Courtier Nord"].read_text(encoding="utf-8").splitlines())
    others = random.Random(1).sample(sorted(set(lines) - mine), ROWS - 1)
    sample = tmp_path / "forum.csv"
    sample.write_text("\n".join([head, *others, min(mine)]), encoding="cp1252")
    found = matched(platform, insurer, sample, *approved(platform, insurer, sample, approvers))
    assert found["verdict"] == "ours"
    assert (found["rows"], found["agreeing"], found["comparable"]) == (ROWS + 1, ROWS - 1, ROWS - 1)
    assert found["recipients"][0]["recipient"] == "Routage Est"
    assert [one["marks"] for one in found["recipients"]] == [1, 0]
    assert "members" not in found


def test_the_members_are_named_on_request_only_and_at_the_insurer_only(
    platform: Platform, insurer: Path, population: Population, delivered: dict[str, Path], approvers: dict[str, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    line = delivered["Courtier Nord"].read_text(encoding="utf-8").splitlines()[1:6]
    sample = tmp_path / "five.csv"
    sample.write_text("\n".join(line), encoding="utf-8")
    found = matched(platform, insurer, sample, "--rows", *approved(platform, insurer, sample, approvers))
    members = {member for row in found["members"] for member in row["members"]}
    assert members <= {person.member_id for person in population.persons}
    assert members


def test_one_approval_or_another_sample_matches_nothing(
    platform: Platform, insurer: Path, delivered: dict[str, Path], approvers: dict[str, Path], tmp_path: Path
) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text(delivered["Courtier Nord"].read_text(encoding="utf-8"), encoding="utf-8")
    options = approved(platform, insurer, sample, approvers)
    with pytest.raises(TechnicalFailure, match="invalid-leak-sample"):
        matched(platform, insurer, sample, *options[:2])
    other = tmp_path / "other.csv"
    other.write_text("1;2;3", encoding="utf-8")
    with pytest.raises(TechnicalFailure, match="invalid-leak-sample"):
        matched(platform, insurer, other, *options)


def test_what_leaves_holds_no_mark_that_could_be_somebody(delivered: dict[str, Path]) -> None:
    """Every number in the files of this platform belongs to nobody, marks included (commune 991 to 999)."""
    for file in delivered.values():
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            assert 991 <= int(line.split(",")[3][7:10]) <= 999
