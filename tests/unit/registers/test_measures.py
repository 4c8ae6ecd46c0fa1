"""The register of measures: both lists whole, answers superseded and never erased, no proof without a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from paravent.breach.observatory.cli import group
from paravent.breach.registers.store import shipped


def run(*arguments: object, code: int = 0) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exit_code == code, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


def test_both_lists_are_whole() -> None:
    references = [one.reference for one in shipped()]
    assert references == [f"anssi-{n}" for n in range(1, 43)] + [f"cnil-{n}" for n in range(1, 26)]


def test_the_latest_answer_counts(tmp_path: Path) -> None:
    proof = tmp_path / "charter.txt"
    proof.write_text("a charter")
    run("answer", "anssi-2", "--kind", "no", "--owner", "RSSI", "--home", tmp_path)
    run("answer", "anssi-2", "--kind", "document", "--owner", "RSSI", "--proof", proof, "--home", tmp_path)
    run("answer", "cnil-3", "--kind", "declared", "--owner", "DPO", "--home", tmp_path, "--dry-run")
    found = run("measures", "--home", tmp_path)
    assert (found["measures"], found["document"], found["no"], found["unanswered"]) == (67, 1, 0, 66)


def test_a_document_without_its_file_and_an_unknown_measure_are_refused(tmp_path: Path) -> None:
    run("answer", "anssi-2", "--kind", "document", "--owner", "RSSI", "--home", tmp_path, code=1)
    run("answer", "anssi-99", "--kind", "no", "--owner", "RSSI", "--home", tmp_path, code=1)
    assert run("measures", "--home", tmp_path)["unanswered"] == 67
