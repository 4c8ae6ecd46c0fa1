"""Rows of a simulation: sealed by an insurer, taken by the hub (docs/protocol.md sections 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.crypto.group import Rng
from paravent.crypto.sealing import Row
from paravent.drill.simulation.parties import SimulatedHub
from paravent.hub import publication
from paravent.insurer.members import Member, right_of
from paravent.insurer.sealing import SealingKeys, decoy, seal
from paravent.insurer.store import Store
from paravent.wire.publication import Publication, from_records, to_record
from paravent.wire.statements import Directory, EpochBundle, InsurerEntry

DECOYS = 3


def sealed(keys: SealingKeys, members: Sequence[Member], store: Store, rng: Rng) -> list[Row]:
    """Seals every member under every number, with a few decoys, in the order of the tree."""
    numbers = store.register.rights([member.member_id for member in members], rng)
    owned = [
        (seal(keys, identity, right_of(member, numbers[member.member_id]), rng), member.member_id)
        for member in members for identity in member.identities
    ]  # fmt: skip
    store.register.keep_handles(keys.epoch, ((row.handle, member) for row, member in owned))
    rows = [row for row, _ in owned]
    rows += [decoy(keys.insurer, keys.epoch, keys.batch, rng) for _ in range(DECOYS)]
    return sorted(rows, key=lambda row: row.handle)


def upload(
    announced: Publication, rows: Sequence[Row], entry: InsurerEntry, hub: SimulatedHub, directory: Directory
) -> None:
    """Does what the hub does with a publication, from its announcement to its going live."""
    current = hub.store.newest(entry.amc)
    _, checked = publication.verify_publication(announced, entry, directory, None if current is None else current.head)
    bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
    number = hub.store.open_publication(bundle, checked)
    chunk = list(from_records(b"".join(map(to_record, rows)), entry.amc, checked.epoch))
    publication.check_batches(chunk, checked)
    hub.store.add_rows(number, 0, chunk)
    levels = publication.build_tree(hub.store.staged_digests(number, checked), checked)
    hub.store.go_live(number, checked, levels)
