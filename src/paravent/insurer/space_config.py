"""What the insured person's space is configured with: provider profile, client, secrets (docs/operating.md).

Holds: a client secret and the pivot key, in files of their own, and no other key of the insurer. Stolen: with a list of
names, birth dates and places, and the database, who is a member; a sign-in can be begun in the insurer's name, and
needs a person's login still. Altered: nobody is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from paravent.access.config import write_config
from paravent.access.openid import RelyingParty
from paravent.access.openid_client import ClientSecret, Provider, require_secure
from paravent.access.store import read_secret, write_secret
from paravent.errors import InvalidConfiguration
from paravent.insurer.config import SECRETS, InsurerConfig, SpaceConfig
from paravent.insurer.portfolio_store import PIVOT_KEY_FILE
from paravent.insurer.sign_in import PersonProfile

RETURN_PATH = "/sign-in/return"
_PROFILES = Path(__file__).parent / "data"
_CLIENT_SECRET = "space-client.secret"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSetting:
    """What a space signs people in with: its client of its provider, and the key of the pivots."""

    party: RelyingParty[PersonProfile]
    provider: Provider
    redirect_uri: str
    pivot_key: bytes

    def __repr__(self) -> str:
        return "SignInSetting(REDACTED)"


def person_profile(name: str) -> PersonProfile:
    """Reads a provider profile of the package; raises InvalidConfiguration when there is none of this name."""
    path = _PROFILES / f"{name}.toml"
    if path.parent != _PROFILES or not path.is_file():
        raise InvalidConfiguration("there is no profile of a provider of persons of this name")
    try:
        return msgspec.toml.decode(path.read_bytes(), type=PersonProfile)
    except msgspec.ValidationError:
        raise InvalidConfiguration("there is no profile of a provider of persons of this name") from None


def require_usable(space: SpaceConfig) -> None:
    """Checks addresses and profile; raises InvalidConfiguration."""
    require_secure(space.issuer, space.issuer)
    require_secure(space.base_url, space.base_url)
    person_profile(space.profile)


def configure(home: Path, settings: InsurerConfig, space: SpaceConfig, client_secret: bytes) -> None:
    """Writes the space into the configuration of a home, and its secret; a new client secret replaces the old."""
    require_usable(space)
    path = home / SECRETS / _CLIENT_SECRET
    path.unlink(missing_ok=True)
    write_secret(path, client_secret)
    write_config(home, msgspec.structs.replace(settings, space=space), replace=True)


def read_sign_in(home: Path, space: SpaceConfig) -> SignInSetting:
    """Reads what people sign in with; raises InvalidConfiguration before anybody was published."""
    key = home / SECRETS / PIVOT_KEY_FILE
    if not key.exists():
        raise InvalidConfiguration("nobody was published yet: publish first, then serve the space")
    profile = person_profile(space.profile)
    party = RelyingParty(
        issuer=space.issuer, client_id=space.client_id, profile=profile, audiences=space.audiences,
        acr_accepted=space.acr_accepted or profile.acr_values,
    )  # fmt: skip
    redirect_uri = space.base_url + RETURN_PATH
    secret = ClientSecret(read_secret(home / SECRETS / _CLIENT_SECRET))
    return SignInSetting(
        party=party, provider=Provider(party, redirect_uri, secret), redirect_uri=redirect_uri,
        pivot_key=read_secret(key, 32),
    )  # fmt: skip
