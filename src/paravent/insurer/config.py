"""The insurer's configuration and keys on disk (docs/operating.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paravent.access.config import DirectoryPin, read_config, write_config
from paravent.access.mail import MailConfig
from paravent.access.next_key_store import KeyFile
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from paravent.errors import InvalidConfiguration
from paravent.insurer.card import CardBlock
from paravent.wire.codec import Amc, BaseUrl, Message, Name, Natural, Port
from paravent.wire.statements import InsurerEntry

SECRETS = "secrets"


class SpaceConfig(Message, frozen=True, kw_only=True):
    """The insured person's space: where browsers find it, and who signs people in; ``dpo`` is shown to them.

    The client secret that the provider handed out is in ``secrets/space-client.secret``.
    """

    port: Port
    base_url: BaseUrl
    issuer: str
    client_id: Name
    profile: Name = "franceconnect"
    acr_accepted: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    dpo: str = ""


class InsurerConfig(Message, frozen=True, kw_only=True):
    """What an insurer sets; ``persons_per_guarantee_min`` is 1,000 outside demonstrations."""

    amc: Amc
    name: Name
    synthetic: bool
    host: str
    port: Port
    threshold: Natural = 2
    epoch_days: Natural = 365
    persons_per_guarantee_min: Natural = 1_000
    publication_multiple: Natural = 64
    sealing_processes: Natural = 2
    sealing_scheduler: str | None = None
    pull_seconds: Natural = 2
    settlement_iban: str = ""
    settlement_bic: str = ""
    mail: MailConfig | None = None
    card: CardBlock = CardBlock()
    space: SpaceConfig | None = None
    directory: DirectoryPin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerKeys:
    """The insurer's long-lived keys: stolen, see docs/protocol.md section 14."""

    issuer: SigningKey
    claims: BoxKey
    payments: BoxKey


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerCosigner:
    """An insurer as a cosigner of the breach desk's log: under its AMC number, with its issuer key."""

    name: str
    signing_key: SigningKey


def initialise(home: Path, config: InsurerConfig, rng: Rng) -> InsurerEntry:
    """Creates a home with fresh keys; returns the entry to put in the directory."""
    write_config(home, config)
    write_secret(home / SECRETS / "issuer.key", rng(32))
    write_secret(home / SECRETS / "claims.key", rng(96))
    write_secret(home / SECRETS / "payments.key", rng(96))
    return entry_with(home, read_keys(home).issuer.public)[0]


def key_file(home: Path) -> KeyFile:
    """Names the file of the issuer key: the box keys, to which parties have sealed, stay as they are."""
    return KeyFile(party=load(home).amc, path=home / SECRETS / "issuer.key")


def entry_with(home: Path, key: VerifyKey) -> tuple[InsurerEntry, tuple[bytes, ...]]:
    """Describes the insurer for the directory with an issuer key; gives its further keys, which stay."""
    config, keys = load(home), read_keys(home)
    others = (keys.claims.public, keys.payments.public)
    entry = InsurerEntry(
        amc=config.amc, name=config.name, issuer_key=key, claims_key=others[0], payments_key=others[1],
        synthetic=config.synthetic,
    )  # fmt: skip
    return entry, others


def read_keys(home: Path) -> InsurerKeys:
    """Reads the keys of a home."""
    return InsurerKeys(
        issuer=SigningKey(Seed(read_secret(home / SECRETS / "issuer.key", 32))),
        claims=BoxKey(read_secret(home / SECRETS / "claims.key", 96)),
        payments=BoxKey(read_secret(home / SECRETS / "payments.key", 96)),
    )


def require_space(settings: InsurerConfig) -> SpaceConfig:
    """Returns the setting of the space; raises InvalidConfiguration when there is none."""
    if settings.space is None:
        raise InvalidConfiguration("this insurer has no space for its members: run space first")
    return settings.space


def load(home: Path) -> InsurerConfig:
    """Reads the configuration."""
    return read_config(home, InsurerConfig)
