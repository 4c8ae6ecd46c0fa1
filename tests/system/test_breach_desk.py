"""The breach desk on running processes: from the alarm to a dossier that both verifiers accept, by its own verbs."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from paravent.drill.authority import LocalAuthority
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson, synthesise
from paravent.errors import TechnicalFailure
from paravent.insurer.store import Store
from paravent.wire.codec import decode
from paravent.wire.log import CheckpointAnswer
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars
from tests.system.test_witness import SIGNERS, checkpoint, until

SCRIPT = Path(__file__).parents[2] / "standalone" / "verify_dossier.py"
OPENED = 4


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(200, list(INSURERS), 37, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def attacked(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform on which one desk is misused and another works."""
    running = Platform(tmp_path_factory.mktemp("breach"))
    try:
        running.create(population, 15)
        running.add_desk("desk-2")
        for name in (*KEYSERVERS, "hub"):
            config = running.home / name / "config.toml"
            config.write_text(config.read_text().replace("watch_seconds = 20", "watch_seconds = 1"))
        running.start(*KEYSERVERS, "hub", "desk", "desk-2")
        for amc in INSURERS:
            running.publish(amc)
        for desk, persons in (("desk", victims(population)), ("desk-2", adults(population)[OPENED : OPENED + 2])):
            running.desk("/v1/refreshes", {}, desk)
            for person in persons:
                assert running.desk("/v1/checks/number", particulars(person), desk)[0] == 200
        yield running
    finally:
        running.stop()


def victims(population: Population) -> list[SyntheticPerson]:
    return adults(population)[:OPENED]


def breach(platform: Platform, *arguments: str | Path) -> dict[str, Any]:
    return platform.command("breach", *arguments, "--home", platform.home / "breach-desk", "--json")


