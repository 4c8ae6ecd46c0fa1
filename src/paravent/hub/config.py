"""The hub's configuration, its keys on disk, and the directory it publishes (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from paravent.access.alarms import AlarmPolicy
from paravent.access.config import DIRECTORY_NAME, DirectoryPin, open_directory, read_config, write_config
from paravent.access.enrolment import Enroller
from paravent.access.next_key_store import KeyFile
from paravent.access.openid_config import Enrolment, OpenIdConfig, read_enroller, read_enrolment
from paravent.access.quotas import QuotaLimits
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from paravent.hub.state import HubIdentity
from paravent.hub.vault import DatabaseKey
from paravent.wire.codec import BaseUrl, Message, Name, Natural, Port, encode
from paravent.wire.directory import require_successor
from paravent.wire.statements import Directory, HubEntry, cosigned, sign_statement

SECRETS = "secrets"
DIRECTORY_SIGNER = "directory"
_DATABASE_URL = "database.url"


class StoreConfig(Message, frozen=True, kw_only=True):
    """A database elsewhere than in the home; ``url`` is the file that holds its connection string, in the home.

    With ``shards``, rows, tree pages and settled records are on so many others (docs/scaling.md).
    """

    url: str
    shards: Natural | None = None


class HubConfig(Message, frozen=True, kw_only=True):
    """What the operator sets; without ``store``, the database is SQLite in the home."""

    name: Name
    base_url: BaseUrl
    host: str
    port: Port
    directory: DirectoryPin | None = None
    openid: OpenIdConfig | None = None
    store: StoreConfig | None = None
    watch_seconds: Natural = 20
    alarms: AlarmPolicy = AlarmPolicy()
    # A desk that asks 2 of 3 key servers has n/t times their look-ups in persons: 60 for 40 at each.
    quotas: QuotaLimits = QuotaLimits(lookups_per_day_max=60)


def initialise(
    home: Path, config: HubConfig, rng: Rng, database_url: bytes | None = None, shards: int | None = None
) -> None:
    """Creates a home with fresh keys; with the connection string of its database when that is not in the home."""
    if database_url is not None:
        store = StoreConfig(url=f"{SECRETS}/{_DATABASE_URL}", shards=shards)
        config = msgspec.structs.replace(config, store=store)
    write_config(home, config)
    for name in ("signing", "database"):
        write_secret(home / SECRETS / f"{name}.key", rng(32))
    if database_url is not None:
        write_secret(home / SECRETS / _DATABASE_URL, database_url)


def read_identity(home: Path, config: HubConfig) -> HubIdentity:
    """Reads the keys of a home."""
    return HubIdentity(
        name=config.name,
        base_url=config.base_url,
        signing_key=SigningKey(Seed(read_secret(home / SECRETS / "signing.key", 32))),
        database_key=DatabaseKey(read_secret(home / SECRETS / "database.key", 32)),
    )


def key_file(home: Path) -> KeyFile:
    """Names the file of the signing key."""
    return KeyFile(party=load(home).name, path=home / SECRETS / "signing.key")


def entry_with(home: Path, key: VerifyKey) -> tuple[HubEntry, tuple[bytes, ...]]:
    """Describes the hub for the directory with a key; it has no further one."""
    config = load(home)
    return HubEntry(name=config.name, address=config.base_url, verify_key=key), ()


def hub_entry(home: Path) -> HubEntry:
    """Describes the hub for the next directory: with its next key, once it drew one."""
    file = key_file(home)
    return entry_with(home, (file.upcoming() or file.present()).public)[0]


def sign_directory(key_file: Path, drafted: Directory, rng: Rng) -> tuple[Path, DirectoryPin]:
    """Signs the next version of the directory beside its key, made if absent; returns the file and what others pin.

    The key is no party's: whoever holds it says who is who, so it stays off every serving machine.
    """
    if not key_file.exists():
        write_secret(key_file, rng(32))
    key = SigningKey(Seed(read_secret(key_file, 32)))
    pin = DirectoryPin(signer=DIRECTORY_SIGNER, key=key.public.hex())
    file = key_file.parent / DIRECTORY_NAME
    directory = drafted
    if file.exists():
        former = open_directory(file.read_bytes(), pin)
        directory = msgspec.structs.replace(
            drafted, version=max(drafted.version, former.version + 1), changes=(*former.changes, *drafted.changes)
        )
        # What every party will check, said to who signs before anybody is given it.
        require_successor((former, pin.keys()), (directory, pin.keys()))
    signed = sign_statement(directory, Label.DIRECTORY, DIRECTORY_SIGNER, key)
    file.write_bytes(encode(cosigned(signed, ())))
    return file, pin


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
