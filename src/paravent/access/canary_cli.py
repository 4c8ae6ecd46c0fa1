"""Canary credentials of a verifier: planting one, trying it, listing which were ever tried (docs/detection.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.devices import date_text
from paravent.access.peer_client import PeerClient
from paravent.access.store import VerifierStore, read_secret, write_secret
from paravent.crypto.signing import Seed, SigningKey, key_id
from paravent.errors import BadInput, UnknownDevice
from paravent.wire.quota import QuotaAnswer, QuotaRequest

DRILL_SECONDS = 120
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


class _Settings(Protocol):
    """What the configuration of a verifier says of itself."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def base_url(self) -> str:
        """Its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Self:
    """The verifier as whoever asks it reaches it."""

    name: str
    address: str


def add_canary_verbs(
    group: click.Group, store: Callable[[Path], VerifierStore], load: Callable[[Path], _Settings]
) -> None:
    """Adds canary, canary-drill, canaries."""

    @verb(group, "Create a device key that is enrolled nowhere, to be left where a thief looks: its use alarms.")
    @click.option("--out", type=_FILE, required=True, help="Where to write the key, as a desk keeps its own.")
    def canary(home: Path, out: Path) -> Said:
        """Plants a canary credential."""
        write_secret(out, cli.rng(32))
        public = SigningKey(Seed(read_secret(out, 32))).public
        with store(home) as opened, opened.commit():
            opened.alarms.plant(key_id(public), public, cli.now())
        text = f"canary credential {key_id(public)}: {out}; untested until canary-drill has made it fire"
        return Said(text=text, values={"keyid": key_id(public), "file": str(out)})

    @verb(group, "Use a canary credential in a drill that is announced beforehand: the alarm says that it is one.")
    @click.argument("key", type=_EXISTING)
    def canary_drill(home: Path, key: Path) -> Said:
        """Fires a canary credential at this verifier, which has to be serving."""
        signing, settings = SigningKey(Seed(read_secret(key, 32))), load(home)
        keyid = key_id(signing.public)
        with store(home) as opened, opened.commit():
            if not opened.alarms.announce_drill(keyid, cli.now() + DRILL_SECONDS):
                raise BadInput("this key is no canary credential of this verifier")
        client, here = PeerClient(signing, cli.rng), _Self(name=settings.name, address=settings.base_url)
        try:
            asyncio.run(client.post(here, "/v1/quota", QuotaRequest(), QuotaAnswer))
        except UnknownDevice:
            return Said(text=f"{keyid} was used; its alarm is a drill's", values={"keyid": keyid, "used": True})
        raise BadInput("this key was answered as a device: it is enrolled, and no canary")

    @verb(group, "List canary credentials; one that never fired in a drill is untested.")
    def canaries(home: Path) -> Said:
        """Lists canary credentials."""
        with store(home) as opened:
            found = opened.alarms.canaries()
        lines = [
            f"{one.keyid}: {'tested ' + date_text(one.drilled_at) if one.tested else 'UNTESTED'}"
            + (f", fired {date_text(one.fired_at)}" if one.fired_at else "")
            for one in found
        ]
        untested = [one.keyid for one in found if not one.tested]
        rows = [
            {"keyid": one.keyid, "planted_at": one.planted_at, "fired_at": one.fired_at, "tested": one.tested}
            for one in found
        ]
        lines.append(f"{len(found)} canary credentials, {len(untested)} untested")
        return Said(text="\n".join(lines), values={"canaries": rows, "untested": untested})
