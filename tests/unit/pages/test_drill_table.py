"""The table of a drill on a console: the worst case of each theft, and a theft above its bound is never hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paravent.errors import MalformedMessage
from paravent.pages.screens.drill_table import read_drill

REPORT = Path(__file__).parents[3] / "docs" / "reports" / "drill.jsonl"


def lines(*rows: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps({"platform": "paravent", **row}).encode() for row in rows)


def test_the_table_says_what_the_report_says() -> None:
    rows = [json.loads(line) for line in REPORT.read_text("utf-8").splitlines()]
    table = read_drill(REPORT.read_bytes())
    for theft in table.thefts:
        own = [row for row in rows if row["scenario"] == theft.scenario]
        for side, figure in (("paravent", theft.opened), ("conventional", theft.conventional)):
            opened = [row["opened"] for row in own if row["platform"] == side and row["opened"] is not None]
            assert figure == max(opened, default=None), (theft.scenario, side)
    run = {row["scenario"] for row in rows if row["opened"] is not None}
    assert {theft.scenario for theft in table.thefts} == run
    assert set(table.not_run) == {row["scenario"] for row in rows} - run
    # What the console says of all of them rests on a bound for each that was carried out here.
    ours = [row for row in rows if row["platform"] == "paravent" and row["opened"] is not None]
    assert all(row["bound"] is not None for row in ours)
    assert all(theft.holds for theft in table.thefts)


def test_one_case_above_its_bound_is_not_made_up_for_by_another() -> None:
    above, below = {"scenario": "a", "opened": 3, "bound": 2}, {"scenario": "a", "opened": 0, "bound": 9}
    (theft,) = read_drill(lines(above, below)).thefts
    assert (theft.opened, theft.bound, theft.holds) == (3, 9, False)


def test_what_is_no_row_is_refused_with_its_line() -> None:
    with pytest.raises(MalformedMessage, match="line 2"):
        read_drill(lines({"scenario": "a"}) + b"\n{}")
