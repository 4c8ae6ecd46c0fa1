"""What a verifier believes of an OpenID Connect answer (docs/protocol.md section 9).

Two pure functions hold every check, numbered: ``verify_login`` says what the provider claims of whoever logged in,
for any relying party; ``identify`` finds in it the professional who enrols a device. Fetching is ``openid_client``;
the state of an enrolment is ``enrolment``. Claim names come from a dated profile, never from this file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

import msgspec

from paravent.errors import EnrolmentRefused, MalformedMessage
from paravent.wire.codec import Message, Name, decode

if TYPE_CHECKING:
    from joserfc.jwk import Key

T = TypeVar("T")
P_co = TypeVar("P_co", bound="OpenIdProfile", covariant=True)

TOKEN_BYTES_MAX = 16_384
TOKEN_AGE_SECONDS_MAX = 300
LOGIN_AGE_SECONDS_MAX = 600
CLOCK_SKEW_SECONDS_MAX = 30
RSA_BITS_MIN = 2_048

# Which kind of key, on which curve, each accepted algorithm takes. The name EdDSA, which leaves the curve open, gave
# way to Ed25519 (RFC 9864).
ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None), "ES256": ("EC", "P-256"), "Ed25519": ("OKP", "Ed25519"),
}  # fmt: skip


class OpenIdProfile(Message, frozen=True, kw_only=True):
    """How one identity provider is asked, with the date and the source of each value."""

    name: Name
    as_of: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    client_authentication: Literal["basic", "post"]
    sector_source: Literal["id-token", "userinfo"]
    status: dict[str, str]


class ProviderProfile(OpenIdProfile, frozen=True, kw_only=True):
    """A provider of health professionals: the names and values of its claims."""

    professional_claim: str
    professional_pattern: str
    exercises_path: tuple[str, ...]
    profession_claim: str
    professions: tuple[str, ...]
    activities_claim: str
    site_claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty(Generic[P_co]):
    """What one verifier is to its provider; ``audiences`` are others that may stand beside it in ``aud``."""

    issuer: str
    client_id: str
    acr_accepted: tuple[str, ...]
    audiences: tuple[str, ...]
    profile: P_co


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """What the provider handed over for one login: the ID token, and the answer of userinfo where it is asked."""

    id_token: bytes
    userinfo: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Who logged in, and the name under which their ID token is remembered: it is used once."""

    professional: str
    token_hash: bytes


class _Header(msgspec.Struct, frozen=True):
    """The header of a token; the key it may carry is never read."""

    alg: str
    kid: str | None = None
    crit: list[str] | None = None


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The registered claims of an ID token; the others are left to the profile."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: int
    iat: int
    nonce: str
    acr: str = ""
    azp: str | None = None
    nbf: int = 0
    auth_time: int | None = None


class _Subject(msgspec.Struct, frozen=True):
    """Whom an answer of userinfo is about."""

    sub: str


class KeyList(msgspec.Struct, frozen=True):
    """The public keys of a provider (RFC 7517), as published."""

    keys: tuple[dict[str, Any], ...]


def preload() -> None:
    """Loads what judges a login: a server that does so at its start makes nobody wait for it at the first one."""
    from joserfc import jws  # noqa: F401 - loaded, not used


def verify_login(
    answer: ProviderAnswer, keys: KeyList, party: RelyingParty[OpenIdProfile], *, nonce: str, now: int
) -> dict[str, Any]:
    """Returns what the provider claims of whoever logged in for this nonce; raises EnrolmentRefused.

    1. form; 2. algorithm and key; 3. signature; 4. issuer; 5. audience; 6. authorised party; 7. times;
    8. level; 9. nonce; 10. userinfo of the same subject.
    """
    # 1. to 3.
    payload = _verified(answer.id_token, keys)
    claims = _read(payload, _Claims)
    # 4. to 6.
    _check_addressee(claims, party)
    # 7. times
    _check_times(claims, now)
    # 8. level of authentication
    if claims.acr not in party.acr_accepted:
        raise EnrolmentRefused("the level of authentication is not one of those required")
    # 9. nonce: in an enrolment, the commitment to this device key, at this verifier; in a sign-in, drawn for it
    if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise EnrolmentRefused("the ID token was asked for another device, enrolment or sign-in")
    # 10. userinfo, where the profile reads it, is of the same subject
    return _sector(payload, answer.userinfo, claims.sub, party.profile)


def identify(
    answer: ProviderAnswer, keys: KeyList, party: RelyingParty[ProviderProfile], *,
    nonce: str, shop: str, used: Callable[[bytes], bool], now: int,
) -> Identified:  # fmt: skip
    """Says which professional logged in to enrol this device in this shop; raises EnrolmentRefused.

    1. to 10. as ``verify_login``; 11. professional; 12. profession and shop; 13. one use.
    """
    # 1. to 10.
    sector = verify_login(answer, keys, party, nonce=nonce, now=now)
    # 11. professional: one identifier of the expected form
    professional = sector.get(party.profile.professional_claim)
    if not isinstance(professional, str) or not re.fullmatch(party.profile.professional_pattern, professional):
        raise EnrolmentRefused("the provider gives no identifier of a professional")
    # 12. profession and shop: an exercise of the profession, in this shop
    if not _exercises_in(sector, party.profile, shop):
        raise EnrolmentRefused("this professional does not exercise the profession in this shop")
    # 13. one use
    # The signature is left out: an elliptic one has a second form, which must not make a second token.
    token_hash = hashlib.sha256(answer.id_token.rpartition(b".")[0]).digest()
    if used(token_hash):
        raise EnrolmentRefused("this ID token was used already")
    return Identified(professional=professional, token_hash=token_hash)


