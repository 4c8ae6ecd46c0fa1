"""The hub's configuration, its keys on disk, and the directory it publishes (docs/operating.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from paravent.access.config import DIRECTORY_NAME, DirectoryPin, read_config, write_config
from paravent.access.enrolment import Enroller
from paravent.access.openid_config import Enrolment, OpenIdConfig, read_enroller, read_enrolment
from paravent.access.quotas import QuotaLimits
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import Seed, SigningKey
from paravent.hub.state import HubIdentity
from paravent.hub.vault import DatabaseKey
from paravent.wire.codec import BaseUrl, Message, Name, Port, encode
from paravent.wire.statements import CustodianEntry, Directory, HubEntry, InsurerEntry, KeyServerEntry, sign_statement

SECRETS = "secrets"
DIRECTORY_SIGNER = "directory"


class HubConfig(Message, frozen=True, kw_only=True):
    """What the operator sets."""

    name: Name
    base_url: BaseUrl
    host: str
    port: Port
    directory: DirectoryPin | None = None
    openid: OpenIdConfig | None = None
    # A desk that asks 2 of 3 key servers has n/t times their look-ups in persons: 60 for 40 at each.
    quotas: QuotaLimits = QuotaLimits(lookups_per_day_max=60)


def initialise(home: Path, config: HubConfig, rng: Rng) -> None:
    """Creates a home with fresh keys, the directory key among them."""
    write_config(home, config)
    for name in ("signing", "database", "directory"):
        write_secret(home / SECRETS / f"{name}.key", rng(32))


def read_identity(home: Path, config: HubConfig) -> HubIdentity:
    """Reads the keys of a home."""
    return HubIdentity(
        name=config.name,
        base_url=config.base_url,
        signing_key=SigningKey(Seed(read_secret(home / SECRETS / "signing.key"))),
        database_key=DatabaseKey(read_secret(home / SECRETS / "database.key")),
    )


def publish_directory(
    home: Path, keyservers: Sequence[KeyServerEntry], insurers: Sequence[InsurerEntry],
    custodians: Sequence[CustodianEntry], now: int,
) -> DirectoryPin:  # fmt: skip
    """Signs a new version of the directory into the home and pins it; returns what others pin."""
    config = load(home)
    identity = read_identity(home, config)
    key = SigningKey(Seed(read_secret(home / SECRETS / "directory.key")))
    directory = Directory(
        version=now, issued_at=now,
        hub=HubEntry(name=identity.name, address=identity.base_url, verify_key=identity.signing_key.public),
        keyservers=tuple(keyservers), insurers=tuple(insurers), custodians=tuple(custodians),
    )  # fmt: skip
    signed = sign_statement(directory, Label.DIRECTORY, DIRECTORY_SIGNER, key)
    (home / DIRECTORY_NAME).write_bytes(encode(signed))
    pin = DirectoryPin(signer=DIRECTORY_SIGNER, key=key.public.hex())
    write_config(home, msgspec.structs.replace(config, directory=pin), replace=True)
    return pin


def enroller(home: Path) -> Enroller:
    """Reads what this verifier enrols devices with; raises InvalidConfiguration when it has no provider."""
    config = load(home)
    return read_enroller(config.name, config.base_url, config.openid, home / SECRETS)


def enrolment(home: Path) -> Enrolment | None:
    """Reads the setting of enrolment; None when there is no provider: then no device can be enrolled."""
    config = load(home)
    return read_enrolment(config.name, config.base_url, config.openid, home / SECRETS)


def load(home: Path) -> HubConfig:
    """Reads the configuration."""
    return read_config(home, HubConfig)
