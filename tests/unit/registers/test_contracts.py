"""Processor contracts: each missing clause, passed day and broken chain is seen; their delays set a case's clocks."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from paravent.breach.duties import duties
from paravent.breach.duties_rules import DutyRules
from paravent.breach.entries import Opened, Origin
from paravent.breach.observatory.cli import group
from paravent.breach.registers import store
from paravent.breach.registers.clauses import drafted, lacking, read_clauses
from paravent.breach.registers.contracts import (
    CLAUSES,
    Contract,
    FaultKind,
    Hds,
    audit_due,
    faults,
    promises,
    read_contract,
    require_chain,
    soon,
)
from paravent.breach.registers.store import Store as Registers
from paravent.breach.registers.store import shipped_clauses
from paravent.breach.rules_store import shipped_duties
from paravent.breach.store import Store
from paravent.errors import InvalidConfiguration

DAY = date(2026, 6, 15)
NOON = 1_781_524_800  # of that day
WHOLE = Contract(
    reference="mutuelle", customer="Mutuelle Exemple", processor="Opérateur", insurer="99000001",
    signed_on=date(2026, 1, 2), ends_on=date(2028, 1, 1), contact="DPO", description="annexe 1",
    clauses=dict.fromkeys(CLAUSES, "article 4"), notice_hours=24, sub_processors="general", hds_activities=(5,),
    hds=Hds(certificate="HDS-1", activities=(4, 5), expires_on=date(2027, 1, 1)), audited_on=(date(2026, 3, 1),),
)  # fmt: skip
BELOW = msgspec.structs.replace(
    WHOLE, reference="hebergeur", customer="Opérateur", processor="Hébergeur", insurer=None, under=("mutuelle",),
    notice_hours=8,
)  # fmt: skip


def wrong(*contracts: Contract, day: date = DAY) -> list[tuple[str, FaultKind, str]]:
    return [(one.contract, one.kind, one.source) for one in faults(contracts, day)]


def changed(contract: Contract, **fields: Any) -> Contract:
    return msgspec.structs.replace(contract, **fields)


def test_a_whole_contract_and_its_chain_have_no_fault() -> None:
    assert wrong(WHOLE, BELOW) == []


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_clause_of_article_28_that_is_missing_is_named(clause: str) -> None:
    clauses = {name: where for name, where in WHOLE.clauses.items() if name != clause}
    assert wrong(changed(WHOLE, clauses=clauses)) == [("mutuelle", FaultKind.MISSING, f"GDPR 28(3)({clause})")]
    assert lacking(changed(WHOLE, clauses=clauses)) == [clause]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"description": None}, FaultKind.MISSING),
        ({"notice_hours": None}, FaultKind.MISSING),
        ({"hds": None}, FaultKind.MISSING),
        ({"hds_activities": (5, 6)}, FaultKind.MISSING),
        ({"ends_on": date(2026, 6, 14)}, FaultKind.OVERDUE),
        ({"hds": Hds(certificate="HDS-1", activities=(5,), expires_on=date(2026, 6, 14))}, FaultKind.OVERDUE),
        ({"audited_on": (date(2025, 6, 14),)}, FaultKind.OVERDUE),
        ({"audited_on": (), "signed_on": date(2025, 6, 14)}, FaultKind.OVERDUE),
    ],
)
def test_what_is_missing_or_past_is_named(fields: dict[str, Any], kind: FaultKind) -> None:
    assert [found for _, found, _ in wrong(changed(WHOLE, **fields))] == [kind]


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (changed(WHOLE, sub_processors="none"), BELOW),
        (WHOLE, changed(BELOW, notice_hours=24)),
        (WHOLE, changed(BELOW, under=("nowhere",))),
    ],
)
def test_a_chain_that_does_not_hold_is_named(above: Contract, below: Contract) -> None:
    assert [(name, kind) for name, kind, _ in wrong(above, below)] == [("hebergeur", FaultKind.CHAIN)]


def test_a_contract_is_closed_once_the_data_were_returned() -> None:
    ended = changed(WHOLE, ends_on=date(2026, 6, 1))
    assert wrong(ended)
    assert wrong(changed(ended, returned_on=date(2026, 6, 10))) == []
    assert wrong(changed(WHOLE, clauses={}, returned_on=date(2026, 6, 10)))


def test_a_contract_stands_neither_under_itself_nor_under_one_that_is_not_there() -> None:
    known = {"mutuelle": WHOLE, "hebergeur": BELOW}
    require_chain(BELOW, known)
    for contract in (changed(WHOLE, under=("hebergeur",)), changed(BELOW, under=("nowhere",))):
        with pytest.raises(InvalidConfiguration):
            require_chain(contract, known)


def test_what_ends_soon_is_told_before() -> None:
    assert audit_due(changed(WHOLE, audited_on=(date(2026, 1, 31),), audit_months_max=1)) == date(2026, 2, 28)
    near = changed(WHOLE, ends_on=DAY + timedelta(days=90), audited_on=(date(2025, 8, 1),))
    assert [(what, at) for _, what, at in soon([near], DAY)] == [
        ("audit", date(2026, 8, 1)), ("end", DAY + timedelta(days=90))
    ]  # fmt: skip


# --- the clocks of a case -------------------------------------------------------------------------


def due_of(desk: Store, case: str, contracts: list[Contract], rules: DutyRules | None = None) -> dict[str, Any]:
    promised = promises(contracts, DAY)
    found = duties(rules or shipped_duties(), desk.entries(case), ["99000001", "99000002"], promised)
    return {one.identifier: one for one in found}


@pytest.fixture
def case(tmp_path: Path) -> tuple[Store, str]:
    opened = Store(tmp_path / "breach")
    said = Opened(title="t", facts="f", origin=Origin.HAND, aware_at=NOON, aware_role="dpo")
    opened.add("2026-001", said, role="dpo", now=NOON, new=True)
    return opened, "2026-001"


def test_the_notice_delay_of_a_contract_sets_the_instant_of_the_duty_to_tell(case: tuple[Store, str]) -> None:
    told, other = "rgpd-33-2:99000001", "rgpd-33-2:99000002"
    without = due_of(*case, [])
    assert (without[told].due_at, without[told].next_at) == (None, NOON + 12 * 3_600)
    found = due_of(*case, [WHOLE])
    assert (found[told].due_at, found[told].contract) == (NOON + 24 * 3_600, "mutuelle")
    # Our own target is earlier: the contract makes nothing later.
    assert (found[told].next_at, found[told].own_target) == (NOON + 12 * 3_600, True)
    assert (found[other].due_at, found[other].contract) == (None, "")
    short = due_of(*case, [WHOLE, changed(WHOLE, reference="avenant", notice_hours=4)])
    assert (short[told].due_at, short[told].next_at) == (NOON + 4 * 3_600, NOON + 4 * 3_600)
    assert short[told].late(NOON + 4 * 3_600 + 1)
    assert not without[told].late(NOON + 4 * 3_600 + 1)
    # Only the duty to tell is the contract's.
    assert short["rgpd-33-1:99000001"].due_at == without["rgpd-33-1:99000001"].due_at


def test_a_contract_that_is_over_or_longer_than_the_law_sets_nothing(case: tuple[Store, str]) -> None:
    assert promises([changed(WHOLE, ends_on=date(2026, 6, 14))], DAY) == {}
    assert promises([changed(WHOLE, signed_on=date(2026, 6, 16))], DAY) == {}
    rules = msgspec.structs.replace(
        shipped_duties(),
        duty=tuple(
            msgspec.structs.replace(one, hours=6) if one.code == "rgpd-33-2" else one for one in shipped_duties().duty
        ),
    )
    assert due_of(*case, [WHOLE], rules)["rgpd-33-2:99000001"].due_at == NOON + 6 * 3_600


# --- files, drafts, verbs --------------------------------------------------------------------------


def run(*arguments: object, code: int = 0) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exit_code == code, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


def written(path: Path, contract: Contract) -> Path:
    path.write_bytes(msgspec.json.encode(contract))
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"clauses": {"i": "article 9"}}, {"notice_hours": 0}, {"notice_hours": "24"}, {"reference": "A contract"},
        {"unknown": 1}, {"hds_activities": [7]}, {"insurer": "12"}, {"signed_on": "2026-02-30"},
    ],
)  # fmt: skip
def test_a_file_that_is_no_contract_is_refused(change: dict[str, Any]) -> None:
    values = json.loads(msgspec.json.encode(WHOLE))
    assert read_contract(json.dumps(values).encode(), toml=False) == WHOLE
    with pytest.raises(InvalidConfiguration):
        read_contract(json.dumps(values | change).encode(), toml=False)


def test_a_file_of_drafts_without_one_of_the_clauses_is_refused() -> None:
    text = (store._SHIPPED / "clauses-2026-01-01.toml").read_text(encoding="utf-8")
    assert read_clauses(text.encode()) == shipped_clauses()
    with pytest.raises(InvalidConfiguration):
        read_clauses(text.replace('name = "f"', 'name = "z"').encode())


def test_the_register_is_kept_as_versions_and_listed(tmp_path: Path) -> None:
    home = tmp_path / "register"
    today = datetime.now(UTC).date()
    current = changed(
        WHOLE, signed_on=today, ends_on=None, audited_on=(today,),
        hds=Hds(certificate="H", activities=(5,), expires_on=today + timedelta(days=400)),
    )  # fmt: skip
    assert not run("contract", written(tmp_path / "c.json", current), "--home", home, "--dry-run")["kept"]
    assert run("contracts", "--home", home)["contracts"] == []
    run("contract", written(tmp_path / "c.json", changed(current, clauses={})), "--home", home)
    assert run("contracts", "--home", home, code=1)["missing"] == 8
    toml = tmp_path / "c.toml"
    toml.write_text(_as_toml(current), encoding="utf-8")
    assert run("contract", toml, "--home", home)["faults"] == []
    found = run("contracts", "--home", home, "--csv", tmp_path / "register.csv")
    assert (found["missing"], found["overdue"], found["chain"], len(found["contracts"])) == (0, 0, 0, 1)
    assert found["tell"]["99000001"] == {"hours": 24, "contact": "DPO", "contract": "mutuelle"}
    assert "Mutuelle Exemple" in (tmp_path / "register.csv").read_text(encoding="utf-8-sig")
    with Registers(home) as register:
        assert [one.clauses for one in register.contracts()] == [current.clauses]
        assert register.contracts(at=0) == []
    run("contract", written(tmp_path / "x.json", changed(current, under=("nowhere",))), "--home", home, code=1)


def _as_toml(contract: Contract) -> str:
    """Writes a contract as a person would: JSON values are values of TOML, days stand bare."""
    values = json.loads(msgspec.json.encode(contract))
    tables = {name: values.pop(name) for name in ("clauses", "hds")}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if value is not None]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return re.sub(r'"(\d{4}-\d{2}-\d{2})"', r"\1", "\n".join(lines))


def test_a_draft_is_written_for_each_missing_clause_alone(tmp_path: Path) -> None:
    home = tmp_path / "register"
    lame = changed(WHOLE, clauses={"a": "article 1"}, notice_hours=None)
    run("contract", written(tmp_path / "c.json", lame), "--home", home)
    assert run("clauses", "mutuelle", "--out", tmp_path / "out", "--home", home)["clauses"] == [
        "b", "c", "d", "e", "f", "g", "h", "notice"
    ]  # fmt: skip
    text = (tmp_path / "out" / "mutuelle-clauses.txt").read_text(encoding="utf-8")
    assert "à relire par un juriste" in text
    assert "Instructions documentées" not in text
    assert "{" not in text
    pdf = PdfReader(tmp_path / "out" / "mutuelle-clauses.pdf")
    assert "juriste" in "".join(page.extract_text() for page in pdf.pages)
    assert drafted(WHOLE, shipped_clauses()) == []
    run("clauses", "unknown", "--out", tmp_path, "--home", home, code=1)


def test_the_example_of_the_documentation_is_a_contract() -> None:
    page = (Path(__file__).parents[3] / "docs" / "governance.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = read_contract(example.encode(), toml=True)
    assert (found.reference, lacking(found)) == ("mutuelle-exemple", ["c", "d", "e", "f", "g", "h"])
