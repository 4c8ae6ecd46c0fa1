"""Every HTTP operation of every party, asked what its OpenAPI document allows and what it does not.

Requests that a party signs are signed here with the keys of a real one, over whatever body was drawn, so that what
lies behind the signature is reached. No answer is a server error, none has a status that is not documented.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

import paravent
from paravent.access.app import application
from paravent.access.requests import new_nonce, sign_request
from paravent.access.store import read_secret
from paravent.crypto.signing import Seed, SigningKey
from paravent.drill.platform import INSURERS, Platform
from tests import openapi

AMC = next(iter(INSURERS))
DESK = "desk-fuzzing"
EXAMPLES = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck), database=None,
)  # fmt: skip
SIGNERS = {
    "device": (DESK, "secrets/device.key"), "the key in the body": (DESK, "secrets/device.key"),
    "the key of the start": (DESK, "secrets/device.key"), "insurer": (f"insurer-{AMC}", "secrets/issuer.key"),
    "key server": ("keyserver-2", "secrets/signing.key"),
    "key server, hub or insurer": ("keyserver-2", "secrets/signing.key"),
    "breach desk": ("breach-desk", "breach-desk.key"),
}  # fmt: skip
PARTIES = {"keyserver": "keyserver-1", "hub": "hub", "insurer": f"insurer-{AMC}", "desk": DESK}


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    """A desk of its own, so that its quotas are its own."""
    platform.add_desk(DESK)
    platform.start(DESK)
    assert platform.desk("/v1/refreshes", {}, DESK)[0] == 200
    return platform


def described(party: str) -> Iterator[Any]:
    """Each operation of a party's document."""
    document = openapi.desk_document() if party == "desk" else openapi.document(party)
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


OPERATIONS = [(party, operation) for party in PARTIES for operation in described(party)]


@pytest.mark.parametrize(
    ("party", "operation"), OPERATIONS, ids=[f"{party}: {operation.label}" for party, operation in OPERATIONS]
)
def test_no_operation_fails_or_answers_what_is_not_documented(platform: Platform, party: str, operation: Any) -> None:
    name = PARTIES[party]
    base_url = f"http://127.0.0.1:{platform.ports[name]}"

    @QUICK
    @given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        case.validate_response(send(platform, party, case, base_url), checks=CHECKS)

    ask()


def send(platform: Platform, party: str, case: Case[Any], base_url: str) -> requests.Response:
    """Sends a drawn request with the token of the desk, or signed by who signs this operation."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url=base_url)).prepare()
    signer = SIGNERS.get(case.operation.definition.raw.get("x-signer", ""))
    if party == "desk":
        token = (platform.home / DESK / "secrets" / "token").read_text()
        prepared.headers["authorization"] = f"Bearer {token}"
    elif signer is not None:
        prepared.headers.update(signature(platform.home, signer, prepared, base_url))
    with requests.Session() as session:
        session.trust_env = False
        return session.send(prepared, allow_redirects=False, timeout=120)


def signature(
    home: Path, signer: tuple[str, str], prepared: requests.PreparedRequest, base_url: str
) -> dict[str, str]:  # fmt: skip
    """Signs what is about to be sent, as its sender does."""
    party, file = signer
    body: Any = prepared.body or b""
    headers, _ = sign_request(
        method=str(prepared.method), base_url=base_url, path=prepared.path_url,
        body=body.encode() if isinstance(body, str) else body,
        key=SigningKey(Seed(read_secret(home / party / file, 32))), now=int(time.time()),
        nonce=new_nonce(os.urandom),
    )  # fmt: skip
    return headers


# --- the controls ----------------------------------------------------------------------------


def test_a_handler_that_raises_is_found_out() -> None:
    """A seeded defect: one handler fails on what nobody foresaw, another answers a status that nobody documented."""

    async def fails(request: Request) -> Response:
        if b"1" in await request.body():
            raise ValueError
        return Response(b'{"events":[]}', media_type="application/json")

    async def teapot(_: Request) -> Response:
        return Response(b"{}", 418, media_type="application/json")

    for handler, found in ((fails, "Server error"), (teapot, "Undocumented")):
        app = application("party", [Route("/v1/events", handler, methods=["POST"])], lifespan=_nothing)
        with pytest.raises(FailureGroup, match=found):
            _ask_one(app)


@asynccontextmanager
async def _nothing(_: Starlette) -> AsyncIterator[None]:
    yield


def _ask_one(app: Starlette) -> None:
    (operation,) = (found for found in described("hub") if found.label == "POST /v1/events")

    @QUICK
    @given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        client = TestClient(app, raise_server_exceptions=False)
        prepared: Any = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
        answered = client.post(prepared.path_url, content=prepared.body, headers=prepared.headers)
        case.validate_response(answered, checks=CHECKS)

    ask()


def test_every_route_of_the_applications_is_asked() -> None:
    """The table of routes is compared with key server, hub and insurer by ``test_docs``; here, the desk's."""
    source = (Path(paravent.__file__).parent / "desk" / "app.py").read_text(encoding="utf-8")
    served = set(re.findall(r'"(/v1/[a-z/-]+)": \w+', source))
    assert served == set(openapi.DESK)
    fhir = (Path(paravent.__file__).parent / "desk" / "fhir" / "app.py").read_text(encoding="utf-8")
    known = {path.removeprefix("/fhir/") for path in (*openapi.FHIR_GET, *openapi.FHIR_POST)}
    assert set(re.findall(r'^            "([^"]+)": self\.', fhir, re.MULTILINE)) == known
    assert {party for party, _ in OPERATIONS} == set(PARTIES)
    assert len(OPERATIONS) > len(openapi.DESK) + len(known) + 40
