"""Marker persons go through the whole platform; outside insurer and desk, no trace of them is found.

Searched: every database, log, secret file and backup of the hub and the key servers, and every byte
that crossed the network between parties; in plain, hexadecimal and base64 at each alignment.
"""

from __future__ import annotations

import base64
import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paravent.access.alarm_cli import every_alarm, read_own
from paravent.access.events.happened import happened
from paravent.access.events.mapping_store import shipped_mapping
from paravent.access.events.ocsf import Ocsf
from paravent.access.quotas import QuotaLimits
from paravent.access.store import VerifierStore
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import DATA, INSURERS, Platform, free_ports
from paravent.drill.population import Coverage, Population, SyntheticPerson, synthesise
from paravent.drill.theft import copy_database
from paravent.hub.store import Store as HubStore
from paravent.keyserver.store import Store as ServerStore
from tests.system.capture import Capture
from tests.system.conftest import KEYSERVERS
from tests.system.customers import card_of, particulars
from tests.system.fhir_requests import asked, beside, claim, coverage

MARKER = SyntheticPerson(
    member_id="MARKER",
    name="ZYXWVUT-QUARTZ Ysolde",
    birth_date="19520229",
    guarantee="OPT-CONFORT",
    free_from=202601,
    renewal_months=24,
    coverages=(Coverage(insurer="99000001", nir="2520275999876", rank=7),),
)
SPHERE = "-13.25"
PRESCRIPTION = (DATA / "visionprescription-33123.r4.json").read_text().replace("-2.00", SPHERE)
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 18_000, "left_cents": 18_000}
SECRETS = (
    "2520275999876",
    "252027599987",
    "19520229",
    "1952-02-29",
    "29/02/1952",
    "ZYXWVUT",
    "QUARTZ",
    "Ysolde",
    "13.25",
)


def encodings(text: str) -> set[bytes]:
    """Lists how a text may stand in bytes: plain, either case, UTF-16, hexadecimal, base64 at each alignment."""
    found = set()
    for variant in {text, text.upper(), text.lower()}:
        for plain in (variant.encode(), variant.encode("utf-16-le")):
            found |= {plain, plain.hex().encode(), plain.hex().upper().encode()}
            for shift in range(3):
                # Drop the characters that depend on the neighbours of the text.
                encoded = base64.b64encode(bytes(shift) + plain)
                kept = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 3, 2)[(shift + len(plain)) % 3] or None]
                found |= {kept, kept.replace(b"+", b"-").replace(b"/", b"_")}
    return {pattern for pattern in found if len(pattern) >= 5}


def traces(files: Iterator[Path] | list[Path]) -> list[tuple[str, str]]:
    """Lists (file, secret) for every secret found in a file."""
    patterns = {secret: encodings(secret) for secret in SECRETS}
    return [
        (path.name, secret)
        for path in files
        for content in [path.read_bytes()]
        for secret, shapes in patterns.items()
        if any(shape in content for shape in shapes)
    ]


