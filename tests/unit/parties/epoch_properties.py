"""Safety properties of the life of an epoch, each a function that plays one attack and fails when it succeeds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, THRESHOLD, World

from paravent.access.quotas import QuotaLimits
from paravent.crypto.labels import Label
from paravent.errors import EpochNotLive, ProofFailure, StaleData, TooFewServers
from paravent.hub import publication
from paravent.insurer import epoch as epochs
from paravent.insurer.epoch import DrawnEpoch
from paravent.keyserver import deal
from paravent.keyserver.store import SECRETS, Store
from paravent.wire.log import DeletionEntry
from paravent.wire.statements import OPENABLE_SECONDS, Closing, ManifestHead, Signed, open_statement

NEXT = 2


def _draw(world: World, number: int = NEXT, *, days: int = 30) -> DrawnEpoch:
    """Draws an epoch of the first insurer."""
    dealer, servers = world.insurers[AMC].dealer, world.directory.keyservers
    return epochs.draw_epoch(dealer, number, servers, THRESHOLD, (world.now, world.now + days * DAY), world.rng)


def _signed_again(world: World, drawn: DrawnEpoch, **changes: object) -> DrawnEpoch:
    """Signs another epoch file over the same look-up key."""
    file = changed(drawn.file, **changes)
    return DrawnEpoch(
        file=file, signed=world.insurers[AMC].sign(file, Label.EPOCH), lookup_key=drawn.lookup_key, shares=drawn.shares
    )


def _take(world: World, drawn: DrawnEpoch) -> Signed:
    """Deals an epoch to the first server."""
    server = world.servers[1]
    box = epochs.epoch_box(world.insurers[AMC].dealer, drawn, 1, world.recipient(1))
    return deal.take_epoch(box, server.identity, world.directory, server.store, world.now)


def _close(world: World, epoch: int, batch: int | None = None, *, ends_at: int, deletes_at: int) -> None:
    """Sends the end of a batch or an epoch to the first server."""
    closing = Closing(insurer=AMC, epoch=epoch, batch=batch, ends_at=ends_at, deletes_at=deletes_at)
    server = world.servers[1]
    signed = world.insurers[AMC].sign(closing, Label.CLOSING)
    deal.take_closing(signed, server.identity, world.directory, server.store)


def _head(world: World, **changes: object) -> Signed:
    """The head of the first insurer, signed again after some changes."""
    insurer = world.insurers[AMC]
    key = insurer.keys.issuer.public
    found = open_statement(world.bundle().head, ManifestHead, Label.MANIFEST_HEAD, AMC, key)
    return insurer.sign(changed(found, **changes), Label.MANIFEST_HEAD)


def _cosign(world: World, signed: Signed) -> None:
    """Asks the first server to cosign a head."""
    server = world.servers[1]
    deal.cosign_head(signed, server.identity, world.directory, server.store, world.now)


def _files(world: World, pattern: str) -> list[str]:
    """Lists the secret files of the first server."""
    return sorted(path.name for path in (world.home / "keyserver-1" / SECRETS).glob(pattern))


# --- what is checked ---------------------------------------------------------------------------


def an_epoch_has_an_end(world: World) -> None:
    """An epoch of more than 366 days is refused, however late it begins."""
    _take(world, _draw(world, days=366))
    for late, days in ((0, 367), (300, 100)):
        drawn = _draw(world, 3)
        begun = world.now + late * DAY
        with pytest.raises(ProofFailure):
            _take(world, _signed_again(world, drawn, not_before=begun, not_after=begun + days * DAY))


def a_look_up_key_serves_one_epoch(world: World) -> None:
    """The A of an epoch is refused under another number, even once the first is deleted."""
    drawn = _draw(world)
    _take(world, drawn)
    with pytest.raises(ProofFailure):
        _take(world, _signed_again(world, drawn, epoch=3))


def an_ended_epoch_is_never_dealt_again(world: World) -> None:
    """A recorded deal sent again after the end brings nothing back."""
    drawn = _draw(world)
    _take(world, drawn)
    _close(world, NEXT, ends_at=world.now, deletes_at=world.now)
    world.servers[1].store.delete_ended(world.now)
    with pytest.raises(EpochNotLive):
        _take(world, drawn)


def what_has_ended_is_deleted(world: World) -> None:
    """At the end of an epoch its share and opening keys leave the disk, and the log says so."""
    server = world.servers[1]
    assert _files(world, f"*-{AMC}-1*.json") == [f"opening-{AMC}-1-1.json", f"share-{AMC}-1.json"]
    world.now = world.insurers[AMC].epoch.file.not_after + OPENABLE_SECONDS - 1
    server.store.delete_ended(world.now)
    assert _files(world, f"*-{AMC}-1*.json")
    world.now += 1
    server.store.delete_ended(world.now)
    assert _files(world, f"*-{AMC}-1*.json") == []
    logged = [entry for _, entry in server.store.log.entries(0, 100)]
    for batch in (0, 1):
        assert DeletionEntry(insurer=AMC, epoch=1, batch=batch, due_at=world.now).encode() in logged


def a_recorded_deal_stays_closed(world: World) -> None:
    """The box key of a deal goes with what was dealt: who recorded the deal and steals the server opens nothing."""
    drawn = _draw(world)
    box = epochs.epoch_box(world.insurers[AMC].dealer, drawn, 1, world.recipient(1))
    _close(world, 1, ends_at=world.now, deletes_at=world.now)
    world.servers[1].store.delete_ended(world.now)
    for name in _files(world, "box-*.key"):
        stolen = type(world.servers[1].store.box_key)((world.home / "keyserver-1" / SECRETS / name).read_bytes())
        with pytest.raises(ProofFailure):
            stolen.open(box.box, Label.DEAL_BOX, AMC, "keyserver-1", culprit=AMC)


def an_end_comes_no_later_than_was_said(world: World) -> None:
    """A second notice cannot give more time than the first, not even once the server has restarted."""
    _close(world, 1, ends_at=world.now, deletes_at=world.now + 60)
    _close(world, 1, ends_at=world.now + DAY, deletes_at=world.now + 2 * DAY)
    with Store(world.home / "keyserver-1", QuotaLimits(), world.rng) as restarted:
        for kept in (world.servers[1].store, restarted):
            share = kept.share(AMC, 1)
            assert share is not None
            assert (share.ends_at, share.deletes_at) == (world.now, world.now + 60)


def a_counter_has_one_head(world: World) -> None:
    """A server cosigns one head for each counter, and none that is lower."""
    signed = _head(world, counter=5)
    _cosign(world, signed)
    _cosign(world, signed)
    with pytest.raises(ProofFailure):
        _cosign(world, _head(world, counter=5, root=bytes(32)))
    with pytest.raises(StaleData):
        _cosign(world, _head(world, counter=4))


def t_cosignatures_are_needed_at_the_desk(world: World) -> None:
    """A desk does not use a head that one server alone cosigned."""
    bundle = world.bundle()
    with pytest.raises(TooFewServers):
        world.verify(changed(bundle, head=world.cosigned(bundle.head.alone(), 1)))


def t_cosignatures_are_needed_at_the_hub(world: World) -> None:
    """The hub does not take a head that one server alone cosigned."""
    insurer = world.insurers[AMC]
    announced = world.announce(insurer)
    with pytest.raises(TooFewServers):
        publication.verify_publication(
            changed(announced, head=world.cosigned(announced.head.alone(), 1)), insurer.entry, world.directory, None
        )


def a_row_is_believed_under_the_cosigned_head_only(world: World) -> None:
    """A head that the insurer signed aside, for one desk, is not the one that servers cosigned."""
    record = world.known(world.covered())
    answer = changed(world.fetch(record), head=_head(world, counter=9))
    with pytest.raises(EpochNotLive):
        record.take_row(answer, world.hub.name, now=world.now, counter_min=0)


def an_epoch_never_goes_back_at_the_hub(world: World) -> None:
    """Once an epoch is live, an earlier one is not published again, whatever its counter."""
    insurer = world.insurers[AMC]
    announced = world.announce(insurer)
    current = changed(_head_message(world), epoch=2, counter=1)
    with pytest.raises(StaleData):
        publication.verify_publication(announced, insurer.entry, world.directory, current)


def _head_message(world: World) -> ManifestHead:
    """The head that is live."""
    manifest = world.hub_store.newest(AMC)
    assert manifest is not None
    return manifest.head
