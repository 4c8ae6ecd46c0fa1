"""What leaves a verifier towards its provider, and what it refuses to take from there (protocol.md section 9)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from tests.unit.access.provider import PARTY, PROFILE, RSA, claims, token

from paravent.access import openid_client
from paravent.access.openid import ProviderProfile, RelyingParty
from paravent.access.openid_client import ANSWER_BYTES_MAX, ClientSecret, Provider, require_secure
from paravent.errors import EnrolmentRefused, InvalidConfiguration, Unreachable

REDIRECT = "https://keyserver-1.example/v1/enrolments/callback"
SECRET = "s3cret:with/signs"


@dataclass(slots=True)
class Stub:
    """A provider that answers what a test wants and keeps what it was asked."""

    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    issuer: str = ""

    def says(self, path: str, message: object, status: int = 200, **headers: str) -> None:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.answers[path] = (status, body, headers)

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]


@pytest.fixture
def stub() -> Iterator[Stub]:
    kept = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            kept.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, content, headers = kept.answers.get(self.path, (404, b"", {}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name that the library calls

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kept.issuer = f"http://127.0.0.1:{server.server_port}"
    kept.says("/.well-known/openid-configuration", document(kept.issuer))
    kept.says("/jwks", {"keys": [RSA.as_dict(private=False)]})
    kept.says("/token", {"id_token": token(claims()).decode(), "access_token": "opaque", "token_type": "Bearer"})
    kept.says("/userinfo", {"sub": "f:1:optician"})
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def document(issuer: str, **changes: str) -> dict[str, str]:
    """The discovery document of a provider."""
    return {
        "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks", "userinfo_endpoint": f"{issuer}/userinfo", "unknown_member": "ignored",
    } | changes  # fmt: skip


def party(stub: Stub, **profile: str) -> RelyingParty[ProviderProfile]:
    """The relying party of the stub."""
    return replace(PARTY, issuer=stub.issuer, profile=msgspec.structs.replace(PROFILE, **profile))


def client(stub: Stub, **profile: str) -> Provider:
    return Provider(party(stub, **profile), REDIRECT, ClientSecret(f"{SECRET}\n".encode()))


def test_a_code_is_exchanged_with_the_secret_and_the_pkce_verifier(stub: Stub) -> None:
    answer = client(stub).exchange("the code", "the-verifier")
    _, _, headers, body = next(asked for asked in stub.asked if asked[1] == "/token")
    assert parse_qs(body.decode()) == {
        "grant_type": ["authorization_code"], "code": ["the code"], "redirect_uri": [REDIRECT],
        "code_verifier": ["the-verifier"],
    }  # fmt: skip
    user, _, password = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (user, password) == (PARTY.client_id, "s3cret%3Awith%2Fsigns")
    assert answer.userinfo == b'{"sub": "f:1:optician"}'
    assert next(asked[2]["authorization"] for asked in stub.asked if asked[1] == "/userinfo") == "Bearer opaque"


def test_a_profile_may_send_the_secret_in_the_form_and_ask_no_userinfo(stub: Stub) -> None:
    answer = client(stub, client_authentication="post", sector_source="id-token").exchange("c", "v")
    _, _, headers, body = next(asked for asked in stub.asked if asked[1] == "/token")
    assert parse_qs(body.decode())["client_secret"] == [SECRET]
    assert "authorization" not in headers
    assert answer.userinfo is None
    assert "/userinfo" not in stub.paths()


def test_the_address_to_open_holds_every_parameter(stub: Stub) -> None:
    url = client(stub).authorization_url({"state": "a&b=c", "nonce": "n"})
    assert url.startswith(f"{stub.issuer}/authorize?")
    assert parse_qs(urlsplit(url).query) == {"state": ["a&b=c"], "nonce": ["n"]}


def test_metadata_and_keys_are_fetched_once_and_an_unknown_key_once_a_minute(stub: Stub) -> None:
    provider = client(stub)
    for _ in range(3):
        assert len(provider.keys(token(claims())).keys) == 1
    assert stub.paths().count("/.well-known/openid-configuration") == stub.paths().count("/jwks") == 1
    for name in ("x", "y"):
        provider.keys(token(claims(), RSA, {"alg": "RS256", "kid": name}))
    assert stub.paths().count("/jwks") == 1


@pytest.mark.parametrize(
    ("path", "status", "message", "error"),
    [
        ("/token", 400, {"error": "invalid_grant"}, EnrolmentRefused),
        ("/token", 401, {"error": "invalid_client"}, EnrolmentRefused),
        ("/token", 500, {}, Unreachable),
        ("/token", 200, {"access_token": "x"}, Unreachable),
        ("/token", 200, b"not json", Unreachable),
        ("/token", 200, b" " * (ANSWER_BYTES_MAX + 1), Unreachable),
        ("/.well-known/openid-configuration", 404, {}, Unreachable),
        ("/.well-known/openid-configuration", 200, document("https://other.example"), Unreachable),
    ],
    ids=["refused code", "refused secret", "fault", "no token", "no json", "too long", "no document", "another issuer"],
)
def test_what_a_provider_must_not_answer(
    stub: Stub, path: str, status: int, message: object, error: type[Exception]
) -> None:
    stub.says(path, message, status)
    with pytest.raises(error) as raised:
        client(stub).exchange("a-code", "a-verifier")
    # Neither the code, nor the secret, nor what was answered is in what can be logged.
    assert not any(value in str(raised.value) for value in ("a-code", "a-verifier", SECRET, "invalid"))


def test_a_redirect_is_not_followed(stub: Stub) -> None:
    stub.says("/token", b"", 302, location=f"{stub.issuer}/elsewhere")
    with pytest.raises(Unreachable):
        client(stub).exchange("c", "v")
    assert "/elsewhere" not in stub.paths()


def test_an_endpoint_elsewhere_in_clear_is_refused(stub: Stub) -> None:
    stub.says(
        "/.well-known/openid-configuration", document(stub.issuer, token_endpoint="http://provider.example/token")
    )
    with pytest.raises(InvalidConfiguration):
        client(stub).exchange("c", "v")


def test_a_provider_that_is_down_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid_client, "REQUEST_SECONDS_MAX", 0.2)
    gone = replace(PARTY, issuer="http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        Provider(gone, REDIRECT, ClientSecret(b"s")).metadata()


@pytest.mark.parametrize(
    ("address", "issuer", "safe"),
    [
        ("https://provider.example/x", "https://provider.example", True),
        ("http://127.0.0.1:9400/x", "http://127.0.0.1:9400", True),
        ("http://localhost:9400/x", "http://[::1]:9400", True),
        ("http://provider.example/x", "https://provider.example", False),
        ("http://127.0.0.1/x", "https://provider.example", False),
        ("http://127.0.0.1.example/x", "http://127.0.0.1", False),
        ("file:///etc/passwd", "http://127.0.0.1", False),
        ("ftp://127.0.0.1/x", "http://127.0.0.1", False),
        ("https:///x", "https://provider.example", False),
        ("", "https://provider.example", False),
    ],
)
def test_https_only_unless_the_provider_is_on_this_machine(address: str, issuer: str, *, safe: bool) -> None:
    if safe:
        require_secure(address, issuer)
        return
    with pytest.raises(InvalidConfiguration):
        require_secure(address, issuer)


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(ClientSecret(SECRET.encode()))
