"""Signed requests at their limits, and beside another implementation of RFC 9421 (section 9)."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

import pytest
from http_message_signatures import HTTPMessageSigner, InvalidSignature
from http_message_signatures.algorithms import ED25519
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.access.signed import (
    METHODS,
    NONCES,
    NOW,
    PATHS,
    SERVERS,
    Message,
    Signed,
    _resolver,
    oracle_reads,
    oracle_signs,
)
from tests.unit.crypto.examples import FEW, KEYS, SEEDS, seeded

from paravent.access.requests import (
    EXPIRES_SECONDS_MAX,
    SKEW_SECONDS_MAX,
    HttpRequest,
    authority_of,
    claimed_keyid,
    content_digest,
    new_nonce,
    signature_base,
    verify_request,
)
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey, key_id
from paravent.errors import RequestNotAuthentic

KEY = SigningKey.generate(seeded(1))
SERVER = "http://hub.example:8000"
NONCE = new_nonce(seeded(2))
USUAL = Signed.of(KEY, "POST", SERVER, "/v1/rows", b'{"a":1}', NONCE, NOW)


# --- the oracle --------------------------------------------------------------------------------


@FEW
@given(KEYS, METHODS, SERVERS, PATHS, st.binary(max_size=80), NONCES)
def test_the_oracle_reads_what_is_signed_here(
    key: SigningKey, method: str, base_url: str, path: str, body: bytes, nonce: str
) -> None:
    # The oracle reads the clock itself.
    signed = Signed.of(key, method, base_url, path, body, nonce, int(time.time()))
    assert oracle_reads(signed) == nonce


@FEW
@given(KEYS, METHODS, SERVERS, PATHS, st.binary(max_size=80), SEEDS)
def test_what_the_oracle_signs_is_read_here(
    key: SigningKey, method: str, base_url: str, path: str, body: bytes, rng: Rng
) -> None:
    request = oracle_signs(key, method, base_url, path, body, rng, NOW)
    said = verify_request(request, key=key.public, authority=authority_of(base_url), now=NOW)
    assert said.keyid == key_id(key.public) == claimed_keyid(request)


def test_what_is_refused_here_is_refused_by_the_oracle() -> None:
    signed = Signed.of(KEY, "POST", SERVER, "/v1/rows", b"body", NONCE, int(time.time()))
    signature, parameters = signed.request.headers["signature"], signed.request.headers["signature-input"]
    first = signature[4]
    for name, other in (
        ("signature", signature.replace(f"pv=:{first}", "pv=:" + ("B" if first == "A" else "A"), 1)),
        ("signature-input", parameters.replace(NONCE, NONCE[::-1])),
    ):
        with pytest.raises(InvalidSignature):
            oracle_reads(replace(signed, request=signed.with_header(name, other)))
    with pytest.raises(InvalidSignature):
        oracle_reads(replace(signed, request=replace(signed.request, body=b"other")))


def test_the_oracles_own_order_of_parameters_is_another_profile() -> None:
    message = Message("POST", SERVER + "/v1/rows", {"content-digest": content_digest(b"")})
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_resolver(KEY)).sign(
        message, key_id=key_id(KEY.public), label="pv", tag="paravent-1", nonce=NONCE, include_alg=False,
        use_existing_digest=True,
        covered_component_ids=("@method", "@authority", "@target-uri", "content-digest"),
    )  # fmt: skip
    headers = {name.lower(): value for name, value in message.headers.items()}
    request = HttpRequest(
        method="POST", authority="hub.example:8000", target_uri=message.url, headers=headers, body=b""
    )  # fmt: skip
    with pytest.raises(RequestNotAuthentic, match="profile"):
        verify_request(request, key=KEY.public, authority="hub.example:8000", now=int(time.time()))


# --- dates ---------------------------------------------------------------------------------------

MARGIN = EXPIRES_SECONDS_MAX + SKEW_SECONDS_MAX


@pytest.mark.parametrize(
    ("moved", "accepted"),
    [
        (-SKEW_SECONDS_MAX - 1, False), (-SKEW_SECONDS_MAX, True), (0, True), (EXPIRES_SECONDS_MAX, True),
        (MARGIN, True), (MARGIN + 1, False), (86_400, False), (-86_400, False),
    ],
)  # fmt: skip
def test_a_request_is_of_now(moved: int, *, accepted: bool) -> None:
    if accepted:
        assert USUAL.verify(now=NOW + moved) == USUAL.said
    else:
        with pytest.raises(RequestNotAuthentic, match="clock"):
            USUAL.verify(now=NOW + moved)


def resigned(created: str, expires: str) -> HttpRequest:
    """A request whose key signed other dates."""
    parameters = USUAL.request.headers["signature-input"].removeprefix("pv=")
    start, end = parameters.index(";created="), parameters.index(";nonce=")
    changed = f"{parameters[:start]};created={created};expires={expires}{parameters[end:]}"
    values = {
        "@method": "POST", "@authority": authority_of(SERVER), "@target-uri": USUAL.request.target_uri,
        "content-digest": content_digest(USUAL.request.body),
    }  # fmt: skip
    signature = KEY.sign_bytes(signature_base(values, changed))
    encoded = base64.b64encode(signature).decode()
    return replace(USUAL.request, headers={
        **USUAL.request.headers, "signature-input": f"pv={changed}", "signature": f"pv=:{encoded}:"})  # fmt: skip


@pytest.mark.parametrize(
    ("created", "expires", "accepted"),
    [
        (NOW, NOW + 60, True), (NOW, NOW + 1, True), (NOW, NOW, False), (NOW, NOW - 1, False), (NOW, NOW + 61, False),
        (NOW - 30, NOW + 30, True), (NOW + 5, NOW + 65, True), (NOW + 5, NOW + 66, False), (NOW - 65, NOW - 5, True),
        (NOW - 66, NOW - 6, False), (NOW - 3600, NOW + 60, False), (0, 60, False), (0, 10**12 - 1, False),
    ],
)  # fmt: skip
def test_a_request_lives_a_minute_at_most(created: int, expires: int, *, accepted: bool) -> None:
    request = resigned(str(created), str(expires))
    if accepted:
        USUAL.verify(request)
    else:
        with pytest.raises(RequestNotAuthentic):
            USUAL.verify(request)


@pytest.mark.parametrize("created", ["", "-1", "1.5", "1e9", "\u0661", "1" * 13, f" {NOW}", f"{NOW} "])
def test_a_date_is_a_number(created: str) -> None:
    if created == "\u0661":
        headers = {**USUAL.request.headers}
        headers["signature-input"] = headers["signature-input"].replace(f"created={NOW}", f"created={created}")
        request = replace(USUAL.request, headers=headers)
    else:
        request = resigned(created, str(NOW + 60))
    with pytest.raises(RequestNotAuthentic, match="profile"):
        USUAL.verify(request)


# --- who and where -------------------------------------------------------------------------------


def test_a_request_names_its_own_key() -> None:
    other = SigningKey.generate(seeded(9))
    assert claimed_keyid(USUAL.request) == key_id(KEY.public)
    with pytest.raises(RequestNotAuthentic):
        verify_request(USUAL.request, key=other.public, authority=authority_of(SERVER), now=NOW)


def test_a_signature_by_one_key_in_the_name_of_another_is_refused() -> None:
    other = SigningKey.generate(seeded(9))
    named = USUAL.request.headers["signature-input"].replace(key_id(KEY.public), key_id(other.public))
    values = {
        "@method": "POST", "@authority": authority_of(SERVER), "@target-uri": USUAL.request.target_uri,
        "content-digest": content_digest(USUAL.request.body),
    }  # fmt: skip
    signature = base64.b64encode(KEY.sign_bytes(signature_base(values, named.removeprefix("pv=")))).decode()
    request = replace(USUAL.request, headers={
        **USUAL.request.headers, "signature-input": named, "signature": f"pv=:{signature}:"})  # fmt: skip
    for key in (KEY, other):
        with pytest.raises(RequestNotAuthentic):
            verify_request(request, key=key.public, authority=authority_of(SERVER), now=NOW)


@pytest.mark.parametrize(
    ("base_url", "authority"),
    [
        ("http://hub.example:8000", "hub.example:8000"), ("https://hub.example", "hub.example"),
        ("https://hub.example/", "hub.example"), ("http://[::1]:9", "[::1]:9"),
    ],
)  # fmt: skip
def test_an_authority_is_host_and_port(base_url: str, authority: str) -> None:
    assert authority_of(base_url) == authority


@given(st.binary(max_size=100))
def test_a_digest_is_of_the_whole_body(body: bytes) -> None:
    assert content_digest(body) != content_digest(body + b"\0")
    assert content_digest(b"") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def test_two_nonces_are_never_one() -> None:
    rng = seeded(3)
    nonces = {new_nonce(rng) for _ in range(100)}
    assert len(nonces) == 100
    assert all(len(nonce) == 22 for nonce in nonces)


@pytest.mark.parametrize("header", ["signature", "signature-input", "content-digest"])
def test_a_header_that_is_not_there(header: str) -> None:
    headers = {name: value for name, value in USUAL.request.headers.items() if name != header}
    with pytest.raises(RequestNotAuthentic):
        USUAL.verify(replace(USUAL.request, headers=headers))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_headers_are_verified_or_refused(inputs: str, signature: str) -> None:
    request = replace(USUAL.request, headers={"signature-input": inputs, "signature": signature})
    with pytest.raises(RequestNotAuthentic):
        USUAL.verify(request)


@pytest.mark.parametrize("target", ["/\u00e9", "/\ud800", "/\u2028"])
def test_a_target_that_is_not_ascii_is_refused(target: str) -> None:
    with pytest.raises(RequestNotAuthentic):
        USUAL.verify(replace(USUAL.request, target_uri=SERVER + target))


def test_a_signature_has_one_text() -> None:
    signature = USUAL.request.headers["signature"]
    last = signature[-4]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(RequestNotAuthentic):
        USUAL.verify(USUAL.with_header("signature", f"{signature[:-4]}{other}==:"))
