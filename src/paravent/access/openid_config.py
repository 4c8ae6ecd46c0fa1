"""What a verifier is configured with towards its OpenID provider: profile, client, secret (docs/operating.md).

Holds: a client secret and the enrolment key, in files of their own. Stolen: an enrolment can be prepared in the
verifier's name, and needs a professional's login still; shop codes in use can be tried. Altered: no login succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from paravent.access.config import write_config
from paravent.access.enrolment import Enroller, EnrolmentKey
from paravent.access.openid import ProviderProfile, RelyingParty
from paravent.access.openid_client import ClientSecret, Provider, require_secure
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Name

_PROFILES = Path(__file__).parent / "data"
_CLIENT_SECRET = "openid-client.secret"  # noqa: S105 - the name of a file
_ENROLMENT_KEY = "enrolment.key"


class OpenIdConfig(Message, frozen=True, kw_only=True):
    """What an operator sets; ``audiences`` are other clients that an ID token may name beside this one."""

    issuer: str
    client_id: Name
    profile: Name = "pro-sante-connect"
    acr_accepted: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What a verifier that enrols has: its own client of its provider."""

    enroller: Enroller
    provider: Provider


def shipped_profile(name: str) -> ProviderProfile:
    """Reads a provider profile of the package; raises InvalidConfiguration when there is none of this name."""
    path = _PROFILES / f"{name}.toml"
    if path.parent != _PROFILES or not path.is_file():
        raise InvalidConfiguration("there is no provider profile of this name")
    return msgspec.toml.decode(path.read_bytes(), type=ProviderProfile)


def configure(
    home: Path, config: Message, openid: OpenIdConfig, client_secret: bytes, *, secrets: Path, rng: Rng
) -> None:
    """Writes the provider into the configuration of a home, and its secrets; a new client secret replaces the old."""
    require_secure(openid.issuer, openid.issuer)
    shipped_profile(openid.profile)
    (secrets / _CLIENT_SECRET).unlink(missing_ok=True)
    write_secret(secrets / _CLIENT_SECRET, client_secret)
    if not (secrets / _ENROLMENT_KEY).exists():
        write_secret(secrets / _ENROLMENT_KEY, rng(32))
    write_config(home, msgspec.structs.replace(config, openid=openid), replace=True)


def read_enrolment(name: str, base_url: str, openid: OpenIdConfig | None, secrets: Path) -> Enrolment | None:
    """Reads the setting of enrolment; None when there is no provider: then no device can be enrolled."""
    if openid is None:
        return None
    enroller = read_enroller(name, base_url, openid, secrets)
    secret = ClientSecret(read_secret(secrets / _CLIENT_SECRET))
    return Enrolment(enroller=enroller, provider=Provider(enroller.party, enroller.redirect_uri, secret))


def read_enroller(name: str, base_url: str, openid: OpenIdConfig | None, secrets: Path) -> Enroller:
    """Reads what a verifier enrols with; raises InvalidConfiguration when it has no provider yet."""
    if openid is None:
        raise InvalidConfiguration("no OpenID provider is set here: run openid first")
    profile = shipped_profile(openid.profile)
    party = RelyingParty(
        issuer=openid.issuer, client_id=openid.client_id, profile=profile, audiences=openid.audiences,
        acr_accepted=openid.acr_accepted or profile.acr_values,
    )  # fmt: skip
    return Enroller(name=name, base_url=base_url, key=EnrolmentKey(read_secret(secrets / _ENROLMENT_KEY)), party=party)
