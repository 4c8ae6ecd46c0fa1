"""What others write into observatory and registers: altered archives, huge files, formulas, days of no calendar."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from paravent.access.cli import shown
from paravent.breach.observatory.cli import group
from paravent.breach.observatory.cnil import COLUMNS, Extraction, read_extraction
from paravent.breach.registers import exchange_cli
from paravent.breach.registers.ciso_audit import URN
from paravent.breach.registers.contract_cli import _table
from paravent.breach.registers.contracts import CLAUSES, Contract, require_chain
from paravent.errors import InvalidConfiguration
from paravent.pages.spreadsheet import commas, inert, semicolons

FORMULA = "=HYPERLINK(A1)"
NOTE = "Extraction générée le 2 décembre 2025" + ";" * 8
CELLS = (
    "2025-01", "Santé humaine", "Perte de la confidentialité", "Plus de 5000 personnes", "État civil", "Oui",
    "Piratage", "Acte externe malveillant", "Oui, les personnes ont été informées",
)  # fmt: skip


def verb(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [*map(str, arguments), "--json"])


def refused(*arguments: str | Path) -> str:
    """A declared error, and not an exception that nobody foresaw; returns its detail."""
    done = verb(*arguments)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit), done.output
    said: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert said["error"] == "invalid-configuration"
    return said["detail"]


# --- the file of the CNIL ----------------------------------------------------------------------------


def extraction(*lines: str) -> Extraction:
    return read_extraction("\r\n".join([NOTE, ";".join(COLUMNS), *lines]) + "\r\n")


def line(**cells: str) -> str:
    return ";".join(cells.get(f"c{place}", cell) for place, cell in enumerate(CELLS))


def test_a_file_of_the_cnil_that_is_right_is_read() -> None:
    assert len(extraction(line(), line()).notifications) == 2


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        # The lines between two stray quotes would be one cell of free words, and not counted.
        ("line 5", [line(c4='"Nom'), line(), line(c4='Nom"')]),
        ("line 4", [line(c1='"Santé\r\nhumaine"')]),
        ("line 3", [line(c1="Santé\x0bhumaine")]),
        ("line 3", [line(c6="\x1b]0;titre\x07")]),
        ("line 3", [line(c1='"' + "x" * 140_000 + '"'), line()]),
        ("line 3", [line(c4="\"ouvert jusqu'à la fin")]),
    ],
)
def test_no_line_of_the_cnil_is_swallowed_by_another(place: str, lines: list[str]) -> None:
    found = extraction(*lines)
    assert (found.notifications, found.rejected[0].place[:6]) == ((), place)


def test_what_is_said_of_an_unknown_word_is_short() -> None:
    assert len(extraction(line(c7="x" * 100_000)).rejected[0].reason) < 200


# --- archives ----------------------------------------------------------------------------------------


def archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../etc/incidents.json", json.dumps([{"incident_id": str(number)} for number in range(400)]))
    return path


def test_a_name_in_an_archive_is_no_path(tmp_path: Path) -> None:
    done = verb("import", archive(tmp_path / "a.zip"), "--home", tmp_path / "home")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "home"]


@pytest.mark.parametrize(
    ("at", "value"),
    [(6, 1), (8, 99)],  # the bit that says "under a password"; a way of packing that nobody knows
)
def test_an_archive_that_cannot_be_opened_is_an_error_for_people(tmp_path: Path, at: int, value: int) -> None:
    path = archive(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[at], content[directory + at + 2] = value, value
    path.write_bytes(content)
    assert "archive" in refused("import", path, "--home", tmp_path / "home")


def test_an_archive_that_was_altered_leaves_nothing_half_kept(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") - 20] ^= 0xFF
    path.write_bytes(content)
    refused("import", path, "--home", tmp_path / "home")
    assert json.loads(verb("report", "--home", tmp_path / "home").stdout.splitlines()[-1])["records"] == 0


# --- contracts ---------------------------------------------------------------------------------------

BOUND = Contract(
    reference="un", customer=FORMULA, processor="@SUM(A1)", signed_on=date(2026, 1, 2), contact="+33",
    clauses=dict.fromkeys(CLAUSES, "-1+1"),
)  # fmt: skip


@pytest.mark.parametrize("days", [{"signed_on": "9999-12-31"}, {"signed_on": "0001-01-01"}, {"ends_on": "9999-12-31"}])
def test_a_day_that_no_audit_can_follow_is_not_registered(tmp_path: Path, days: dict[str, str]) -> None:
    """Kept, it would end every later list of contracts."""
    (tmp_path / "c.json").write_bytes(msgspec.json.encode(msgspec.to_builtins(BOUND) | days))
    assert "year" in refused("contract", tmp_path / "c.json", "--home", tmp_path / "home")
    assert verb("contracts", "--home", tmp_path / "home").exit_code == 0


def test_a_contract_is_a_small_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"# " + b"x" * 200_000)
    assert "bytes" in refused("contract", tmp_path / "c.toml", "--home", tmp_path / "home")


def test_a_chain_that_many_ways_lead_up_is_walked_once() -> None:
    """Forty storeys, two contracts in each, both under both of the storey above: 2^40 ways."""
    above: dict[str, Contract] = {}
    storey: tuple[str, ...] = ()
    for number in range(40):
        names = (f"a{number}", f"b{number}")
        above |= {name: msgspec.structs.replace(BOUND, reference=name, under=storey) for name in names}
        storey = names
    require_chain(msgspec.structs.replace(BOUND, reference="last", under=storey), above)
    with pytest.raises(InvalidConfiguration):
        require_chain(msgspec.structs.replace(BOUND, reference="a0", under=storey), above)


# --- what a spreadsheet or a terminal would obey ------------------------------------------------------


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(first: str) -> None:
    assert inert(f"{first}1+1") == f"'{first}1+1"
    for written, delimiter in ((semicolons, ";"), (commas, ",")):
        assert next(csv.reader(io.StringIO(written([[f"{first}1"]])), delimiter=delimiter))[0].startswith("'")


def test_the_register_of_contracts_computes_nothing() -> None:
    rows = list(csv.reader(io.StringIO(_table([BOUND], [])), delimiter=";"))[1]
    assert (rows[1], rows[2]) == (f"'{FORMULA}", "'@SUM(A1)")


def test_counts_of_incidents_compute_nothing(tmp_path: Path) -> None:
    incident = {"incident_id": "1", "action": {"hacking": {"variety": ["Other"], "vector": ["Other"]}},
                "victim": {"country": [FORMULA]}, "timeline": {"incident": {"year": 2025}}}  # fmt: skip
    (tmp_path / "i.json").write_text(json.dumps(incident))
    assert verb("import", tmp_path / "i.json", "--home", tmp_path).exit_code == 0
    assert verb("report", "--home", tmp_path, "--out", tmp_path / "out").exit_code == 0
    table = io.StringIO((tmp_path / "out" / "report.csv").read_text())
    assert ["by_country", f"'{FORMULA}", "1"] in list(csv.reader(table))


def test_no_text_commands_a_terminal() -> None:
    assert shown("Société\x1b[2J\u202e\u00a0: 1\n\t2") == "Société\\x1b[2J\\u202e\u00a0: 1\n\t2"


def test_what_a_verb_says_of_a_file_commands_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "i.json").write_text(json.dumps({"incident_id": "\x1b[2J", "action": {"magic": {}}}))
    done = CliRunner().invoke(group, ["import", str(tmp_path / "i.json"), "--home", str(tmp_path)])
    assert "\\x1b[2J" in done.output.replace("\x1b", "ESC")


# --- audits of another tool --------------------------------------------------------------------------


def test_an_owner_is_one_line(tmp_path: Path) -> None:
    for owner in ("a\nb", "\x01", "", "x" * 200):
        said = ("answer", "anssi-1", "--kind", "declared", "--owner", owner, "--home", tmp_path)
        assert "owner" in refused(*said)


def test_the_owner_of_an_audit_keeps_no_export_from_being_written(tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["urn", "compliance_result", "observations"])
    writer.writerow([f"{URN}1", "compliant", "paravent: declared; 2026-01-01; ; \x01=1+1"])
    (tmp_path / "audit.csv").write_text(text.getvalue())
    assert verb("import-measures", tmp_path / "audit.csv", "--owner", "RSSI", "--home", tmp_path).exit_code == 0
    assert verb("export-measures", tmp_path / "out.xlsx", "--home", tmp_path).exit_code == 0
    cells = [str(cell) for row in load_workbook(tmp_path / "out.xlsx").worksheets[0].values for cell in row]
    assert any(cell.startswith("paravent: declared;") and cell.endswith("; RSSI") for cell in cells)


def workbook(path: Path, part: str, content: str) -> Path:
    """Writes an audit, and puts another content into one of its parts."""
    verb("export-measures", path, "--home", path.parent / "register")
    with zipfile.ZipFile(path) as parts:
        kept: dict[str, Any] = {name: parts.read(name) for name in parts.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, whole in kept.items():
            made.writestr(name, content if name == part else whole)
    return path


@pytest.mark.parametrize(
    "part", ["[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"]
)
@pytest.mark.parametrize("content", ["", "<a", "<a/>", "nothing"])
def test_a_workbook_that_was_altered_inside_is_read_or_refused(tmp_path: Path, part: str, content: str) -> None:
    done = verb("import-measures", workbook(tmp_path / "a.xlsx", part, content), "--owner", "x", "--home", tmp_path)
    assert done.exit_code == 0 or type(done.exception) is SystemExit, done.exception


def test_a_workbook_that_unpacks_to_a_mountain_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_cli, "UNPACKED_BYTES_MAX", 100_000)
    path = workbook(tmp_path / "a.xlsx", "xl/styles.xml", " " * 200_000)
    assert "workbook" in refused("import-measures", path, "--owner", "x", "--home", tmp_path / "home")
