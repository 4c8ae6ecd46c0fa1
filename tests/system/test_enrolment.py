"""Enrolment with a real provider process: the browser's way, what is refused on it, suspension while serving.

The provider is the one of the demonstration. It sends whatever claims a user was given, so that a token can be
wrong in one claim and rightly signed.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from paravent.drill.platform import Platform, free_ports, professional, shop
from paravent.drill.population import Population
from paravent.drill.provider import Browser, professional_claims, set_claims
from paravent.errors import TechnicalFailure
from paravent.wire.enrolment import CALLBACK_PATH
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

_NAMES = (f"desk-new-{number}" for number in itertools.count())


@pytest.fixture
def desk(platform: Platform) -> str:
    """A desk that was created and has joined, and is enrolled nowhere."""
    return new_desk(platform)


def new_desk(platform: Platform) -> str:
    """Creates a desk that joins the directory; the provider knows who works there."""
    name = next(_NAMES)
    (port,) = free_ports(1)
    platform.ports[name] = port
    platform.command(
        "desk", "init", "--home", platform.home / name, "--professional", professional(port), "--shop", shop(port),
        "--port", str(port), "--allow-single-operator",
    )  # fmt: skip
    platform.command(
        "desk", "join", "--home", platform.home / name, "--directory", platform.pin["file"],
        "--signer", platform.pin["signer"], "--key", platform.pin["key"],
    )  # fmt: skip
    identify(platform, name)
    return name


def identify(platform: Platform, name: str, **changes: object) -> None:
    """Tells the provider who logs in at a desk."""
    port = platform.ports[name]
    set_claims(platform.issuer, name, professional_claims(professional(port), shop(port)) | changes)


def codes(platform: Platform, name: str) -> Path:
    """Prints the codes of a desk's shop at every verifier."""
    place = shop(platform.ports[name])
    found = [
        platform.command(party.split("-")[0], "shop-code", "--home", platform.home / party, "--json", place)
        for party in platform.verifiers()
    ]
    file = platform.home / f"{name}-codes.json"
    file.write_text(json.dumps({one["verifier"]: one["codes"][place] for one in found}))
    return file


def states(answer: dict[str, Any]) -> dict[str, str]:
    """Reads what each verifier says of the one device of an answer."""
    return {name: devices[-1]["state"] for name, devices in answer["verifiers"].items()}


def keyid(platform: Platform, name: str) -> str:
    """Reads the key of a desk from what a verifier knows of its shop."""
    known = platform.command("keyserver", "devices", "--home", platform.home / "keyserver-1", "--json")["devices"]
    place = shop(platform.ports[name])
    return str(next(device["keyid"] for device in known if device["shop"] == place))


def check(platform: Platform, name: str, population: Population, number: int) -> tuple[int, str]:
    """Checks somebody by number at a desk that serves."""
    status, answer = platform.desk("/v1/checks/number", particulars(adults(population)[number]), name)
    return status, str(answer.get("type", "")).rpartition(":")[2]


def test_with_the_codes_of_its_shop_a_desk_works_at_once(platform: Platform, population: Population, desk: str) -> None:
    answer = platform.enrol(desk, "--shop-codes", codes(platform, desk))
    assert states(answer) == dict.fromkeys(platform.verifiers(), "active")
    platform.start(desk)
    assert check(platform, desk, population, 1) == (200, "")


