"""From homes to records: every party checks itself, signs, is believed by the directory, and has its record written."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.cli import group as breach
from paravent.breach.observatory.cli import group as watch
from paravent.breach.registers import store as register_store
from paravent.breach.registers.cli import directory_of
from paravent.breach.registers.processing import TO_COMPLETE, latest, read_texts, records
from paravent.breach.registers.store import Store, shipped_processing
from paravent.desk.cli import group as desk
from paravent.errors import InvalidConfiguration
from paravent.hub.cli import group as hub
from paravent.insurer.cli import group as insurer
from paravent.keyserver.cli import group as keyserver
from paravent.wire.doctor import DoctorReport, Setting
from paravent.wire.statements import Directory

AMC = "99000001"


def run(group: Any, *arguments: object, code: int | None = 0) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert code is None or found.exit_code == code, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A platform that joined one directory, nothing served; the breach desk has everybody's report."""
    former = os.umask(0o077)
    root = tmp_path_factory.mktemp("homes")
    entries: list[object] = []
    for name in ("ks1", "ks2"):
        run(
            keyserver, "init", "--home", root / name, "--name", name, "--port", 1, "--operator", f"Operator {name}",
            "--hosted-by", f"Host {name}", "--administrator", f"Team {name}", "--entry", root / f"{name}.json",
        )  # fmt: skip
        entries += ["--keyserver", root / f"{name}.json"]
    run(hub, "init", "--home", root / "hub", "--port", 1)
    run(
        insurer, "init", "--home", root / "insurer", "--amc", AMC, "--name", "Mutuelle Exemple", "--synthetic",
        "--port", 1, "--entry", root / "insurer.json",
    )  # fmt: skip
    run(breach, "init", "--home", root / "breach", "--name", "breach.example", "--operator", "Opérateur Exemple")
    run(desk, "init", "--home", root / "desk", "--professional", "810000000001", "--shop", "580000001", "--port", 1)
    signed = run(
        hub, "directory", "--home", root / "hub", "--key", root / "signer" / "directory.key", *entries,
        "--insurer", root / "insurer.json",
    )  # fmt: skip
    pinned = ("--directory", root / "signer" / "directory.json", "--signer", signed["signer"], "--key", signed["key"])
    for name in ("ks1", "ks2"):
        run(keyserver, "join", "--home", root / name, *pinned, "--cosigned", root / "signer" / "directory.json")
    for group, name in ((hub, "hub"), (insurer, "insurer"), (breach, "breach"), (desk, "desk")):
        run(group, "join", "--home", root / name, *pinned)
    for group, name in (
        (keyserver, "ks1"), (keyserver, "ks2"), (hub, "hub"), (insurer, "insurer"), (breach, "breach"), (desk, "desk")
    ):  # fmt: skip
        run(group, "doctor", "--home", root / name, "--out", root / f"{name}.report", code=None)
    yield root
    os.umask(former)


def answer(home: Path, report: Path, *options: object, code: int = 0) -> dict[str, Any]:
    return run(watch, "answer", "--from-doctor", report, "--owner", "RSSI", "--home", home, *options, code=code)


@pytest.fixture(scope="module")
def told(homes: Path) -> Path:
    """The home of a breach desk that took the reports of all but ks2 and the desk."""
    for name in ("ks1", "hub", "insurer"):
        assert answer(homes / "breach", homes / f"{name}.report")["kept"]
    return homes / "breach"


def test_a_party_of_the_directory_is_believed_and_another_needs_its_key(homes: Path, told: Path) -> None:
    assert answer(told, homes / "desk.report", code=1)["error"] == "unknown-party"
    altered = homes / "altered.report"
    values = json.loads((homes / "ks2.report").read_text())
    altered.write_text(json.dumps(values | {"signer": "ks1"}))
    assert answer(told, altered, code=1)["error"] == "proof-failure"
    found = run(watch, "measures", "--home", told)
    states = {one["reference"]: one["state"] for one in found["standings"]}
    # No backup was ever made: that outweighs everything else.
    assert (states["anssi-37"], states["anssi-35"]) == ("wrong", "checked by machine")
    parties = {one["party"] for row in found["standings"] for one in row["answers"]}
    assert parties >= {"ks1", "hub", AMC}


def test_operators_that_are_one_are_seen_in_the_directory(homes: Path) -> None:
    said = run(keyserver, "doctor", "--home", homes / "ks1", code=None)
    assert {one["check"]: one["outcome"] for one in said["checks"]}["independence"] == "ok"


