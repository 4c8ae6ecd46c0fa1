"""Signed requests: a valid one, every way to alter it, and another implementation of RFC 9421."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519
from http_message_signatures.resolvers import MappingKeyResolver
from http_message_signatures.structures import PreparedSignature
from http_sf.compat import Item
from hypothesis import strategies as st
from tests.unit.crypto.examples import KEYS, flipped

from paravent.access import requests
from paravent.access.requests import (
    COMPONENTS,
    EXPIRES_SECONDS_MAX,
    TAG,
    Authenticated,
    HttpRequest,
    authority_of,
    content_digest,
    new_nonce,
)
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey, key_id

NOW = 1_781_524_800

METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
SERVERS = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["hub.example", "127.0.0.1", "key-server-1.example", "[::1]"]),
    st.sampled_from([":8000", ":1", ":65535"]),
)
PATHS = st.from_regex(r"\A/[a-z0-9/_.~-]{0,20}(\?[a-z0-9=&%]{1,10})?\Z").filter(lambda path: "%" not in path)
NONCES = st.binary(min_size=16, max_size=16).map(lambda drawn: new_nonce(lambda _: drawn))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request signed now, the key that signed it and the server it is for."""

    key: SigningKey
    base_url: str
    request: HttpRequest
    said: Authenticated

    @classmethod
    def of(cls, key: SigningKey, method: str, base_url: str, path: str, body: bytes, nonce: str, now: int) -> Signed:
        """Signs a request."""
        headers, said = requests.sign_request(
            method=method, base_url=base_url, path=path, body=body, key=key, now=now, nonce=nonce
        )
        request = HttpRequest(
            method=method, authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )
        return cls(key=key, base_url=base_url, request=request, said=said)

    def verify(
        self, request: HttpRequest | None = None, *, now: int = NOW, base_url: str | None = None
    ) -> Authenticated:
        """Verifies a request as the server does; by default this one, at this server, now."""
        authority = authority_of(base_url or self.base_url)
        return requests.verify_request(request or self.request, key=self.key.public, authority=authority, now=now)

    def with_header(self, name: str, value: str) -> HttpRequest:
        """The request with one header changed."""
        return replace(self.request, headers={**self.request.headers, name: value})


SIGNED = st.builds(Signed.of, KEYS, METHODS, SERVERS, PATHS, st.binary(max_size=80), NONCES, st.just(NOW))


def altered(signed: Signed, place: int) -> Iterator[HttpRequest]:
    """Every component and every parameter, each changed alone."""
    request = signed.request
    yield replace(request, method="PATCH")
    yield replace(request, method=request.method.lower())
    yield replace(request, target_uri=request.target_uri + "x")
    yield replace(request, target_uri=request.target_uri + "?")
    yield replace(request, target_uri=request.target_uri.replace("://", "s://", 1))
    yield replace(request, body=request.body + b"\0")
    yield signed.with_header("signature-input", request.headers["signature-input"].replace("=1781", "=01781", 1))
    yield replace(request, body=b"", headers={**request.headers, "content-digest": content_digest(b"another")})
    if request.body:
        yield replace(request, body=flipped(request.body, place))
        yield replace(request, body=flipped(request.body, place), headers={
            **request.headers, "content-digest": content_digest(flipped(request.body, place))})  # fmt: skip
    for name, value in request.headers.items():
        at = place % len(value)
        yield signed.with_header(name, value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :])
        yield signed.with_header(name, "")
        yield replace(request, headers={other: kept for other, kept in request.headers.items() if other != name})


def forms(signed: Signed) -> Iterator[HttpRequest]:
    """Other forms of the same signature, which RFC 9421 allows and this profile does not."""
    inputs, signature = signed.request.headers["signature-input"], signed.request.headers["signature"]
    parameters = inputs.removeprefix("pv=")
    yield signed.with_header("signature-input", inputs.replace("pv=", "sig1=", 1))
    yield signed.with_header("signature-input", f"{inputs}, other={parameters}")
    yield signed.with_header("signature-input", inputs + ';alg="ed25519"')
    yield signed.with_header("signature-input", inputs.replace('"@method" ', "", 1))
    yield signed.with_header("signature-input", inputs.replace('"@method" "@authority"', '"@authority" "@method"', 1))
    yield signed.with_header("signature-input", inputs.replace(f';tag="{TAG}"', "", 1))
    yield signed.with_header("signature-input", inputs.replace(TAG, "paravent-2", 1))
    yield signed.with_header("signature-input", inputs + " ")
    yield signed.with_header("signature-input", inputs + "\n")
    yield signed.with_header("signature", f"{signature}, other={signature.removeprefix('pv=')}")
    yield signed.with_header("signature", signature.replace(":", "", 1))
    yield signed.with_header("signature", signature + "\n")
    yield signed.with_header("signature", signature.replace("==:", ":"))


# --- the oracle --------------------------------------------------------------------------------


@dataclass(slots=True)
class Message:
    """A request in the form that the oracle reads and writes."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


def _resolver(key: SigningKey) -> MappingKeyResolver:
    name = key_id(key.public)
    private = Ed25519PrivateKey.from_private_bytes(key.seed().reveal())
    return MappingKeyResolver(
        public_keys={name: Ed25519PublicKey.from_public_bytes(key.public)}, private_keys={name: private}
    )


def oracle_reads(signed: Signed) -> str | None:
    """The nonce that the oracle reads in a request, once it has verified it and its body."""
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=_resolver(signed.key))
    message = Message(signed.request.method, signed.request.target_uri, dict(signed.request.headers))
    (result,) = verifier.verify(
        message, expect_tag=TAG, require_components=COMPONENTS, body=signed.request.body or None
    )  # fmt: skip
    return result.nonce


def oracle_signs(
    key: SigningKey, method: str, base_url: str, path: str, body: bytes, rng: Rng, now: int
) -> HttpRequest:
    """A request that the oracle signs, with the parameters in the order of this profile."""
    message = Message(method, base_url + path, {"content-digest": content_digest(body)})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_resolver(key))
    parameters = OrderedDict(
        created=now, expires=now + EXPIRES_SECONDS_MAX, nonce=new_nonce(rng), keyid=key_id(key.public), tag=TAG
    )
    base, written, _ = signer._build_signature_base(
        message, covered_component_ids=[Item(name) for name in COMPONENTS], signature_params=parameters
    )
    prepared = PreparedSignature(base.encode(), str(written), "pv", ED25519.algorithm_id)
    signer.apply(message, prepared, Ed25519PrivateKey.from_private_bytes(key.seed().reveal()).sign(base.encode()))
    headers = {name.lower(): value for name, value in message.headers.items()}
    return HttpRequest(
        method=method, authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
    )
