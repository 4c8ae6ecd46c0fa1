"""Signed requests: one strict profile of RFC 9421 (docs/protocol.md section 9).

The covered components and the order of parameters are fixed; anything else is refused. Date, digest,
addressee and signature are checked here; replay is the ledger's. The profile takes ``now`` as an
argument, which is why it is written here (docs/decisions/0006-signed-requests.md).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey, VerifyKey, key_id, verify_bytes
from paravent.errors import ProofFailure, RequestNotAuthentic

TAG = "paravent-1"
EXPIRES_SECONDS_MAX = 60
SKEW_SECONDS_MAX = 5
NONCE_BYTES = 16
COMPONENTS = ("@method", "@authority", "@target-uri", "content-digest")
_COVERED = "(" + " ".join(f'"{name}"' for name in COMPONENTS) + ")"
_INPUT = re.compile(
    r"pv=(?P<parameters>" + re.escape(_COVERED) + r";created=(?P<created>[0-9]{1,12});expires=(?P<expires>[0-9]{1,12})"
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{22})";keyid="(?P<keyid>[0-9a-f]{32})";tag="' + TAG + '")'
)
_SIGNATURE = re.compile(r"pv=:(?P<signature>[A-Za-z0-9+/]{86}==):")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """The parts of an HTTP request that a signature covers; header names are lower case."""

    method: str
    authority: str
    target_uri: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """What a verified request says of itself; ``digest`` is SHA-256 of its signature base, 32 bytes."""

    keyid: str
    nonce: str
    digest: bytes


def content_digest(body: bytes) -> str:
    """Computes the Content-Digest field (RFC 9530) with SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(components: Mapping[str, str], parameters: str) -> bytes:
    """Builds a signature base (RFC 9421 section 2.5) from component values and serialised parameters."""
    lines = [f'"{name}": {value}' for name, value in components.items()]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("ascii")


def new_nonce(rng: Rng) -> str:
    """Draws a nonce: 16 bytes as 22 base64url characters."""
    return base64.urlsafe_b64encode(rng(NONCE_BYTES)).decode().rstrip("=")


def authority_of(base_url: str) -> str:
    """Returns the host and port of a base URL."""
    return base_url.split("://", 1)[-1].rstrip("/")


def sign_request(
    *, method: str, base_url: str, path: str, body: bytes, key: SigningKey, now: int, nonce: str
) -> tuple[dict[str, str], Authenticated]:
    """Signs a request: returns the header fields to send and what the other side will read."""
    authority, target_uri = authority_of(base_url), base_url + path
    keyid = key_id(key.public)
    parameters = (
        f'{_COVERED};created={now};expires={now + EXPIRES_SECONDS_MAX};nonce="{nonce}";keyid="{keyid}";tag="{TAG}"'
    )
    digest = content_digest(body)
    base = signature_base(dict(zip(COMPONENTS, (method, authority, target_uri, digest), strict=True)), parameters)
    signature = base64.b64encode(key.sign_bytes(base)).decode()
    headers = {
        "content-digest": digest, "signature-input": f"pv={parameters}", "signature": f"pv=:{signature}:",
    }  # fmt: skip
    return headers, Authenticated(keyid=keyid, nonce=nonce, digest=hashlib.sha256(base).digest())


def claimed_keyid(request: HttpRequest) -> str:
    """Reads which key a request says it is signed with, to look it up before verifying."""
    return _parsed(request)["keyid"]


def verify_request(request: HttpRequest, *, key: VerifyKey, authority: str, now: int) -> Authenticated:
    """Checks a signed request; raises RequestNotAuthentic with the reason.

    1. form; 2. addressee; 3. dates; 4. content digest; 5. signature by the key named.
    """
    # 1. form: one signature, these components, these parameters
    found = _parsed(request)
    if not (request.method + request.authority + request.target_uri).isascii():
        raise RequestNotAuthentic("a request's method and address are ASCII")
    # 2. addressee: a request for another server is refused here
    if request.authority != authority:
        raise RequestNotAuthentic("the request is addressed to another server")
    # 3. dates
    created, expires = int(found["created"]), int(found["expires"])
    if created > now + SKEW_SECONDS_MAX or expires < now - SKEW_SECONDS_MAX:
        raise RequestNotAuthentic("the request is not of now: check the clock of the device")
    if not 0 < expires - created <= EXPIRES_SECONDS_MAX:
        raise RequestNotAuthentic("a request lives at most 60 seconds")
    # 4. content digest
    digest = content_digest(request.body)
    if request.headers.get("content-digest") != digest:
        raise RequestNotAuthentic("the body is not the one signed")
    # 5. signature
    values = (request.method, request.authority, request.target_uri, digest)
    base = signature_base(dict(zip(COMPONENTS, values, strict=True)), found["parameters"])
    try:
        verify_bytes(key, base64.b64decode(found["signature"]), base, culprit=found["keyid"])
    except ProofFailure as error:
        raise RequestNotAuthentic("the request's signature does not verify") from error
    if key_id(key) != found["keyid"]:
        raise RequestNotAuthentic("the request names another key")
    return Authenticated(keyid=found["keyid"], nonce=found["nonce"], digest=hashlib.sha256(base).digest())


def _parsed(request: HttpRequest) -> dict[str, str]:
    inputs = _INPUT.fullmatch(request.headers.get("signature-input", ""))
    signature = _SIGNATURE.fullmatch(request.headers.get("signature", ""))
    if inputs is None or signature is None:
        raise RequestNotAuthentic("the request is not signed in the profile of this protocol")
    found = inputs.groupdict() | signature.groupdict()
    # Base64 has bits that decoding drops: one signature has one text.
    if base64.b64encode(base64.b64decode(found["signature"])).decode() != found["signature"]:
        raise RequestNotAuthentic("the signature is not in canonical base64")
    return found
