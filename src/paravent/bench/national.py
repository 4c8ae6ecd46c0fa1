"""The parties of a population that is sealed and loaded piece by piece: every key of theirs comes from one seed.

A run that was killed finds the same keys, directory, epochs and batches again, so that what it had sealed and loaded
stays good. Deals, receipts, heads and cosignatures are the parties' own, without HTTP.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.drill.simulation.founding import CUSTODIANS, START, found_directory
from paravent.drill.simulation.parties import SimulatedServer
from paravent.hub.state import HubIdentity
from paravent.hub.vault import DatabaseKey
from paravent.insurer import epoch as epochs
from paravent.insurer.config import InsurerKeys
from paravent.insurer.epoch import Dealer
from paravent.insurer.sealing import SealingKeys
from paravent.keyserver import deal
from paravent.wire.publication import Publication
from paravent.wire.statements import Announced, Directory, ManifestHead, Signed, cosigned, sign_statement

SERVERS, THRESHOLD = 3, 2
EPOCH, BATCH = 1, 1
_FIRST_AMC = 99_000_001
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Every party; ``servers`` are rebuilt at each run, since nothing of them is measured."""

    seed: int
    keys: dict[str, InsurerKeys]
    servers: dict[int, SimulatedServer]
    hub: HubIdentity
    directory: Directory

    def dealt(self, amc: str) -> Dealt:
        """Deals the epoch and the batch of an insurer to every server."""
        dealer, rng = Dealer(insurer=amc, issuer_key=self.keys[amc].issuer), _rng(self.seed, f"epoch {amc}")
        dates = (START - _DAY, START + 300 * _DAY)
        epoch = epochs.draw_epoch(dealer, EPOCH, self.directory.keyservers, THRESHOLD, dates, rng)
        batch = epochs.draw_batch(dealer, epoch.file, BATCH, START, rng)
        receipts: tuple[list[Signed], list[Signed]] = ([], [])
        for server in self.servers.values():
            identity, store, to = server.identity, server.store, server.recipient()
            box = epochs.epoch_box(dealer, epoch, server.index, to)
            receipts[0].append(deal.take_epoch(box, identity, self.directory, store, START))
            box = epochs.batch_box(dealer, batch, server.index, to)
            receipts[1].append(deal.take_batch(box, identity, self.directory, store))
        keys = SealingKeys(
            insurer=amc, epoch=EPOCH, batch=BATCH, issuer_key=dealer.issuer_key, lookup_key=epoch.lookup_key,
            opening_keys=batch.keys,
        )  # fmt: skip
        return Dealt(
            keys=keys, epoch=Announced(statement=epoch.signed, receipts=tuple(receipts[0])),
            batch=Announced(statement=batch.signed, receipts=tuple(receipts[1])),
        )  # fmt: skip

    def publication(self, dealt: Dealt, root: bytes, count: int) -> Publication:
        """Announces a manifest: its head signed, and cosigned by every server."""
        keys = dealt.keys
        head = ManifestHead(
            insurer=keys.insurer, epoch=EPOCH, counter=1, count=count, root=root, issued_at=START, live_batches=(BATCH,)
        )
        signed = sign_statement(head, Label.MANIFEST_HEAD, keys.insurer, keys.issuer_key)
        given = (
            deal.cosign_head(signed, server.identity, self.directory, server.store, START)
            for server in self.servers.values()
        )
        return Publication(
            insurer=keys.insurer, epoch=dealt.epoch, base=None, batches=(dealt.batch,), head=cosigned(signed, given)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """What was dealt for one insurer, and the keys to seal with."""

    keys: SealingKeys
    epoch: Announced
    batch: Announced


def amc_numbers(insurers: int) -> list[str]:
    """Names that many insurers."""
    return [str(_FIRST_AMC + number) for number in range(insurers)]


@contextmanager
def country(home: Path, insurers: int, seed: int) -> Iterator[Country]:
    """Founds every party from a seed; the key servers' folders are new each time."""
    rng = _rng(seed, "parties")
    folder = home / "keyservers"
    shutil.rmtree(folder, ignore_errors=True)
    servers = {
        index: SimulatedServer.create(folder, index, QuotaLimits(), rng) for index in range(1, SERVERS + 1)
    }  # fmt: skip
    hub = HubIdentity(
        name="hub", base_url="http://hub.example:8000", signing_key=SigningKey.generate(rng),
        database_key=DatabaseKey(rng(32)),
    )  # fmt: skip
    keys = {
        amc: InsurerKeys(issuer=SigningKey.generate(rng), claims=BoxKey.generate(rng), payments=BoxKey.generate(rng))
        for amc in amc_numbers(insurers)
    }
    custodians = [BoxKey.generate(rng) for _ in range(CUSTODIANS)]
    directory = found_directory(servers, hub, keys, custodians, {amc: f"Organisme {amc}" for amc in keys})
    for server in servers.values():
        server.join(directory)
    try:
        yield Country(seed=seed, keys=keys, servers=servers, hub=hub, directory=directory)
    finally:
        for server in servers.values():
            server.store.close()


def _rng(seed: int, name: str) -> Rng:
    return random.Random(f"{seed} {name}").randbytes