def test_a_login_alone_gives_a_device_that_waits_until_it_is_countersigned(
    platform: Platform, population: Population, desk: str
) -> None:
    """What a phished session of a professional gives: nothing for 72 hours, seen by the desk that is there."""
    first = new_desk(platform)
    platform.enrol(first, "--shop-codes", codes(platform, first))
    # The professional of the first desk logs in at the second one, where they exercise too.
    place = shop(platform.ports[desk])
    set_claims(platform.issuer, desk, professional_claims(professional(platform.ports[first]), place))
    told = platform.enrol(desk)
    assert states(told) == dict.fromkeys(platform.verifiers(), "pending")
    platform.start(desk)
    assert check(platform, desk, population, 1) == (403, "device-pending")
    waiting = str(told["verifiers"]["hub"][0]["keyid"])
    seen = platform.command("desk", "devices", "--home", platform.home / first, "--json")
    for devices in seen["verifiers"].values():
        assert {device["keyid"]: device["state"] for device in devices}[waiting] == "pending"
    vouched = platform.command("desk", "countersign", "--home", platform.home / first, "--json", waiting)
    assert states(vouched) == dict.fromkeys(platform.verifiers(), "active")
    assert check(platform, desk, population, 1) == (200, "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"acr": "eidas0"}, "level of authentication"),
        ({"aud": ["another-client"]}, "meant for another service"),
        ({"azp": "another-client"}, "asked for by another service"),
        ({"iss": "http://127.0.0.1:9"}, "another provider"),
        ({"iat": 1_700_000_000}, "last five minutes"),
        ({"exp": 1_700_000_000}, "not valid at this time"),
        ({"auth_time": 1_700_000_000}, "log in again"),
        ({"nonce": "AAAA"}, "another device, enrolment or sign-in"),
        ({"SubjectNameID": "somebody"}, "no identifier of a professional"),
        ({"SubjectRefPro": {"exercices": []}}, "does not exercise the profession"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_token_that_is_wrong_in_one_claim_enrols_nothing(
    platform: Platform, desk: str, changes: dict[str, object], says: str
) -> None:
    identify(platform, desk, **changes)
    with pytest.raises(TechnicalFailure, match=says) as raised:
        platform.enrol(desk, "--verifier", "keyserver-1")
    assert "[enrolment-refused]" in str(raised.value)
    listed = platform.command("keyserver", "devices", "--home", platform.home / "keyserver-1", "--json")["devices"]
    assert shop(platform.ports[desk]) not in {device["shop"] for device in listed}


def test_another_profession_enrols_nothing(platform: Platform, desk: str) -> None:
    place = shop(platform.ports[desk])
    pharmacist = {"codeProfession": "21", "activities": [{"numeroFinessSite": place}]}
    identify(platform, desk, SubjectRefPro={"exercices": [pharmacist]})
    with pytest.raises(TechnicalFailure, match="does not exercise the profession"):
        platform.enrol(desk, "--verifier", "hub")


def test_a_wrong_code_enrols_nothing_and_the_right_one_still_does(platform: Platform, desk: str) -> None:
    good = codes(platform, desk)
    wrong = platform.home / "wrong.json"
    wrong.write_text(json.dumps(dict.fromkeys(platform.verifiers(), "0000-0000-0000-0000")))
    with pytest.raises(TechnicalFailure, match="code of the shop is wrong"):
        platform.enrol(desk, "--shop-codes", wrong)
    assert set(states(platform.enrol(desk, "--shop-codes", good)).values()) == {"active"}


class Elsewhere:
    """A desk that waits, and the way of a browser that was handed its address on another machine."""

    def __init__(self, platform: Platform, desk: str) -> None:
        """Starts an enrolment and reads the address."""
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "paravent", "desk", "enrol", "--home", str(platform.home / desk),
                "--browser", "none", "--verifier", "keyserver-1",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stderr is not None
        self.address = self.process.stderr.readline().decode().partition(": ")[2].strip()
        self.browser = Browser(platform.issuer, desk)

    def close(self) -> None:
        """Ends the desk's process."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def elsewhere(platform: Platform, desk: str) -> Iterator[Elsewhere]:
    started = Elsewhere(platform, desk)
    yield started
    started.close()


def test_the_address_asks_for_a_code_with_pkce_state_and_nonce(elsewhere: Elsewhere) -> None:
    asked = parse_qs(urlsplit(elsewhere.address).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid scope_all"]
    assert asked["acr_values"] == ["eidas1"]
    assert len(asked["nonce"][0]) == len(asked["code_challenge"][0]) == 43
    assert asked["redirect_uri"][0].endswith(CALLBACK_PATH)


def test_a_callback_serves_once_and_only_with_its_state(elsewhere: Elsewhere) -> None:
    callback = elsewhere.browser.step(elsewhere.address) or ""
    query = parse_qs(urlsplit(callback).query)
    forged = callback.replace(query["state"][0], "A" * len(query["state"][0]))
    with pytest.raises(urllib.error.HTTPError) as refused:
        elsewhere.browser.step(forged)
    assert json.load(refused.value)["type"] == "urn:paravent:error:enrolment-refused"
    back = elsewhere.browser.step(callback) or ""
    assert back.startswith("http://127.0.0.1:")
    assert len(parse_qs(urlsplit(back).query)["proof"][0]) == 64
    again = elsewhere.browser.step(callback) or ""
    assert "error=enrolment-refused" in again
    assert "proof=" not in again


def test_a_refused_login_comes_back_to_the_desk(elsewhere: Elsewhere) -> None:
    """As OpenID Connect has it: error and state. The provider of the tests forgets the state."""
    asked = parse_qs(urlsplit(elsewhere.address).query)
    elsewhere.browser.walk(f"{asked['redirect_uri'][0]}?error=access_denied&state={asked['state'][0]}")
    _, said = elsewhere.process.communicate(timeout=120)
    assert "refused the login" in said.decode()
    assert elsewhere.process.returncode == 1


@pytest.mark.parametrize("kind", ["device", "professional", "shop"])
def test_a_suspension_holds_from_the_next_request_on(
    platform: Platform, population: Population, desk: str, kind: str
) -> None:
    platform.enrol(desk, "--shop-codes", codes(platform, desk))
    platform.start(desk)
    assert check(platform, desk, population, 2)[0] == 200
    port = platform.ports[desk]
    subject = {"device": keyid(platform, desk), "professional": professional(port), "shop": shop(port)}[kind]
    platform.command("hub", "suspend", "--home", platform.home / "hub", kind, subject, "--reason", "stolen")
    assert check(platform, desk, population, 2) == (403, "device-suspended")
    platform.command("hub", "resume", "--home", platform.home / "hub", kind, subject)
    assert check(platform, desk, population, 2)[0] == 200
    for server in KEYSERVERS[:2]:
        platform.command("keyserver", "withdraw", "--home", platform.home / server, kind, subject)
    assert check(platform, desk, population, 2) == (401, "unknown-device")
    ledger = platform.command("hub", "devices", "--home", platform.home / "hub", "--json")["ledger"]
    assert [(row["event"], row["reason"]) for row in ledger if row["subject"] == subject][-2:] == [
        ("suspended", "stolen"), ("resumed", ""),
    ]  # fmt: skip


def test_no_secret_is_in_a_log_or_a_configuration(platform: Platform) -> None:
    for name in platform.verifiers():
        home = platform.home / name
        secret = (home / "secrets" / "openid-client.secret").read_text()
        assert secret
        assert secret not in (home / "config.toml").read_text()
        log = (platform.home / f"{name}.log").read_text()
        assert secret not in log
        assert "code=" not in log
