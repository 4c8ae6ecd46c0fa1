"""The project's own vectors: the stored files are what the code gives, and what a second computation gives.

The second computation (``reference``) imports nothing of the project and reads the stored files alone.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.reference.table import OPERATIONS, disagreements, recompute
from vectors.generate import CONSTRUCTIONS, FOLDER, differing, encode, generate, main

FILES = sorted(FOLDER.glob("*.json"))
README = FOLDER.parent / "README.md"
REFERENCE = Path(__file__).parent / "reference"


@cache
def stored(construction: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{construction}.json").read_bytes())
    return document


CASES = [
    pytest.param(name, case, id=f"{name}: {case['name']}") for name in CONSTRUCTIONS for case in stored(name)["cases"]
]


# --- the stored files and the code -----------------------------------------------------------------


def test_the_stored_files_are_those_generated() -> None:
    assert differing(FOLDER, generate()) == []


def test_generating_twice_gives_the_same() -> None:
    assert generate() == generate()


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_check_names_the_file_where_one_digit_differs(
    construction: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vectors.generate.FOLDER", tmp_path)
    assert main([]) == 0
    assert main(["--check"]) == 0
    capsys.readouterr()
    altered = tmp_path / f"{construction}.json"
    text = altered.read_bytes()
    digit = max(place for place, byte in enumerate(text) if byte in b"0123456789")
    altered.write_bytes(text[:digit] + (b"1" if text[digit] == ord("0") else b"0") + text[digit + 1 :])
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == f"{tmp_path.name}/{altered.name} differs\n"


def test_check_names_a_missing_file_and_an_unknown_one(tmp_path: Path) -> None:
    files = generate()
    (tmp_path / "other.json").write_bytes(b"{}")
    assert differing(tmp_path, files) == sorted([*files, "other.json"])


# --- the stored files and the second computation -----------------------------------------------------


def test_the_second_computation_imports_nothing_of_the_project() -> None:
    for path in REFERENCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.split(".")[0] in {"paravent", "vectors"}], path.name


def test_every_operation_has_a_second_computation_and_a_case() -> None:
    known = {name: set(construction.operations) for name, construction in CONSTRUCTIONS.items()}
    assert {name: set(operations) for name, operations in OPERATIONS.items()} == known
    assert {name: {case["operation"] for case in stored(name)["cases"]} for name in known} == known


@pytest.mark.parametrize(("construction", "case"), CASES)
def test_the_second_computation_agrees(construction: str, case: dict[str, Any]) -> None:
    assert recompute(construction, case) == {name: case[name] for name in ("output", "error") if name in case}


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_the_second_computation_notices_one_digit(construction: str) -> None:
    """Alters every value of one output of each operation, one at a time, and what is refused into success."""
    seen = set()
    for case in stored(construction)["cases"]:
        kind = case["operation"], "error" in case
        if kind in seen:
            continue
        seen.add(kind)
        given = {name: case[name] for name in ("name", "operation", "input")}
        for ending in other_endings(case):
            assert disagreements(construction, {"cases": [given | ending]}) == [case["name"]]


def other_endings(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "error" in case:
        yield from ({"output": {}}, {"error": "unknown-insurer" if case["error"] != "unknown-insurer" else "refused"})
    else:
        yield {"error": "malformed-message"}
        yield from ({"output": altered} for altered in alterations(case["output"]))


def alterations(value: Any) -> Iterator[Any]:
    """Gives copies of a value in which one leaf differs: by one character, by one, or by its truth."""
    match value:
        case dict():
            for name, item in value.items():
                yield from (value | {name: altered} for altered in alterations(item))
        case list():
            for place, item in enumerate(value):
                yield from ([*value[:place], altered, *value[place + 1 :]] for altered in alterations(item))
        case str():
            yield from (
                value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
                for place in {0, len(value) - 1}
                if value
            )
        case bool() | None:
            yield not value
        case _:
            yield value + 1


# --- what the files hold -----------------------------------------------------------------------------


def test_answers_of_one_manifest_have_one_length() -> None:
    answers = [case["output"] for case in stored("manifest")["cases"] if case["operation"] == "answer"]
    assert len(answers) == 6
    assert {len(answer["body"].encode()) for answer in answers} == {answer["bytes"] for answer in answers}
    assert len({answer["bytes"] for answer in answers}) == 1


def test_the_readme_names_every_file_and_operation() -> None:
    rows = [
        line.split("|")[1:5]
        for line in README.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `paravent/")
    ]
    listed = {row[0].strip(" `"): (row[1].strip(), re.findall("`([a-z0-9-]+)`", row[2])) for row in rows}
    assert listed == {
        f"paravent/{name}.json": (construction.section, list(construction.operations))
        for name, construction in CONSTRUCTIONS.items()
    }


def test_files_are_written_in_one_form() -> None:
    assert [path.name for path in FILES] == [f"{name}.json" for name in CONSTRUCTIONS]
    for path in FILES:
        assert path.read_bytes() == encode(json.loads(path.read_bytes()))