def outside(home: Path) -> list[Path]:
    """Lists every file of the hub and the key servers, what crossed the network, and the log of the desk."""
    folders = [home / name for name in (*KEYSERVERS, "hub", "network")]
    logs = [home / f"{name}.log" for name in (*KEYSERVERS, "hub", "desk")]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()] + logs


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform behind capturing proxies, through which the marker person buys glasses in both lanes."""
    home = tmp_path_factory.mktemp("watched")
    proxied = (*KEYSERVERS, "hub")
    ports = dict(zip(proxied, free_ports(len(proxied)), strict=True))
    platform = Platform(home, base_urls={name: f"http://127.0.0.1:{port}" for name, port in ports.items()})
    base = synthesise(300, list(INSURERS), 9, datetime.now(UTC).year)
    population = Population(year=base.year, insurers=base.insurers, persons=(*base.persons, MARKER))
    platform.create(population, 20)
    (home / "network").mkdir()
    captures = [Capture(port, platform.ports[name], home / "network" / f"{name}.bytes") for name, port in ports.items()]
    try:
        platform.start(*KEYSERVERS, "hub", "desk")
        for amc in INSURERS:
            platform.publish(amc)
        platform.desk("/v1/refreshes", {})
        buy_glasses(platform)
        copy_database(home / "hub" / "hub.db", home / "hub" / "backup.db")
        write_events(platform)
        yield platform
    finally:
        platform.stop()
        for capture in captures:
            capture.close()


def write_events(platform: Platform) -> None:
    """Writes what hub and key servers hand to a SIEM: everything, hours and days that are not over yet too."""
    stores: dict[str, VerifierStore] = {"hub": HubStore(platform.home / "hub", QuotaLimits(), os.urandom)}
    stores |= {name: ServerStore(platform.home / name, QuotaLimits(), os.urandom) for name in KEYSERVERS}
    for name, store in stores.items():
        writer = Ocsf(mapping=shipped_mapping(), service=name)
        with store:
            alarms = [read_own(one) for one in every_alarm(store, 0)]
            lines = [json.dumps(writer.event(one)) for one in happened(store, alarms, 0, 2**40)]
        # A server that the desk did not choose has fewer: it opened nothing.
        assert lines, name
        (platform.home / name / "events.jsonl").write_text("\n".join(lines))


def buy_glasses(platform: Platform) -> None:
    """Checks the marker person in both lanes, quotes, reserves and claims; also sends what must be refused."""
    status, check = platform.desk("/v1/checks/number", particulars(MARKER))
    assert status == 200, check
    card = {"card": card_of(platform, MARKER), "name": MARKER.name, "birth_date": MARKER.birth_date}
    assert platform.desk("/v1/checks/card", card)[0] == 200
    order = {"check": check["check"], "prescription": PRESCRIPTION, "basket": BASKET}
    assert platform.desk("/v1/quotes", order)[0] == 200
    assert platform.desk("/v1/reservations", {"check": check["check"]})[1]["outcome"] == "accepted"
    assert platform.desk("/v1/claims", order)[1]["outcome"] == "accepted"
    assert platform.desk("/v1/reservations", {"check": check["check"]})[1]["outcome"] == "refused"
    assert platform.desk("/v1/checks/number", particulars(MARKER) | {"name": "AUTRE"})[0] == 422
    buy_by_fhir(platform)
    # A person sent by mistake to the hub and to a key server is refused, and stays out of their logs.
    for name in ("hub", KEYSERVERS[0]):
        assert platform.call(name, f"/v1/{MARKER.coverages[0].nir}", None, {})[0] == 404


def buy_by_fhir(platform: Platform) -> None:
    """Goes through the FHIR addresses with the marker person, up to a quote, a refusal and an error."""
    check = asked("#c") | {"contained": beside(coverage(MARKER))}
    status, answer = platform.desk("/fhir/CoverageEligibilityRequest/$submit", check)
    assert (status, answer["insurance"][0]["inforce"]) == (200, True)
    covered = answer["insurance"][0]["coverage"]["reference"]
    status, seen = platform.desk("/fhir/VisionPrescription", PRESCRIPTION.encode())
    assert status == 201
    prescription = f"VisionPrescription/{seen['id']}"
    for use, outcome in (("predetermination", "complete"), ("preauthorization", "error"), ("claim", "error")):
        status, answer = platform.desk("/fhir/Claim/$submit", claim(use, covered, prescription))
        assert (status, answer["outcome"]) == (200, outcome)
    wrong = asked("#c") | {"contained": beside(coverage(MARKER, telecom=[{"value": MARKER.name}]))}
    assert platform.desk("/fhir/CoverageEligibilityRequest/$submit", wrong)[0] == 400


def test_no_trace_of_the_marker_person_outside_insurer_and_desk(watched: Platform) -> None:
    files = outside(watched.home)
    assert {path.name for path in files} >= {
        "hub.db",
        "backup.db",
        "keyserver.db",
        "hub.log",
        "hub.bytes",
        "events.jsonl",
    }
    assert sum(path.stat().st_size for path in (watched.home / "network").iterdir()) > 100_000
    ours = [path for path in files if path.parent.name != "network"]
    assert traces(ours) == []
    # On the network, only the two mistaken addresses that this test itself sent directly would show: they
    # went to the parties' own ports, not through the proxies.
    assert traces(list((watched.home / "network").iterdir())) == []


def test_the_search_does_find_the_marker_where_it_must_be(watched: Platform) -> None:
    with (watched.home / "members-99000001.csv").open() as file:
        assert printed_nir(MARKER.coverages[0].nir) in {row["nir"] for row in csv.DictReader(file)}
    found = {secret for _, secret in traces([watched.home / "members-99000001.csv"])}
    assert {"2520275999876", "19520229", "ZYXWVUT"} <= found


@pytest.mark.parametrize("place", ["hub.log", "hub/hub.db", "keyserver-2/secrets/signing.key", "network/hub.bytes"])
@pytest.mark.parametrize("how", ["plain", "hex", "base64", "base64 after two bytes", "utf-16"])
def test_the_search_turns_red_when_a_number_is_written_on_purpose(watched: Platform, place: str, how: str) -> None:
    nir = MARKER.coverages[0].nir.encode()
    planted = {
        "plain": nir,
        "hex": nir.hex().encode(),
        "base64": base64.b64encode(nir),
        "base64 after two bytes": base64.b64encode(b"x:" + nir + b":y"),
        "utf-16": MARKER.coverages[0].nir.encode("utf-16-le"),
    }[how]
    copy = watched.home / "planted"
    copy.write_bytes((watched.home / place).read_bytes() + b"\n" + planted + b"\n")
    assert (copy.name, "2520275999876") in traces([copy])
