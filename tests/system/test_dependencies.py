"""Each dependency taken away on running processes: what works meanwhile, what answers which code; as documented."""

from __future__ import annotations

import json
from pathlib import Path

from paravent.drill.dependencies import outages
from paravent.drill.dependencies.run import play
from paravent.drill.population import Population
from paravent.errors import ParaventError

DOCS = Path(__file__).parents[2] / "docs"
DRILL, REPORT = DOCS / "drill.md", DOCS / "reports" / "dependencies.jsonl"


def test_the_table_of_the_documents_is_the_one_that_is_played() -> None:
    assert "\n".join(outages.table()) in DRILL.read_text()


def test_each_was_away_for_ten_minutes_in_the_report() -> None:
    """As each ends in the table of today: a report of another table is found out."""
    rows = [json.loads(line) for line in REPORT.read_text().splitlines()]
    long = {(row["dependency"], row["operation"]): row["found"] for row in rows if row["away_seconds"] >= 600}
    assert long == {
        (outage.name, operation): outage.expected(operation)
        for outage in outages.OUTAGES if outage.takes_away for operation in outage.tried
    }  # fmt: skip
    back = {
        (f"{outage.name}, back again", operation)
        for outage in outages.OUTAGES if outage.back for operation in outage.refused
    }  # fmt: skip
    assert back <= {(row["dependency"], row["operation"]) for row in rows}
    assert all(row["found"] == row["expected"] for row in rows)


def test_every_code_of_the_table_is_a_declared_error() -> None:
    refused = {code for outage in outages.OUTAGES for code in outage.refused.values()}
    assert refused - {outages.NO_ANSWER} <= codes_of(ParaventError)


def test_nothing_is_left_out_in_silence() -> None:
    """Every operation is tried in every outage, but those of custodians, whom nobody else asks."""
    for outage in outages.OUTAGES:
        assert set(outage.refused) <= set(outage.tried)
        assert set(outage.tried) == ({"unseal"} if outage.custodians else set(outages.OPERATIONS))


def codes_of(kind: type[ParaventError]) -> set[str]:
    """Lists the codes of every kind of error."""
    return {kind.code}.union(*(codes_of(one) for one in kind.__subclasses__()))


def test_what_is_away_stops_what_depends_on_it_and_nothing_else(population: Population, tmp_path: Path) -> None:
    rows = list(play(tmp_path, population))
    assert [row for row in rows if row.found != row.expected] == []
    tried = {(outage.name, operation) for outage in outages.OUTAGES for operation in outage.tried}
    again = {
        (f"{outage.name}, back again", operation)
        for outage in outages.OUTAGES if outage.back for operation in outage.refused
    }  # fmt: skip
    assert tried | again == {(row.dependency, row.operation) for row in rows}