@pytest.fixture(scope="module")
def case(attacked: Platform) -> str:
    """Opens a case, measures, unseals, asks, and takes the answers."""
    home, pin = attacked.home, attacked.pin
    trusted = ("--directory", pin["file"], "--signer", pin["signer"], "--key", pin["key"])
    breach(attacked, "init", "--name", "breach-desk", "--operator", "Opérateur")
    breach(attacked, "join", *trusted)
    now = datetime.now(UTC)
    instants = [(now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%MZ") for hours in (-1, 0, 1)]
    opened = breach(
        attacked, "open", "--title", "Poste utilisé par un tiers", "--facts", "Un poste a été utilisé par un tiers.",
        "--aware", instants[1], "--aware-role", "dpo", "--began", instants[0],
    )  # fmt: skip
    number = str(opened["case"])
    leaves: list[str | Path] = []
    for name in KEYSERVERS:
        until(lambda name=name: checkpoint(attacked, name)[1] == SIGNERS)  # type: ignore[misc]
        out = home / f"{name}.leaves"
        attacked.command("keyserver", "export-log", "--home", home / name, "--out", out)
        breach(attacked, "measure", number, "--log", out)
        leaves += ["--leaves", out]
    attacked.command("hub", "counts", "--home", home / "hub", "--out", home / "counts.json")
    breach(attacked, "measure", number, "--counts", home / "counts.json")
    unsealed = breach(
        attacked, "unseal", number, "--share", home / "custodian-1" / "custodian.key",
        "--share", home / "custodian-3" / "custodian.key", *leaves, *trusted,
        "--from", instants[0][:13], "--to", instants[2][:13],
    )  # fmt: skip
    stolen = next(
        row["device"] for row in unsealed["openings"]
        if row["professional"] == f"8{10000000000 + attacked.ports['desk']}"
    )  # fmt: skip
    breach(attacked, "stolen", number, "device-key", "--device", stolen, "--from", instants[0], "--to", instants[2])
    breach(attacked, "ask", number, "--out", home / "asked")
    for question in sorted((home / "asked").iterdir()):
        amc = question.name.split("-")[2]
        insurer = home / f"insurer-{amc}"
        attacked.command("insurer", "journal", "--home", insurer, "--json")
        attacked.command("insurer", "answer", question, "--home", insurer, "--out", home / f"answer-{amc}.json")
        breach(attacked, "measure", number, "--answer", home / f"answer-{amc}.json")
    return number


def test_the_insurers_resolve_exactly_whom_the_stolen_desk_opened(
    attacked: Platform, population: Population, case: str
) -> None:
    found = breach(attacked, "affected", case, "--labels", attacked.home / "labels")
    for row in found["insurers"]:
        assert set(row) >= {"proved", "estimate", "upper", "assumption"}
    assert sum(row["proved"] for row in found["insurers"]) == OPENED
    members = set()
    for amc in INSURERS:
        out = attacked.home / f"members-affected-{amc}.csv"
        attacked.command(
            "insurer", "resolve", attacked.home / "labels" / f"{case}-{amc}-labels.txt",
            "--home", attacked.home / f"insurer-{amc}", "--out", out,
        )  # fmt: skip
        with out.open(encoding="utf-8", newline="") as file:
            members |= {row["member_id"] for row in csv.DictReader(file)}
    assert members == {person.member_id for person in victims(population)}


def test_members_may_be_told_exactly_whom_the_stolen_desk_opened(
    attacked: Platform, population: Population, case: str
) -> None:
    out, opened = attacked.home / "told.json", 0
    with pytest.raises(TechnicalFailure, match="run affair first"):
        breach(attacked, "tell-insurer", case, next(iter(INSURERS)), "--out", out)
    breach(attacked, "affair", case, "--recipient", "Police", "--reference", "2026/1", "--address", "1 rue de l'Essai")
    for amc in INSURERS:
        breach(attacked, "tell-insurer", case, amc, "--out", out)
        insurer = attacked.home / f"insurer-{amc}"
        opened += attacked.command("insurer", "incident", out, "--home", insurer, "--json")["members"]
        with Store(insurer) as store:
            for person in population.of_insurer(amc):
                concerned = store.incidents.records_opened(case, person.member_id) > 0
                assert concerned is (person in victims(population)), person.member_id
    assert opened == OPENED


def test_a_file_altered_on_the_way_is_not_measured(attacked: Platform, case: str) -> None:
    amc = next(iter(INSURERS))
    answer = attacked.home / f"answer-{amc}.json"
    altered = attacked.home / "altered.json"
    altered.write_bytes(answer.read_bytes().replace(b'"payload":"ey', b'"payload":"ez'))
    assert altered.read_bytes() != answer.read_bytes()
    with pytest.raises(TechnicalFailure):
        breach(attacked, "measure", case, "--answer", altered)


def test_a_case_ends_in_a_dossier_that_both_verifiers_accept(attacked: Platform, case: str) -> None:
    home = attacked.home
    evidence = home / "note.txt"
    evidence.write_text("Vous avez sept jours.")
    breach(attacked, "note", case, "--category", "ransom-demand", "--text", "Une demande de rançon a été reçue.")
    breach(attacked, "artefact", case, evidence, "--source", "courriel")
    digest = hashlib.sha256(evidence.read_bytes()).hexdigest()
    breach(attacked, "custody", case, digest, "--action", "remise", "--from", "dpo", "--to", "enquêteur")
    breach(attacked, "person", case, "--person-role", "DPO", "--who", "Camille Exemple")
    breach(attacked, "request", case, "--authority", "CNIL", "--basis", "RGPD 58", "--text", "Pièces")
    due = breach(attacked, "due", case, "--ics", home / "due.ics")
    duty = "rgpd-33-2:99000001"
    assert duty in {one["duty"] for one in due["duties"]}
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    breach(attacked, "filed", case, duty, "--stage", "initial", "--at", at, "--reference", "r", "--role", "dpo")
    breach(attacked, "decide", case, "rgpd-34:99000001", "--decision", "informer", "--reason", "lu", "--role", "dpo")
    breach(attacked, "affair", case, "--recipient", "Service", "--reference", "2026/1", "--address", "à compléter")
    written = breach(attacked, "notify", case, "--out", home / "documents")
    assert {name[:2] for name in written["documents"]} == {f"{place:02d}" for place in range(1, 13)}
    assert len(breach(attacked, "export", case, "--out", home / "exports")["files"]) == 6
    size = 0
    for party in ("keyserver-1", "hub", "insurer-99000001"):
        note, back = home / f"for-{party}.json", home / f"from-{party}.note"
        size = breach(attacked, "checkpoint", "--out", note, "--for", party.removeprefix("insurer-"))["size"]
        kind = party.split("-")[0]
        signed = attacked.command(kind, "cosign", note, "--home", home / party, "--out", back, "--json")
        assert (signed["size"], signed["signed"]) == (size, True)
        assert breach(attacked, "checkpoint", "--cosigned", back)["signatures"] > 1
    pinned = stamped(attacked, case)
    with pytest.raises(TechnicalFailure, match="give --authority"):
        breach(attacked, "dossier", case, "--out", home / "dossier.tar", "--trust", home / "trust.json")
    breach(attacked, "dossier", case, "--out", home / "dossier.tar", "--trust", home / "trust.json", *pinned)
    assert b"Camille" not in (home / "dossier.tar").read_bytes()
    verified = attacked.command("verify", home / "dossier.tar", "--json")
    assert (verified["verified"], verified["pinned"], verified["case"]) == (True, True, case)
    assert len(verified["stamped_at"]) == 1
    command = [sys.executable, str(SCRIPT), str(home / "dossier.tar"), "--trust", str(home / "trust.json")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def stamped(platform: Platform, case: str) -> tuple[str | Path, ...]:
    """Has the log stamped by the desk's own verb; returns the options that pin the authority."""
    home = platform.home
    query, note, answer = home / "stamp.tsq", home / "stamp.note", home / "stamp.tsr"
    options: list[tuple[str | Path, ...]] = []
    answers = []
    breach(platform, "stamp", case, "--query", query)
    for name in ("authority", "other"):
        local = LocalAuthority(home / name)
        answers.append(local.answer(query.read_bytes()))
        paths = home / f"{name}.pem", home / f"{name}-root.pem"
        for path, certificate in zip(paths, (local.certificate, local.root), strict=True):
            path.write_bytes(certificate.public_bytes(Encoding.PEM))
        options.append(("--authority", paths[0], "--root", paths[1]))
    answer.write_bytes(answers[0])
    taken = ("stamp", case, "--answer", answer, "--note", note)
    with pytest.raises(TechnicalFailure):
        breach(platform, *taken, *options[1])
    with pytest.raises(TechnicalFailure, match="give --query"):
        breach(platform, *taken)
    # A note of this log that is not the one stamped.
    newer = home / "newer.note"
    breach(platform, "note", case, "--text", "Le parquet est prévenu.")
    breach(platform, "checkpoint", "--out", home / "newer.json")
    newer.write_bytes(decode((home / "newer.json").read_bytes(), CheckpointAnswer).note)
    with pytest.raises(TechnicalFailure):
        breach(platform, "stamp", case, "--answer", answer, "--note", newer, *options[0])
    assert breach(platform, *taken, *options[0])["stamped_at"] > 0
    return options[0]


def test_insurers_execute_what_the_case_asks_and_the_case_takes_what_they_did(attacked: Platform, case: str) -> None:
    home, (amc, other) = attacked.home, list(INSURERS)
    breach(attacked, "affected", case, "--labels", home / "labels")
    for insurer, verb, more in (
        (amc, "request-revocation", (home / "labels" / f"{case}-{amc}-labels.txt",)),
        (other, "request-rotation", ("--end-former",)),
    ):  # fmt: skip
        request, done = home / f"{verb}.json", home / f"{verb}-done.json"
        stated = breach(attacked, verb, case, insurer, *more, "--out", request, "--dry-run")
        assert (stated["signed"], len(stated["effect"]) > 1, request.exists()) == (False, True, False)
        breach(attacked, verb, case, insurer, *more, "--out", request, "--yes")
        execute = ("insurer", "execute", request, "--home", home / f"insurer-{insurer}", "--json")
        assert attacked.command(*execute, "--dry-run")["done"] is False
        stated = attacked.command(*execute, "--dry-run")["effect"]
        assert len(stated) > 1
        with pytest.raises(TechnicalFailure, match=f"(?s){stated[0].split(':')[0]}.*was not confirmed"):
            attacked.command(*execute, "--out", done)
        assert not done.exists()
        found = attacked.command(*execute, "--out", done, "--yes")
        again = attacked.command(*execute, "--out", done, "--yes")
        assert (found["done"], again["epoch"]) == (True, found["epoch"])
        assert (found["members"] > 0, found["epoch"]) == ((True, 1) if insurer == amc else (False, 2))
        assert breach(attacked, "measure", case, "--done", done)["entries"]
        wrong = ("insurer", "execute", request, "--home", home / f"insurer-{({amc, other} - {insurer}).pop()}")
        with pytest.raises(TechnicalFailure, match="another insurer"):
            attacked.command(*wrong, "--out", home / "wrong.json", "--yes")


def test_nothing_of_a_case_is_written_when_it_is_not_open(attacked: Platform) -> None:
    with pytest.raises(TechnicalFailure, match="no such case"):
        breach(attacked, "note", "2020-001", "--text", "x")