def _verified(token: bytes, keys: KeyList) -> bytes:
    # 1. form: three parts within the limit, no extension that must be understood
    if len(token) > TOKEN_BYTES_MAX or token.count(b".") != 2:
        raise EnrolmentRefused("the ID token is not a signed token of a usual size")
    header = _read(_part(token, 0), _Header)
    if header.crit is not None:
        raise EnrolmentRefused("the ID token asks for an extension that is not known here")
    # 2. algorithm of the list, and exactly one published key that fits it
    key = _key(header, keys)
    # 3. signature
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        return jws.deserialize_compact(token, key, algorithms=[header.alg]).payload
    except (JoseError, ValueError):
        raise EnrolmentRefused("the signature of the ID token does not verify") from None


def _check_addressee(claims: _Claims, party: RelyingParty[OpenIdProfile]) -> None:
    # 4. issuer, byte for byte
    if claims.iss != party.issuer:
        raise EnrolmentRefused("the ID token comes from another provider")
    # 5. audience: this verifier, and nobody who is not on the list
    audience = {claims.aud} if isinstance(claims.aud, str) else set(claims.aud)
    if party.client_id not in audience or not audience <= {party.client_id, *party.audiences}:
        raise EnrolmentRefused("the ID token is meant for another service")
    # 6. authorised party: needed as soon as there are several audiences, and always this verifier
    if (claims.azp is None and len(audience) > 1) or claims.azp not in {None, party.client_id}:
        raise EnrolmentRefused("the ID token was asked for by another service")


def key_name(token: bytes) -> str | None:
    """Reads which key a token says it is signed with, to fetch it before verifying; None when it says nothing."""
    return _read(_part(token[:TOKEN_BYTES_MAX], 0), _Header).kid


def code_challenge(verifier: str) -> str:
    """Computes the PKCE challenge of a verifier (RFC 7636, S256)."""
    return to_base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def to_base64url(value: bytes) -> str:
    """Encodes to base64url without padding."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Decodes canonical base64url without padding; raises EnrolmentRefused."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise EnrolmentRefused("a value is not base64url") from None
    if to_base64url(value) != text:
        raise EnrolmentRefused("a value is not canonical base64url")
    return value


def _part(token: bytes, index: int) -> bytes:
    return from_base64url(token.split(b".")[index].decode("ascii", errors="replace"))


def _read(content: bytes, kind: type[T]) -> T:
    try:
        return decode(content, kind, bytes_max=TOKEN_BYTES_MAX)
    except MalformedMessage as error:
        raise EnrolmentRefused(f"the answer of the provider is not of the expected form: {error}") from None


def _key(header: _Header, keys: KeyList) -> Key:
    if header.alg not in ALGORITHMS:
        raise EnrolmentRefused("the ID token is signed with an algorithm that is not accepted")
    kind, curve = ALGORITHMS[header.alg]
    fitting = [
        key for key in keys.keys
        if (key.get("kty"), key.get("crv")) == (kind, curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", header.alg) == header.alg
        and (header.kid is None or key.get("kid") == header.kid)
    ]  # fmt: skip
    if len(fitting) != 1:
        raise EnrolmentRefused("the provider publishes no single key for this ID token")
    # Imported here, and above, so that only who judges a login loads it: it is a fifth of a start of a command line.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    try:
        key = JWKRegistry.import_key(fitting[0])
    except (JoseError, ValueError, TypeError, KeyError):
        raise EnrolmentRefused("the key that the provider publishes cannot be read") from None
    public = key.public_key
    if isinstance(public, RSAPublicKey) and public.key_size < RSA_BITS_MIN:
        raise EnrolmentRefused("the key that the provider publishes is too short")
    return key


def _check_times(claims: _Claims, now: int) -> None:
    if not now - TOKEN_AGE_SECONDS_MAX <= claims.iat <= now + CLOCK_SKEW_SECONDS_MAX:
        raise EnrolmentRefused("the ID token is not of the last five minutes")
    if claims.exp <= now or claims.nbf > now + CLOCK_SKEW_SECONDS_MAX:
        raise EnrolmentRefused("the ID token is not valid at this time")
    # An open session of the provider on an unattended machine is not a professional who enrols a device.
    if claims.auth_time is not None and claims.auth_time < now - LOGIN_AGE_SECONDS_MAX:
        raise EnrolmentRefused("the professional logged in too long ago: log in again")


def _sector(payload: bytes, userinfo: bytes | None, subject: str, profile: OpenIdProfile) -> dict[str, Any]:
    if profile.sector_source == "id-token":
        return _read(payload, dict[str, Any])
    if userinfo is None or _read(userinfo, _Subject).sub != subject:
        raise EnrolmentRefused("userinfo does not describe whom the ID token names")
    return _read(userinfo, dict[str, Any])


def _exercises_in(sector: Mapping[str, Any], profile: ProviderProfile, shop: str) -> bool:
    found: Any = sector
    for name in profile.exercises_path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return any(
        activity.get(profile.site_claim) == shop
        for exercise in _objects(found)
        if exercise.get(profile.profession_claim) in profile.professions
        for activity in _objects(exercise.get(profile.activities_claim))
    )


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - what a provider sends is anything
    items: Sequence[Any] = value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, Mapping))
