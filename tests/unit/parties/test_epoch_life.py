"""The life of an epoch: what ends, when, what is deleted; each property with one check taken out of the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.crypto.mutation import FAILURES, edited
from tests.unit.parties import epoch_properties as properties
from tests.unit.parties.world import AMC, DAY, NOW, World

from paravent.access.quotas import QuotaLimits
from paravent.crypto.labels import Label
from paravent.desk import epoch as desk_epoch
from paravent.errors import EpochNotLive, MalformedMessage, ProofFailure, StaleData, UnknownInsurer
from paravent.hub import publication
from paravent.insurer import epoch as epochs
from paravent.keyserver import deal, store
from paravent.keyserver.evaluation import live_share
from paravent.keyserver.store import Store
from paravent.wire.log import DeletionEntry, concerns
from paravent.wire.statements import OPENABLE_SECONDS, BoxKeyStatement, Closing, sign_statement

Property = Callable[[World], None]
PROPERTIES: list[Property] = [
    found
    for name, found in vars(properties).items()
    if not name.startswith("_") and getattr(found, "__module__", "") == properties.__name__
]


def accepts(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


# Owner, function, what is taken out of it, what stands in its place, and the property that must notice.
DEFECTS: list[tuple[object, str, str, str, Property]] = [
    (deal, "_check_epoch", "+ EPOCH_SECONDS_MAX", "+ 2**53", properties.an_epoch_has_an_end),
    (deal, "_check_epoch", "min(epoch_file.not_before, now)", "epoch_file.not_before", properties.an_epoch_has_an_end),
    (Store, "keep_share", "commitment = ? OR", "commitment = ? AND 0 OR", properties.a_look_up_key_serves_one_epoch),
    (
        Store, "keep_share", 'raise EpochNotLive("this epoch has ended")', "break",
        properties.an_ended_epoch_is_never_dealt_again,
    ),
    (Store, "delete_ended", "delete_secret(self._share_path(share))", "pass", properties.what_has_ended_is_deleted),
    (Store, "delete_ended", "delete_secret(self._batch_path(batch))", "pass", properties.what_has_ended_is_deleted),
    (Store, "_log_deletion", "self.append(entry, name)", "pass", properties.what_has_ended_is_deleted),
    (Store, "delete_ended", "self._rotate_box_key()", "pass", properties.a_recorded_deal_stays_closed),
    (Store, "_rotate_box_key", "delete_secret(path)", "pass", properties.a_recorded_deal_stays_closed),
    (
        Store, "keep_closing", "deletes_at = MIN(deletes_at, excluded.deletes_at)", "deletes_at = excluded.deletes_at",
        properties.an_end_comes_no_later_than_was_said,
    ),
    (Store, "keep_head", "and digest != found[1]", "and False", properties.a_counter_has_one_head),
    (Store, "keep_head", "head.counter < found[0]", "False", properties.a_counter_has_one_head),
    (desk_epoch, "verify_cosignatures", "", "", properties.t_cosignatures_are_needed_at_the_desk),
    (publication, "verify_cosignatures", "", "", properties.t_cosignatures_are_needed_at_the_hub),
    (
        desk_epoch, "verify_head", "signed.digest() != epoch.head", "False",
        properties.a_row_is_believed_under_the_cosigned_head_only,
    ),
    (
        publication, "verify_publication", "or head.epoch < current.epoch", "",
        properties.an_epoch_never_goes_back_at_the_hub,
    ),
]  # fmt: skip


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property, world: World) -> None:
    held(world)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect[1]}: {defect[2] or defect[-1].__name__}")
def test_the_property_notices_the_defect(
    defect: tuple[object, str, str, str, Property], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, old, new, broken = defect
    value = edited(owner, name, old, new) if old else accepts
    monkeypatch.setattr(owner, name, value)
    if name == "verify_head":
        # The number lane took the function by its name.
        monkeypatch.setattr("paravent.desk.number_lane.verify_head", value)
    with pytest.raises(FAILURES):
        broken(world)


def test_every_property_has_its_defect() -> None:
    assert {defect[-1] for defect in DEFECTS} == set(PROPERTIES)


# --- the former epoch ------------------------------------------------------------------------


def test_a_former_epoch_is_openable_for_48_hours_and_looked_up_no_more(world: World) -> None:
    begun = world.opening(world.known(world.covered()))
    for index in (1, 2):
        server = world.servers[index]
        closing = Closing(insurer=AMC, epoch=1, batch=None, ends_at=NOW, deletes_at=NOW + OPENABLE_SECONDS)
        signed = world.insurers[AMC].sign(closing, Label.CLOSING)
        deal.take_closing(signed, server.identity, world.directory, server.store)
        with pytest.raises(EpochNotLive):
            live_share(server.store, AMC, 1, NOW)
    world.now += OPENABLE_SECONDS - 1
    for index in (1, 2):
        begun.take(*world.open_at(begun, index))
    assert begun.finish() is not None
    world.now += 1
    with pytest.raises(EpochNotLive):
        world.open_at(begun, 1)


def test_closing_an_epoch_closes_those_before_and_none_after(world: World) -> None:
    properties._take(world, properties._draw(world, 2))
    properties._take(world, properties._draw(world, 3))
    properties._close(world, 2, ends_at=NOW, deletes_at=NOW)
    kept = world.servers[1].store
    assert kept.delete_ended(NOW) == 3
    assert [number for number in (1, 2, 3) if kept.share(AMC, number)] == [3]


def test_a_closed_batch_goes_alone(world: World) -> None:
    world.publish(AMC, 2)
    properties._close(world, 1, 1, ends_at=NOW + 300, deletes_at=NOW + 300)
    kept = world.servers[1].store
    assert kept.delete_ended(NOW + 299) == 0
    assert kept.delete_ended(NOW + 300) == 1
    assert (kept.batch(AMC, 1, 1), kept.share(AMC, 1) is not None, kept.batch(AMC, 1, 2) is not None) == (
        None, True, True,
    )  # fmt: skip
    with pytest.raises(EpochNotLive):
        world.deal_batch(AMC, 1)
    world.check(world.covered())


def test_a_notice_gives_at_most_48_hours(still: World) -> None:
    with pytest.raises(MalformedMessage):
        properties._close(still, 1, ends_at=NOW, deletes_at=NOW + OPENABLE_SECONDS + 1)
    with pytest.raises(MalformedMessage):
        properties._close(still, 1, ends_at=NOW, deletes_at=NOW - 1)


def test_a_notice_is_the_insurers_own(still: World) -> None:
    server = still.servers[1]
    closing = Closing(insurer=AMC, epoch=1, batch=None, ends_at=NOW, deletes_at=NOW)
    stranger = sign_statement(closing, Label.CLOSING, AMC, still.device_key)
    other = still.insurers["99000002"].sign(closing, Label.CLOSING)
    nobody = sign_statement(closing, Label.CLOSING, "99009999", still.device_key)
    for signed, error in ((stranger, ProofFailure), (other, ProofFailure), (nobody, UnknownInsurer)):
        with pytest.raises(error):
            deal.take_closing(signed, server.identity, still.directory, server.store)
    share = server.store.share(AMC, 1)
    assert share is not None
    assert share.ends_at > NOW


# --- the disk --------------------------------------------------------------------------------


def reopened(world: World) -> Store:
    """The store of the first server, as after a restart."""
    world.servers[1].store.close()
    world.servers[1].store = Store(world.home / "keyserver-1", QuotaLimits(), world.rng)
    return world.servers[1].store


def test_a_notice_outlives_a_restart(world: World) -> None:
    properties._close(world, 1, ends_at=NOW, deletes_at=NOW + 60)
    share = reopened(world).share(AMC, 1)
    assert share is not None
    assert (share.ends_at, share.deletes_at) == (NOW, NOW + 60)


def test_a_crash_before_the_deletion_is_made_good_and_logged_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties._close(world, 1, ends_at=NOW, deletes_at=NOW)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete_secret", crash)
        with pytest.raises(KeyboardInterrupt):
            world.servers[1].store.delete_ended(NOW)
    kept = reopened(world)
    size = kept.log_size()
    assert kept.delete_ended(NOW) == 2
    assert kept.log_size() == size
    assert kept.delete_ended(NOW) == 0


def test_a_running_server_forgets_what_a_verb_closed(world: World) -> None:
    running = world.servers[1].store
    with Store(world.home / "keyserver-1", QuotaLimits(), world.rng) as verb:
        verb.keep_closing(Closing(insurer=AMC, epoch=1, batch=None, ends_at=NOW, deletes_at=NOW))
        assert verb.delete_ended(NOW) == 2
        assert running.delete_ended(NOW) == 2
        assert running.share(AMC, 1) is None
        assert running.box_key == verb.box_key
    assert properties._files(world, "box-*.key") == ["box-2.key"]


def test_a_draft_left_by_a_crash_is_deleted_too(world: World) -> None:
    draft = world.home / "keyserver-1" / "secrets" / f".share-{AMC}-1.json.4242"
    draft.write_bytes(b"a share")
    properties._close(world, 1, ends_at=NOW, deletes_at=NOW)
    world.servers[1].store.delete_ended(NOW)
    assert not draft.exists()


def test_an_insurer_reads_the_deletions_of_its_own() -> None:
    entry = DeletionEntry(insurer=AMC, epoch=1, batch=0, due_at=NOW).encode()
    assert concerns(entry, AMC)
    assert not concerns(entry, "99000002")
    assert not concerns(entry, AMC[:-1])


# --- box keys --------------------------------------------------------------------------------


def test_a_box_key_is_fresh_and_of_its_server(still: World) -> None:
    server, entry = still.servers[1], still.entry(1)
    stated = deal.box_key(server.identity, server.store.box_key.public, NOW)
    assert epochs.recipient(stated, entry, NOW + 300).box_key == server.store.box_key.public
    with pytest.raises(StaleData):
        epochs.recipient(stated, entry, NOW + 301)
    with pytest.raises(ProofFailure):
        epochs.recipient(stated, still.entry(2), NOW)
    said = BoxKeyStatement(server="keyserver-2", box_key=server.store.box_key.public, issued_at=NOW)
    identity = server.identity
    with pytest.raises(ProofFailure):
        epochs.recipient(sign_statement(said, Label.BOX_KEY, identity.name, identity.signing_key), entry, NOW)


# --- heads -----------------------------------------------------------------------------------


def test_a_head_of_no_dealt_epoch_or_of_tomorrow_is_not_cosigned(still: World) -> None:
    with pytest.raises(EpochNotLive):
        properties._cosign(still, properties._head(still, epoch=9))
    with pytest.raises(StaleData):
        properties._cosign(still, properties._head(still, counter=99, issued_at=NOW + DAY))


# --- the hub ---------------------------------------------------------------------------------


def test_the_hub_deletes_the_rows_of_an_ended_epoch(world: World) -> None:
    world.hub_store.keep_closing(AMC, 1, NOW + 60)
    world.hub_store.keep_closing(AMC, 1, NOW + DAY)
    world.hub_store.delete_ended(NOW + 59)
    assert world.hub_store.manifest(AMC, 1) is not None
    world.hub_store.delete_ended(NOW + 60)
    assert world.hub_store.manifest(AMC, 1) is None
    rows = world.hub_store._connection.execute("SELECT DISTINCT manifest FROM row").fetchall()
    assert len(rows) == 1, "the rows of the other insurer are left"


def test_the_hub_deletes_without_a_notice_48_hours_after_the_end(world: World) -> None:
    end = world.insurers[AMC].epoch.file.not_after + OPENABLE_SECONDS
    world.hub_store.delete_ended(end - 1)
    assert world.hub_store.manifest(AMC, 1) is not None
    world.hub_store.delete_ended(end)
    assert world.hub_store.manifest(AMC, 1) is None
