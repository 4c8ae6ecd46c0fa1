"""A verifier's conversation with its OpenID provider: discovery, keys, token, userinfo (protocol.md section 9).

The standard library is enough: four small requests for each enrolment. Time and size are limited, redirects
and proxies are not followed, and only https is spoken, except to a provider on this very machine.
"""

from __future__ import annotations

import base64
import ipaddress
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import TypeVar

import msgspec

from paravent.access.no_redirect_client import NoRedirect
from paravent.access.openid import KeyList, OpenIdProfile, ProviderAnswer, RelyingParty, key_name
from paravent.errors import EnrolmentRefused, InvalidConfiguration, MalformedMessage, Unreachable
from paravent.wire.codec import decode

T = TypeVar("T")

ANSWER_BYTES_MAX = 65_536
REQUEST_SECONDS_MAX = 5.0
METADATA_SECONDS = 15
"""Short, so that an outage of the provider is told when a login begins, and nobody is sent to a page that is away."""
KEYS_SECONDS = 3_600
KEYS_FETCH_SECONDS_MIN = 60
_PARTY = "the identity provider"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""


class _Token(msgspec.Struct, frozen=True):
    """What is used of a token answer."""

    id_token: str
    access_token: str


class ClientSecret:
    """The secret that the provider handed out to this verifier; its repr says REDACTED."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        """Holds a secret text."""
        self._value = value.decode().strip()

    def reveal(self) -> str:
        """Returns the secret."""
        return self._value

    def __repr__(self) -> str:
        return "ClientSecret(REDACTED)"


class Provider:
    """One verifier's client of its provider; its methods block, and run in threads."""

    def __init__(self, party: RelyingParty[OpenIdProfile], redirect_uri: str, secret: ClientSecret) -> None:
        """Talks to the provider of a relying party; raises InvalidConfiguration when that is not safe."""
        require_secure(party.issuer, party.issuer)
        self._party = party
        self._redirect_uri = redirect_uri
        self._secret = secret
        self._lock = threading.Lock()
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[KeyList, float] | None = None

    def authorization_url(self, parameters: dict[str, str]) -> str:
        """Builds the address that the browser of who logs in opens."""
        endpoint = self.metadata().authorization_endpoint
        joint = "&" if urllib.parse.urlsplit(endpoint).query else "?"
        return endpoint + joint + urllib.parse.urlencode(parameters)

    def metadata(self) -> Metadata:
        """Returns the discovery document, kept for 15 seconds; raises Unreachable."""
        with self._lock:
            if self._metadata is None or time.monotonic() - self._metadata[1] > METADATA_SECONDS:
                url = self._party.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = _read(_fetch(urllib.request.Request(url)), Metadata)  # noqa: S310 - checked by require_secure
                # A document that names another issuer would have its ID tokens believed here.
                if found.issuer != self._party.issuer:
                    raise Unreachable(f"{_PARTY} describes another issuer")
                for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    require_secure(address, self._party.issuer)
                self._metadata = (found, time.monotonic())
            return self._metadata[0]

    def keys(self, id_token: bytes) -> KeyList:
        """Returns the published keys, fetched again for a key not seen yet, at most once a minute."""
        address = self.metadata().jwks_uri
        name = key_name(id_token)
        with self._lock:
            kept = self._keys
            age = KEYS_SECONDS + 1.0 if kept is None else time.monotonic() - kept[1]
            known = kept is not None and (name is None or any(key.get("kid") == name for key in kept[0].keys))
            if age > KEYS_SECONDS or (not known and age > KEYS_FETCH_SECONDS_MIN):
                kept = (_read(_fetch(urllib.request.Request(address)), KeyList), time.monotonic())  # noqa: S310 - as above
                self._keys = kept
            return kept[0] if kept is not None else KeyList(keys=())

    def exchange(self, code: str, code_verifier: str) -> ProviderAnswer:
        """Exchanges a code for the ID token, and asks userinfo where the profile reads it.

        Raises EnrolmentRefused when the provider refuses the code, Unreachable when it does not answer.
        """
        metadata = self.metadata()
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": code_verifier,
        }  # fmt: skip
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if self._party.profile.client_authentication == "post":
            fields |= {"client_id": self._party.client_id, "client_secret": self._secret.reveal()}
        else:
            headers["authorization"] = _basic(self._party.client_id, self._secret.reveal())
        body = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(metadata.token_endpoint, body, headers)  # noqa: S310 - as above
        token = _read(_fetch(request), _Token)
        userinfo = None
        if self._party.profile.sector_source == "userinfo":
            require_secure(metadata.userinfo_endpoint, self._party.issuer)
            bearer = {"authorization": f"Bearer {token.access_token}", "accept": "application/json"}
            userinfo = _fetch(urllib.request.Request(metadata.userinfo_endpoint, headers=bearer))  # noqa: S310 - as above
        return ProviderAnswer(id_token=token.id_token.encode(), userinfo=userinfo)


def require_secure(address: str, issuer: str) -> None:
    """Raises InvalidConfiguration unless an address is https, or on this machine like the issuer."""
    parts = urllib.parse.urlsplit(address)
    local = _is_loopback(parts.hostname) and _is_loopback(urllib.parse.urlsplit(issuer).hostname)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise InvalidConfiguration("an OpenID provider is reached by https only, unless it is on this machine")


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _basic(client_id: str, secret: str) -> str:
    """Encodes client id and secret for the Basic scheme as RFC 6749 section 2.3.1 asks."""
    pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


def _fetch(request: urllib.request.Request) -> bytes:
    """Sends one request within its limits of time and size; errors never quote an address or an answer."""
    deadline = time.monotonic() + REQUEST_SECONDS_MAX
    content = bytearray()
    try:
        with _OPENER.open(request, timeout=REQUEST_SECONDS_MAX) as answer:
            while chunk := answer.read1(ANSWER_BYTES_MAX):
                content += chunk
                if len(content) > ANSWER_BYTES_MAX or time.monotonic() > deadline:
                    raise Unreachable(f"{_PARTY} answers too much or too slowly")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in {400, 401, 403}:
            raise EnrolmentRefused(f"{_PARTY} refuses this login ({error.code})") from None
        raise Unreachable(f"{_PARTY} answers with an error ({error.code})") from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{_PARTY} does not answer ({type(error).__name__})") from None
    return bytes(content)


def _read(content: bytes, kind: type[T]) -> T:
    try:
        return decode(content, kind)
    except MalformedMessage as error:
        raise Unreachable(f"{_PARTY} answers something unexpected: {error}") from None