def test_records_come_from_what_was_signed(homes: Path, told: Path, tmp_path: Path) -> None:
    (tmp_path / "contract.toml").write_text(
        f'reference = "mutuelle"\ncustomer = "Mutuelle Exemple"\nprocessor = "Opérateur Exemple"\ninsurer = "{AMC}"\n'
        'signed_on = 2026-01-02\ncontact = "DPO de la mutuelle"\n',
        encoding="utf-8",
    )
    run(watch, "contract", tmp_path / "contract.toml", "--home", told)
    out = tmp_path / "out"
    said = run(watch, "records", "--out", out, "--home", told)
    assert said["without_report"] == ["ks2"]
    found = {one["party"]: one for one in json.loads((out / "records.json").read_text())["records"]}
    assert found.keys() == {"ks1", "hub", AMC}
    assert (found[AMC]["article"], found["hub"]["article"]) == ("RGPD art. 30(1)", "RGPD art. 30(2)")
    assert found[AMC]["holder"] == f"Mutuelle Exemple (AMC {AMC})"
    assert found["hub"]["controllers"] == [f"Mutuelle Exemple (AMC {AMC}), contact : DPO de la mutuelle"]
    assert found["ks1"]["holder"] == "Operator ks1"
    assert "hébergeur : Host ks1" in found["ks1"]["recipients"]
    assert any("90 jours" in line for line in found["hub"]["retention"])
    assert found["hub"]["holder"] == TO_COMPLETE
    assert any(line.startswith("Sauvegarde récente : en défaut") for line in found["hub"]["not_established"])
    assert any("[quotas, " in line for line in found["hub"]["measures"])
    with (out / "records.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["partie"] for row in csv.DictReader(file, delimiter=";")] == sorted(found)
    text = "".join(page.extract_text() for page in PdfReader(out / "records.pdf").pages)
    assert "Registre des activités de traitement" in text
    assert "Sans relevé" in text
    # A desk stands in no directory: its key is compared by hand with what verifiers enrolled.
    key = run(desk, "doctor", "--home", homes / "desk", code=None)["key"]
    assert answer(told, homes / "desk.report", "--key", key)["kept"]
    said = run(watch, "records", "--out", out, "--home", told)
    assert {one["holder"] for one in said["records"] if one["article"] == "RGPD art. 30(1)"} == {
        "opticien, établissement 580000001", f"Mutuelle Exemple (AMC {AMC})"
    }  # fmt: skip
    # The operator's name is the breach desk's to say.
    assert answer(told, homes / "breach.report")["kept"]
    said = run(watch, "records", "--out", out, "--home", told)
    assert [one["holder"] for one in said["records"] if one["party"] == "hub"] == ["Opérateur Exemple"]


def test_another_configuration_gives_another_record(told: Path) -> None:
    """Nothing of a record is typed; an empty setting is to be completed."""
    with Store(told) as store:
        directory = _directory(told)
        contracts = store.contracts()

    def record(**settings: str) -> Any:
        report = DoctorReport(
            party="ks1", kind="keyserver", at=1, rules="2026-01-01", results=(),
            settings=tuple(Setting(name=name, value=value) for name, value in settings.items()),
        )  # fmt: skip
        return records([("00", report)], shipped_processing(), shipped_rules(), directory, contracts)[0]

    assert record(operator="Another").holder == "Another"
    assert record(operator="").holder == TO_COMPLETE
    assert record(daily_count_days="7").retention[1].endswith("7 jours")


def _directory(home: Path) -> Directory:
    found = directory_of(home)
    assert found is not None
    return found


def test_the_latest_report_of_a_party_is_the_one_that_counts() -> None:
    old = DoctorReport(party="hub", kind="hub", at=1, rules="x", results=(), settings=())
    new = msgspec.structs.replace(old, at=2)
    assert latest([("b", new), ("a", old)]) == [("b", new)]


def test_a_file_with_a_kind_of_party_twice_is_refused() -> None:
    text = (register_store._SHIPPED / "records-2026-01-01.toml").read_text(encoding="utf-8")
    assert len(read_texts(text.encode()).processing) == 5
    with pytest.raises(InvalidConfiguration):
        read_texts(text.replace('kind = "hub"', 'kind = "desk"').encode())


def test_without_a_breach_desk_there_are_no_records(tmp_path: Path) -> None:
    assert run(watch, "records", "--out", tmp_path / "o", "--home", tmp_path / "h", code=1)["error"] == (
        InvalidConfiguration.code
    )
