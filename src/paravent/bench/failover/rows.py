"""Rows that a hub can serve with nobody behind them: handles of drawn keys, sealed bytes that open for no one."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace as changed

from paravent.bench.counters import Counters
from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import build_levels, root_of
from paravent.crypto.sealing import Handle, handle_of
from paravent.crypto.signing import SigningKey
from paravent.errors import TechnicalFailure
from paravent.hub import publication
from paravent.hub.store import Store
from paravent.insurer.sealing import decoy
from paravent.wire.publication import RECORDS_PER_CHUNK_MAX
from paravent.wire.statements import ManifestHead, cosigned

_KEYS_MAX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published: its head, and the keys of some of its handles."""

    insurer: str
    epoch: int
    head: ManifestHead
    keys: list[SigningKey]

    def handle(self, key: SigningKey) -> Handle:
        """Returns the handle of a key."""
        return handle_of(self.insurer, self.epoch, key.public)


def publish(shops: Counters, store: Store, count: int) -> Published:
    """Publishes that many rows of the insurer of these shops, by the functions of the hub."""
    insurer = shops.insurer
    live = shops.platform.hub.store.newest(insurer.amc)
    if live is None:
        raise TechnicalFailure("the insurer of the benchmark has published nothing")
    epoch, batch = live.head.epoch, live.head.live_batches[0]
    keys = [SigningKey.generate(shops.rng) for _ in range(min(count, _KEYS_MAX))]
    handles = [handle_of(insurer.amc, epoch, key.public) for key in keys]
    rows = [decoy(insurer.amc, epoch, batch, shops.rng, handle) for handle in handles]
    rows += [decoy(insurer.amc, epoch, batch, shops.rng) for _ in range(count - len(keys))]
    rows.sort(key=lambda row: row.handle)
    root = root_of(build_levels([manifest_leaf(row.handle, row.digest()) for row in rows]))
    head = changed(live.head, count=count, root=root)
    bundle = changed(live.bundle, head=cosigned(insurer.sign(head, Label.MANIFEST_HEAD), ()))
    number = store.open_publication(bundle, head)
    for first in range(0, count, RECORDS_PER_CHUNK_MAX):
        store.add_rows(number, first, rows[first : first + RECORDS_PER_CHUNK_MAX])
    store.go_live(number, head, publication.build_tree(store.staged_digests(number, head), head))
    return Published(insurer=insurer.amc, epoch=epoch, head=head, keys=keys)
