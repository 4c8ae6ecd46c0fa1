"""The key server's configuration and its keys on disk (docs/operating.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paravent.access.alarms import AlarmPolicy
from paravent.access.config import DirectoryPin, read_config, write_config
from paravent.access.enrolment import Enroller
from paravent.access.next_key_store import KeyFile
from paravent.access.openid_config import Enrolment, OpenIdConfig, read_enroller, read_enrolment
from paravent.access.quotas import QuotaLimits
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from paravent.keyserver.state import ServerIdentity, WitnessKey
from paravent.keyserver.store import SECRETS
from paravent.keyserver.timestamp_client import Stamper
from paravent.wire.codec import BaseUrl, Message, Name, Natural, Port
from paravent.wire.statements import KeyServerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How often the other logs are looked at, and one's own is stamped, by whom."""

    seconds: int = 20
    stamper: Stamper | None = None
    stamp_seconds: int = 3_600


class KeyServerConfig(Message, frozen=True, kw_only=True):
    """What an operator sets; the key server listens on ``host:port`` and is known as ``base_url``."""

    name: Name
    base_url: BaseUrl
    host: str
    port: Port
    operator: Name
    hosted_by: Name
    administrator: Name
    directory: DirectoryPin | None = None
    openid: OpenIdConfig | None = None
    watch_seconds: Natural = 20
    alarms: AlarmPolicy = AlarmPolicy()
    timestamp_url: str | None = None
    timestamp_seconds: Natural = 3_600
    quotas: QuotaLimits = QuotaLimits()


def initialise(home: Path, config: KeyServerConfig, rng: Rng) -> KeyServerEntry:
    """Creates a home with fresh keys; returns the entry to put in the directory."""
    write_config(home, config)
    write_secret(home / SECRETS / "signing.key", rng(32))
    write_secret(home / SECRETS / "witness.key", rng(32))
    return entry_with(home, read_identity(home, config).signing_key.public)[0]


def key_file(home: Path) -> KeyFile:
    """Names the file of the signing key."""
    return KeyFile(party=load(home).name, path=home / SECRETS / "signing.key")


def entry_with(home: Path, key: VerifyKey) -> tuple[KeyServerEntry, tuple[bytes, ...]]:
    """Describes the server for the directory with a key; it has no further one."""
    config = load(home)
    entry = KeyServerEntry(
        name=config.name, address=config.base_url, verify_key=key, operator=config.operator, host=config.hosted_by,
        administrator=config.administrator,
    )  # fmt: skip
    return entry, ()


def read_identity(home: Path, config: KeyServerConfig) -> ServerIdentity:
    """Reads the keys of a home."""
    secrets = home / SECRETS
    return ServerIdentity(
        name=config.name,
        base_url=config.base_url,
        signing_key=SigningKey(Seed(read_secret(secrets / "signing.key", 32))),
        witness_key=WitnessKey(read_secret(secrets / "witness.key", 32)),
    )


def enroller(home: Path) -> Enroller:
    """Reads what this verifier enrols devices with; raises InvalidConfiguration when it has no provider."""
    config = load(home)
    return read_enroller(config.name, config.base_url, config.openid, home / SECRETS)


def enrolment(home: Path) -> Enrolment | None:
    """Reads the setting of enrolment; None when there is no provider: then no device can be enrolled."""
    config = load(home)
    return read_enrolment(config.name, config.base_url, config.openid, home / SECRETS)


def load(home: Path) -> KeyServerConfig:
    """Reads the configuration."""
    return read_config(home, KeyServerConfig)


def watch_settings(config: KeyServerConfig, rng: Rng) -> WatchSettings:
    """Says how this server watches the others and has its own log stamped."""
    url = config.timestamp_url
    return WatchSettings(
        seconds=config.watch_seconds, stamper=None if url is None else Stamper(url, rng),
        stamp_seconds=config.timestamp_seconds,
    )  # fmt: skip
