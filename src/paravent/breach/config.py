"""The breach desk's configuration and key on disk (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

from paravent.access.config import DirectoryPin, read_config, write_config
from paravent.access.mail import MailConfig
from paravent.access.quotas import QuotaLimits
from paravent.access.store import read_secret, write_secret
from paravent.breach.store import DATABASE_URL
from paravent.crypto.group import Rng
from paravent.crypto.signing import Seed, SigningKey
from paravent.wire.codec import Message, Name

KEY_FILE = "breach-desk.key"
TO_COMPLETE = "à compléter"


class BreachConfig(Message, frozen=True, kw_only=True):
    """What a breach desk sets: its name is the origin of its log; operator and contact stand in documents.

    ``quotas`` are the largest that a key server is configured with: upper bounds are computed from them.
    """

    name: Name
    operator: Name
    contact: str = TO_COMPLETE
    mail: MailConfig | None = None
    quotas: QuotaLimits = QuotaLimits()
    directory: DirectoryPin | None = None


def initialise(home: Path, config: BreachConfig, rng: Rng, database_url: bytes | None = None) -> SigningKey:
    """Creates a home, with a fresh key unless ``desk-key`` has made one; returns it.

    ``database_url`` is the connection string of the cases' database when that is not in the home.
    """
    write_config(home, config)
    if database_url is not None:
        write_secret(home / DATABASE_URL, database_url)
    if not (home / KEY_FILE).exists():
        write_secret(home / KEY_FILE, rng(32))
    return read_key(home)


def load(home: Path) -> BreachConfig:
    """Reads the configuration."""
    return read_config(home, BreachConfig)


def read_key(home: Path) -> SigningKey:
    """Reads the key of the breach desk: it signs the log and what the desk asks verifiers to suspend."""
    return SigningKey(Seed(read_secret(home / KEY_FILE, 32)))
