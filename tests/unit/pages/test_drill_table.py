"""The table of a drill on a console: the worst case of each theft, and a theft above its bound is never hidden."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from paravent.drill.registry import SCENARIOS
from paravent.errors import MalformedMessage
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.drill_table import read_drill
from paravent.pages.screens.scenarios import SCENARIOS as NAMES
from paravent.pages.screens.scenarios import scenario_words
from paravent.pages.screens.store import environments, scenario_names

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


def unnamed(names: Iterable[str]) -> set[str]:
    """Lists the scenarios that a French page would show by the word of the command, or too long for a chart."""
    said = scenario_names().values()
    return {
        name for name in names
        if scenario_words(name) == name or any(not 0 < len(named(name)) <= 26 for named in said)
    }  # fmt: skip


def test_every_scenario_of_the_drill_has_its_name() -> None:
    assert unnamed(SCENARIOS) == set()
    assert set(NAMES) == set(SCENARIOS), "a name of what the drill does not play any more"
    # The control: what the drill would play tomorrow is seen.
    assert unnamed([*SCENARIOS, "phished-custodian"]) == {"phished-custodian"}


@pytest.mark.parametrize("language", Language)
def test_the_page_of_the_drill_names_its_scenarios_in_its_language(language: Language) -> None:
    table = read_drill(REPORT.read_bytes())
    page = environments()[language].get_template("console-drill.html")
    shown = page.render(
        drill=table, drill_at=1, now=1, fault=None, path="/drill", contrast=False, csrf="",
    )  # fmt: skip
    named = scenario_names()[language]
    words = html.unescape(shown)
    for theft in table.thefts:
        assert named(theft.scenario) in words, theft.scenario
        assert f">{theft.scenario}<" not in words or named(theft.scenario) == theft.scenario
