"""Requests of authorities: each piece handed over answers one of them; what is overdue is listed, and why it is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from paravent.breach.cli import group
from paravent.breach.entries import Opened
from paravent.breach.store import Store

AUTHORITY = (
    "--authority",
    "Parquet de Paris",
    "--basis",
    "code de procédure pénale, art. 77-1-1",
    "--text",
    "Registre",
)


def run(home: Path, verb: str, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(group, [verb, *arguments, "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return values


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # The duties need a directory; requests do not.
    monkeypatch.setattr("paravent.breach.notice_cli._duties", lambda *_: [])
    opening = ("--title", "t", "--facts", "f", "--aware", "2026-01-31T08:15Z", "--aware-role", "dpo")
    return str(run(tmp_path, "open", *opening)["incident"])


def test_a_request_is_overdue_until_all_of_it_is_handed_over(tmp_path: Path, case: str) -> None:
    asked = run(tmp_path, "request", case, *AUTHORITY, "--due", "2026-02-01T08:00Z")["number"]
    later = run(tmp_path, "request", case, *AUTHORITY, "--due", "2099-02-01T08:00Z")["number"]
    run(tmp_path, "request", case, *AUTHORITY)
    piece = tmp_path / "registre.jsonl"
    piece.write_bytes(b"registre")
    assert run(tmp_path, "due", case)["late"] == [f"demande:{asked}"]
    to = ("--to", "brigade de lutte contre la cybercriminalité, officier de permanence")
    kept = run(tmp_path, "hand-over", case, str(asked), str(piece), *to, "--dry-run")
    assert kept["recorded"] is False
    run(tmp_path, "hand-over", case, str(asked), str(piece), *to, "--more-to-come")
    assert run(tmp_path, "due", case)["late"] == [f"demande:{asked}"]
    done = run(tmp_path, "hand-over", case, str(asked), str(piece), *to, "--at", "2026-02-02T08:00Z")
    assert (done["late"], done["size"]) == (True, 8)
    found = {one["request"]: one for one in run(tmp_path, "due", case)["requests"]}
    assert run(tmp_path, "due", case)["late"] == []
    assert [piece["complete"] for piece in found[asked]["handed_over"]] == [False, True]
    assert found[asked]["handed_over"][1]["sha256"] == done["sha256"]
    assert found[asked]["handed_over"][1]["at"] == "2026-02-02T08:00:00Z"
    assert found[later]["handed_over"] == []
    assert found[asked]["basis"] == AUTHORITY[3]


def test_a_piece_answers_a_request_that_was_recorded(tmp_path: Path, case: str) -> None:
    piece = tmp_path / "registre.jsonl"
    piece.write_bytes(b"registre")
    arguments = ["hand-over", case, "0", str(piece), "--to", "CNIL", "--home", str(tmp_path), "--json"]
    done = CliRunner().invoke(group, arguments)
    assert done.exit_code == 1
    assert "no request of this case" in done.output


def test_the_calendar_reminds_of_what_is_asked_and_not_given(tmp_path: Path, case: str) -> None:
    run(tmp_path, "request", case, *AUTHORITY, "--due", "2026-02-01T08:00Z")
    ics = tmp_path / "due.ics"
    run(tmp_path, "due", case, "--ics", str(ics))
    assert b"DTSTART:20260201T080000Z" in ics.read_bytes()
    piece = tmp_path / "registre.jsonl"
    piece.write_bytes(b"registre")
    run(tmp_path, "hand-over", case, "1", str(piece), "--to", "parquet")
    run(tmp_path, "due", case, "--ics", str(ics))
    assert b"BEGIN:VEVENT" not in ics.read_bytes()


@pytest.mark.parametrize("written", ["2026-01-31T08:15Z", "2026-01-31 09:15"])
def test_an_instant_is_written_as_the_log_has_it_or_as_a_watch_in_paris_shows_it(tmp_path: Path, written: str) -> None:
    opening = ("--title", "t", "--facts", "f", "--aware", written, "--aware-role", "dpo")
    case = str(run(tmp_path, "open", *opening)["incident"])
    with Store(tmp_path) as store:
        said = store.entries(case)[0].entry.said
    assert isinstance(said, Opened)
    assert said.aware_at == int(datetime(2026, 1, 31, 8, 15, tzinfo=UTC).timestamp())
    wrong = CliRunner().invoke(group, ["open", *opening[:5], "9 h 15", *opening[6:], "--home", str(tmp_path)])
    assert wrong.exit_code == 1
    assert "or now" in wrong.output
