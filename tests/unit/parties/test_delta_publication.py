"""A publication of changes: what the hub takes it against, and that the tree it rebuilds is the one signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests import engines
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import AMC, World

from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import root_of_leaves
from paravent.crypto.sealing import Handle, Row
from paravent.errors import MalformedMessage, ParaventError, ProofFailure, StaleData
from paravent.hub import publication
from paravent.insurer.runs_store import Runs, merged
from paravent.insurer.sealing import decoy, removal
from paravent.wire.publication import Publication
from paravent.wire.statements import EpochBundle, ManifestHead

pytestmark = engines.WITH_SHARDS

EPOCH, BATCH = 1, 1


def changes(world: World) -> list[Row]:
    """One row leaves, one is sealed anew, one comes."""
    first, second, *_ = world.insurers[AMC].rows
    rows = [removal(AMC, EPOCH, first.handle), decoy(AMC, EPOCH, BATCH, world.rng, second.handle),
            decoy(AMC, EPOCH, BATCH, world.rng)]  # fmt: skip
    return sorted(rows, key=lambda row: row.handle)


def announce(world: World, sent: list[Row], *, base: int = 1) -> Publication:
    """Signs the head of the live rows with these changes, computed as the insurer does."""
    insurer = world.insurers[AMC]
    insurer.counter += 1
    live = iter([(row.handle, row.digest(), row.batch) for row in insurer.rows])
    with Runs(world.home / "runs", b"") as runs:
        runs.pad(sent)
        leaves = (manifest_leaf(Handle(handle), digest) for handle, digest, _ in merged(live, runs.rows()))
        root, count = root_of_leaves(leaves)
    head = ManifestHead(
        insurer=AMC, epoch=EPOCH, counter=insurer.counter, count=count, root=root, issued_at=world.now,
        live_batches=(BATCH,),
    )  # fmt: skip
    return Publication(
        insurer=AMC, epoch=insurer.announced[0], base=base, batches=(insurer.announced[BATCH],),
        head=world.cosigned(insurer.sign(head, Label.MANIFEST_HEAD)),
    )  # fmt: skip


def verified(world: World, announced: Publication) -> ManifestHead:
    current = world.hub_store.newest(AMC)
    assert current is not None
    return publication.verify_publication(announced, world.insurers[AMC].entry, world.directory, current.head)[1]


def go_live(world: World, sent: list[Row], announced: Publication) -> None:
    """Does what the hub does with a publication of changes."""
    head = verified(world, announced)
    bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
    number = world.hub_store.open_publication(bundle, head, announced.base)
    publication.check_batches(sent, head, announced.base)
    world.hub_store.add_rows(number, 0, sent)
    assert announced.base is not None
    whole = world.hub_store.merge(number, head, announced.base)
    world.hub_store.go_live(whole, head, publication.build_tree(world.hub_store.staged_digests(whole, head), head))


def test_changes_are_merged_into_the_live_manifest(world: World) -> None:
    sent, insurer = changes(world), world.insurers[AMC]
    go_live(world, sent, announce(world, sent))
    live = world.hub_store.newest(AMC)
    assert live is not None
    assert (live.head.counter, live.head.count) == (2, len(insurer.rows))
    gone = insurer.rows[0].handle
    assert world.hub_store.row(live, gone) is None
    for row in (one for one in sent if one.batch):
        placed = world.hub_store.row(live, row.handle)
        assert placed is not None
        assert placed.row == row
    places = [world.hub_store.row(live, row.handle) for row in insurer.rows[2:]]
    assert all(place is not None for place in places)
    # Nothing is left of the changes, nor of the manifest before.
    others = sum(len(one.rows) for one in world.insurers.values() if one.amc != AMC)
    assert world.hub_store.sizes() == (2, live.head.count + others)
    world.insurers[AMC].rows = []
    assert world.check(insurer.members[-1].identities[0]).part.insurer == AMC


@pytest.mark.parametrize("base", [0, 2, 7])
def test_changes_of_another_manifest_are_refused(base: int, world: World) -> None:
    sent = changes(world)
    with pytest.raises(StaleData):
        verified(world, announce(world, sent, base=base))


def test_a_manifest_that_went_live_meanwhile_is_not_changed(world: World) -> None:
    sent = changes(world)
    announced = announce(world, sent)
    head = verified(world, announced)
    bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
    number = world.hub_store.open_publication(bundle, head, 1)
    with pytest.raises(StaleData):
        world.hub_store.merge(number, head, 2)


ALTERED: dict[str, Callable[[list[Row]], list[Row]]] = {
    "a removal is left out": lambda sent: [row for row in sent if row.batch],
    "a new row is left out": lambda sent: [row for row in sent if not row.batch],
    "another row leaves": lambda sent: sorted(
        [row if row.batch else replace(row, handle=Handle(b"\x01" * 32)) for row in sent], key=lambda row: row.handle
    ),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_changes_other_than_those_signed_never_go_live(kind: str, world: World) -> None:
    sent = changes(world)
    announced = announce(world, sent)
    with pytest.raises(ProofFailure):
        go_live(world, ALTERED[kind](sent), announced)
    live = world.hub_store.newest(AMC)
    assert live is not None
    assert live.head.counter == 1
    assert world.check(world.covered()).part.insurer == AMC


def test_a_removal_has_one_form_and_stands_among_changes_only(world: World) -> None:
    head = verified(world, announce(world, changes(world)))
    gone = removal(AMC, EPOCH, Handle(bytes(32)))
    publication.check_batches([gone], head, 1)
    for rows, base in (([gone], None), ([replace(gone, stored=b"\1" + gone.stored[1:])], 1)):
        with pytest.raises(MalformedMessage):
            publication.check_batches(rows, head, base)


def test_a_hub_that_compared_no_base_would_take_changes_of_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect = edited(publication, "verify_publication", "publication.base is not None and", "False and")
    monkeypatch.setattr(publication, "verify_publication", defect)
    with pytest.raises(pytest.fail.Exception), pytest.raises(ParaventError):
        verified(world, announce(world, changes(world), base=7))
    assert changed(announce(world, changes(world)), base=None).base is None
