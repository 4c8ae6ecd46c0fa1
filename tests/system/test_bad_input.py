"""Bad input gets a clear error, loses nothing, and a technical failure is never shown as "not covered"."""

from __future__ import annotations

import json
import sqlite3

import pytest

from paravent.drill.platform import DATA, Platform
from paravent.drill.population import Population
from tests.system.customers import adults, card_of, other_insurer, particulars


def code(answer: tuple[int, dict[str, object]]) -> str:
    """Returns the error code of an answer, or the bare status when it is a success."""
    return str(answer[1].get("type", answer[0])).removeprefix("urn:paravent:error:")


def test_number_lane_refusals_are_told_apart(platform: Platform, population: Population) -> None:
    person = adults(population)[0]
    body = particulars(person)
    wrong_key = body["nir"][:-2] + f"{(int(body['nir'][-2:]) % 97) + 1:02d}"
    assert code(platform.desk("/v1/checks/number", body | {"nir": wrong_key})) == "invalid-nir"
    assert code(platform.desk("/v1/checks/number", body | {"insurer": "12345678"})) == "unknown-insurer"
    assert code(platform.desk("/v1/checks/number", body | {"birth_date": "tomorrow"})) == "invalid-identity"
    assert code(platform.desk("/v1/checks/number", body | {"name": "AUTRE NOM"})) == "holder-mismatch"
    assert code(platform.desk("/v1/checks/number", body | {"insurer": other_insurer(body["insurer"])})) == "not-covered"
    assert code(platform.desk("/v1/checks/number", body | {"nir": "1 85 07 75 056 001 " + "22"})) == "invalid-nir"
    assert platform.desk("/v1/checks/number", body)[0] == 200


def test_a_real_number_never_enters_a_synthetic_platform(platform: Platform, population: Population) -> None:
    body = particulars(adults(population)[0])
    status, answer = platform.desk("/v1/checks/number", body | {"nir": "295109912611193"})
    assert (status, code((status, answer))) == (422, "invalid-nir")
    assert "295109912611193" not in json.dumps(answer)


def test_a_card_truncated_or_altered_is_unreadable(platform: Platform, population: Population) -> None:
    person = adults(population)[0]
    text = card_of(platform, person)
    body = {"card": text, "name": person.name, "birth_date": person.birth_date}
    assert platform.desk("/v1/checks/card", body)[0] == 200
    for cut in (3, 10, 200, len(text) - 1):
        assert code(platform.desk("/v1/checks/card", body | {"card": text[:cut]})) == "unreadable-card"
    for place in range(4, len(text), 23):
        altered = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        assert code(platform.desk("/v1/checks/card", body | {"card": altered})) in {
            "unreadable-card",
            "unknown-insurer",
        }
    assert code(platform.desk("/v1/checks/card", body | {"card": "https://example.org"})) == "unreadable-card"
    assert code(platform.desk("/v1/checks/card", body | {"name": "AUTRE"})) == "holder-mismatch"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"card": "x", "name": "A", "birth_date": "1990-01-01", "more": 1}', "malformed-message"),
        (b'{"card": "x", "name": "A", "name": "B", "birth_date": "1990-01-01"}', "malformed-message"),
        (b'{"card": "x"', "malformed-message"),
        (b'{"card": "x", "name": "A", "birth_date": "1990-01-01"} x', "malformed-message"),
        (b"[" * 5_000, "malformed-message"),
        (b" " * 300_000, "body-too-large"),
    ],
)
def test_a_body_is_read_strictly(platform: Platform, raw: bytes, expected: str) -> None:
    assert code(platform.desk("/v1/checks/card", raw)) == expected


def test_hub_and_key_servers_take_signed_requests_only(platform: Platform) -> None:
    for name, path in (("hub", "/v1/rows"), ("hub", "/v1/acts"), ("keyserver-1", "/v1/evaluations")):
        assert code(platform.call(name, path, b"{}", {})) == "request-not-authentic"
        assert code(platform.call(name, path, b"x" * 100_000, {})) == "body-too-large"


def test_the_desk_answers_with_its_token_only(platform: Platform) -> None:
    for headers in ({}, {"authorization": "Bearer x"}, {"host": "evil.example"}):
        assert code(platform.call("desk", "/v1/checks/card", b"{}", headers)) == "local-token-required"


def test_a_prescription_of_another_kind_is_refused(platform: Platform, population: Population) -> None:
    check = platform.desk("/v1/checks/number", particulars(adults(population)[1]))[1]["check"]
    basket = {"frame_class": "B", "frame_cents": 9_000, "lens_class": "B", "right_cents": 9_000, "left_cents": 9_000}
    good = (DATA / "visionprescription-33123.r4.json").read_text()
    request = {"check": check, "prescription": good, "basket": basket}
    assert platform.desk("/v1/quotes", request)[0] == 200
    for text, expected in (
        ('{"resourceType": "Patient"}', "unsupported-prescription"),
        (good.replace('"code": "lens"', '"code": "contact"'), "unsupported-prescription"),
        (good.replace("-2.00", "-2.10"), "unsupported-prescription"),
        ("{", "malformed-message"),
    ):
        assert code(platform.desk("/v1/quotes", request | {"prescription": text})) == expected


def test_a_tampered_row_is_a_technical_failure(platform: Platform, population: Population) -> None:
    """Every row is altered in the hub's own database: the desk says whose proof fails, never "not covered"."""
    person = adults(population)[2]
    with sqlite3.connect(platform.home / "hub" / "hub.db") as database:
        database.execute("UPDATE row SET stored = CAST(zeroblob(1) || substr(stored, 2) AS BLOB)")
    try:
        status, answer = platform.desk("/v1/checks/number", particulars(person))
        assert (status, code((status, answer))) == (502, "proof-failure")
        assert answer["culprit"] == "hub"
    finally:
        platform.stop("hub", "insurer-99000001", "insurer-99000002")
        platform.start("hub")
        for amc in ("99000001", "99000002"):
            platform.publish(amc, "--complete")
        platform.start("insurer-99000001", "insurer-99000002")
    # The desk learns the new batch when its kept epoch no longer knows it.
    assert platform.desk("/v1/checks/number", particulars(person))[0] == 200
