"""The desk's configuration and device key on disk (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

from paravent.access.config import DirectoryPin, read_config, write_config
from paravent.access.devices import Device
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import Seed, SigningKey
from paravent.desk.trade import Payee
from paravent.wire.codec import Message, Name, Natural, Port

SECRETS = "secrets"


class DeskConfig(Message, frozen=True, kw_only=True):
    """What an optician sets; the desk listens on loopback only."""

    professional: Name
    shop: Name
    port: Port
    degraded_days_max: Natural = 7
    degraded_cents_max: Natural = 30_000
    waiting_cents_max: Natural = 300_000
    single_operator_allowed: bool = False
    directory: DirectoryPin | None = None

    def payee(self) -> Payee:
        """Says who is to be paid for this desk's claims."""
        return Payee(professional=self.professional, shop=self.shop)


def initialise(home: Path, config: DeskConfig, rng: Rng) -> Device:
    """Creates a home with a fresh device key; returns the device to enrol."""
    write_config(home, config)
    write_secret(home / SECRETS / "device.key", rng(32))
    write_secret(home / SECRETS / "token", rng(32).hex().encode())
    return device(home, config)


def device_key(home: Path) -> SigningKey:
    """Reads the device key."""
    return SigningKey(Seed(read_secret(home / SECRETS / "device.key", 32)))


def device(home: Path, config: DeskConfig) -> Device:
    """Describes the device for enrolment."""
    return Device(public=device_key(home).public, professional=config.professional, shop=config.shop)


def letterbox_key(home: Path, rng: Rng) -> BoxKey:
    """Reads the key that opens what insurers write to this desk; made when it is first needed."""
    path = home / SECRETS / "letterbox.key"
    if not path.exists():
        write_secret(path, BoxKey.generate(rng).reveal())
    return BoxKey(read_secret(path, 96))


def token(home: Path) -> str:
    """Reads the token that local software shows to the desk's loopback service."""
    return read_secret(home / SECRETS / "token").decode()


def load(home: Path) -> DeskConfig:
    """Reads the configuration."""
    return read_config(home, DeskConfig)
