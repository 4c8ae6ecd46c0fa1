"""What a key server takes from an insurer, and what it refuses whoever signed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, EPOCH, OTHER_AMC, THRESHOLD, KeyServer, World

from paravent.access.quotas import QuotaLimits
from paravent.access.store import write_secret
from paravent.crypto import group, hpke, sharing
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    EpochNotLive,
    InvalidConfiguration,
    MalformedMessage,
    ProofFailure,
    TooFewServers,
    UnknownInsurer,
)
from paravent.insurer import epoch as epochs
from paravent.insurer.epoch import DrawnEpoch
from paravent.keyserver import deal
from paravent.keyserver.evaluation import live_share
from paravent.keyserver.store import SECRETS, Store
from paravent.wire.codec import Message, encode
from paravent.wire.deal import BatchDeal, DealBox, DealtKey, EpochDeal
from paravent.wire.receipts import verify_receipts
from paravent.wire.statements import (
    Announced,
    Receipt,
    Signed,
    open_statement,
    sign_statement,
)

NEXT = 2  # an epoch that the platform has not dealt yet


@pytest.fixture
def server(still: World, tmp_path: Path) -> Iterator[KeyServer]:
    """The first key server with an empty store, but for the key to which its deals are sealed."""
    write_secret(tmp_path / SECRETS / "box-1.key", still.servers[1].store.box_key.reveal())
    with Store(tmp_path, QuotaLimits(), still.rng) as store:
        yield KeyServer(still.servers[1].identity, store)


def drawn(world: World, number: int = NEXT) -> DrawnEpoch:
    """Draws an epoch of the first insurer."""
    dates = (world.now, world.now + 30 * DAY)
    dealer = world.insurers[AMC].dealer
    return epochs.draw_epoch(dealer, number, world.directory.keyservers, THRESHOLD, dates, world.rng)


def boxed(world: World, message: Message, *, to: int = 1, key: SigningKey | None = None) -> DealBox:
    """Signs a deal with the issuer key, or another, and seals it to a server."""
    signed = sign_statement(message, Label.DEAL, AMC, key or world.insurers[AMC].keys.issuer)
    name = world.names()[to]
    sealed = hpke.seal(world.recipient(to).box_key, encode(signed), Label.DEAL_BOX, AMC, name)
    return DealBox(insurer=AMC, box=sealed)


def take_epoch(world: World, server: KeyServer, box: DealBox) -> Signed:
    return deal.take_epoch(box, server.identity, world.directory, server.store, world.now)


def take_batch(world: World, server: KeyServer, box: DealBox) -> Signed:
    return deal.take_batch(box, server.identity, world.directory, server.store)


def epoch_deal(world: World, epoch: DrawnEpoch, index: int = 1, **changes: object) -> EpochDeal:
    """The deal of one server, with its epoch file signed again after some changes."""
    file = changed(epoch.file, **changes)
    signed = world.insurers[AMC].sign(file, Label.EPOCH)
    return EpochDeal(epoch_file=signed, index=index, share=epoch.shares[index].reveal())


# --- epochs ----------------------------------------------------------------------------------


def test_a_right_deal_is_kept_and_receipted(still: World, server: KeyServer) -> None:
    epoch = drawn(still)
    box = epochs.epoch_box(still.insurers[AMC].dealer, epoch, 1, still.recipient(1))
    receipt = take_epoch(still, server, box)
    key = server.identity.signing_key.public
    said = open_statement(receipt, Receipt, Label.RECEIPT, server.identity.name, key)
    assert (said.epoch, said.batch, said.statement) == (NEXT, None, epoch.signed.digest())
    kept = server.store.share(AMC, NEXT)
    assert kept is not None
    assert kept.share == epoch.shares[1]


BAD_EPOCHS: dict[str, Callable[[World, DrawnEpoch], EpochDeal]] = {
    "a share that does not match": lambda world, epoch: changed(
        epoch_deal(world, epoch), share=group.random_scalar(world.rng).reveal()
    ),
    "the share of another server": lambda world, epoch: changed(
        epoch_deal(world, epoch), share=epoch.shares[2].reveal()
    ),
    "the index of another server": lambda world, epoch: epoch_deal(world, epoch, 2),
    "an index above n": lambda world, epoch: changed(epoch_deal(world, epoch), index=7),
    "commitments to another key": lambda world, epoch: epoch_deal(
        world, epoch, commitments=drawn(world).file.commitments
    ),
    "one commitment too few": lambda world, epoch: epoch_deal(world, epoch, commitments=epoch.file.commitments[:1]),
    "another insurer": lambda world, epoch: epoch_deal(world, epoch, insurer=OTHER_AMC),
    "a server of no directory": lambda world, epoch: epoch_deal(
        world, epoch, servers=("keyserver-1", "keyserver-2", "nobody")
    ),
    "a server twice": lambda world, epoch: epoch_deal(
        world, epoch, servers=("keyserver-1", "keyserver-2", "keyserver-2")
    ),
    "servers in another order": lambda world, epoch: epoch_deal(
        world, epoch, servers=("keyserver-2", "keyserver-1", "keyserver-3")
    ),
    "an end before its start": lambda world, epoch: epoch_deal(world, epoch, not_after=world.now),
}


@pytest.mark.parametrize("kind", BAD_EPOCHS)
def test_a_wrong_epoch_deal_is_refused_and_nothing_is_kept(kind: str, still: World, server: KeyServer) -> None:
    box = boxed(still, BAD_EPOCHS[kind](still, drawn(still)))
    with pytest.raises(ProofFailure) as caught:
        take_epoch(still, server, box)
    assert caught.value.culprit == AMC
    assert server.store.share(AMC, NEXT) is None


def test_the_harness_of_wrong_deals_makes_right_ones(still: World, server: KeyServer) -> None:
    take_epoch(still, server, boxed(still, epoch_deal(still, drawn(still))))
    assert server.store.share(AMC, NEXT) is not None


@pytest.mark.parametrize("threshold", [1, 4])
def test_a_threshold_out_of_range_is_refused(threshold: int, still: World, server: KeyServer) -> None:
    _, commitments = sharing.deal(group.random_scalar(still.rng), 2, 3, still.rng)
    many = (commitments * 2)[:threshold]
    wrong = epoch_deal(still, drawn(still), threshold=threshold, commitments=many)
    with pytest.raises(MalformedMessage):
        take_epoch(still, server, boxed(still, wrong))


def test_a_deal_sealed_to_another_server_does_not_open(still: World, server: KeyServer) -> None:
    epoch = drawn(still)
    with pytest.raises(ProofFailure):
        take_epoch(still, server, boxed(still, epoch_deal(still, epoch), to=2))


def test_a_deal_signed_by_another_key_is_refused(still: World, server: KeyServer) -> None:
    stranger = SigningKey.generate(still.rng)
    with pytest.raises(ProofFailure):
        take_epoch(still, server, boxed(still, epoch_deal(still, drawn(still)), key=stranger))


def test_a_deal_of_an_unknown_insurer_is_refused(still: World, server: KeyServer) -> None:
    box = changed(boxed(still, epoch_deal(still, drawn(still))), insurer="99009999")
    with pytest.raises(UnknownInsurer):
        take_epoch(still, server, box)


def test_an_epoch_is_never_dealt_twice_with_another_key(still: World, server: KeyServer) -> None:
    first = drawn(still)
    take_epoch(still, server, boxed(still, epoch_deal(still, first)))
    with pytest.raises(ProofFailure):
        take_epoch(still, server, boxed(still, epoch_deal(still, drawn(still))))
    kept = server.store.share(AMC, NEXT)
    assert kept is not None
    assert kept.share == first.shares[1]


def test_the_same_deal_again_gets_the_same_receipt(still: World, server: KeyServer) -> None:
    box = boxed(still, epoch_deal(still, drawn(still)))
    assert take_epoch(still, server, box) == take_epoch(still, server, box)


def test_a_receipted_epoch_file_is_the_one_that_is_served(still: World, server: KeyServer) -> None:
    epoch, later = drawn(still), still.now + 60 * DAY
    take_epoch(still, server, boxed(still, epoch_deal(still, epoch)))
    try:
        take_epoch(still, server, boxed(still, epoch_deal(still, epoch, not_after=later)))
    except ProofFailure:
        return
    live_share(server.store, AMC, NEXT, later - 1)


# --- batches ---------------------------------------------------------------------------------


def batch_deal(world: World, number: int = 1, **changes: object) -> BatchDeal:
    """The batch deal of the first server, with its file signed again after some changes."""
    insurer = world.insurers[AMC]
    epoch = changed(insurer.epoch.file, epoch=NEXT)
    batch = epochs.draw_batch(insurer.dealer, epoch, number, world.now, world.rng)
    keys = tuple(DealtKey(servers=members, key=key.reveal()) for members, key in batch.keys.items() if 1 not in members)
    return BatchDeal(batch_file=insurer.sign(changed(batch.file, **changes), Label.BATCH), keys=keys)


@pytest.fixture
def dealt(still: World, server: KeyServer) -> KeyServer:
    """A server that holds a share of the epoch."""
    take_epoch(still, server, boxed(still, epoch_deal(still, drawn(still))))
    return server


def swapped(batch: BatchDeal) -> BatchDeal:
    """Gives each key the name of the other."""
    first, second = batch.keys
    return changed(batch, keys=(changed(first, key=second.key), changed(second, key=first.key)))


BAD_BATCHES: dict[str, Callable[[World, BatchDeal], BatchDeal]] = {
    "a key that does not match": lambda world, batch: changed(
        batch, keys=(changed(batch.keys[0], key=world.rng(32)), batch.keys[1])
    ),
    "keys swapped": lambda _, batch: swapped(batch),
    "a key missing": lambda _, batch: changed(batch, keys=batch.keys[:1]),
    "a key twice": lambda _, batch: changed(batch, keys=(batch.keys[0], batch.keys[0])),
    "a key that this server must not hold": lambda world, batch: changed(
        batch, keys=(*batch.keys, DealtKey(servers=(1,), key=world.rng(32)))
    ),
    "the digests of another batch": lambda world, batch: changed(batch, batch_file=batch_deal(world).batch_file),
    "no digest": lambda world, batch: changed(batch, batch_file=batch_deal(world, key_digests=()).batch_file),
}


@pytest.mark.parametrize("kind", BAD_BATCHES)
def test_a_wrong_batch_deal_is_refused_and_nothing_is_kept(kind: str, still: World, dealt: KeyServer) -> None:
    with pytest.raises(ProofFailure) as caught:
        take_batch(still, dealt, boxed(still, BAD_BATCHES[kind](still, batch_deal(still))))
    assert caught.value.culprit == AMC
    assert dealt.store.batch(AMC, NEXT, 1) is None


def test_a_right_batch_deal_is_kept(still: World, dealt: KeyServer) -> None:
    box = boxed(still, batch_deal(still))
    assert take_batch(still, dealt, box) == take_batch(still, dealt, box)
    kept = dealt.store.batch(AMC, NEXT, 1)
    assert kept is not None
    assert sorted(kept.keys) == [(2,), (3,)]


@pytest.mark.parametrize(("epoch", "insurer"), [(9, AMC), (NEXT, OTHER_AMC)])
def test_a_batch_of_no_dealt_epoch_is_not_live(epoch: int, insurer: str, still: World, dealt: KeyServer) -> None:
    with pytest.raises(EpochNotLive):
        take_batch(still, dealt, boxed(still, batch_deal(still, epoch=epoch, insurer=insurer)))


def test_a_batch_is_never_dealt_twice_with_other_keys(still: World, dealt: KeyServer) -> None:
    take_batch(still, dealt, boxed(still, batch_deal(still)))
    with pytest.raises(ProofFailure):
        take_batch(still, dealt, boxed(still, batch_deal(still)))


# --- receipts --------------------------------------------------------------------------------


def announced(world: World, *indices: int) -> Announced:
    """The first insurer's epoch with the receipts of some servers only."""
    whole = world.insurers[AMC].announced[0]
    return changed(whole, receipts=tuple(whole.receipts[index - 1] for index in indices))


@pytest.mark.parametrize(("indices", "enough"), [((), False), ((2,), False), ((2, 2), False), ((3, 1), True)])
def test_receipts_of_t_servers_are_needed(indices: tuple[int, ...], *, enough: bool, still: World) -> None:
    epoch = still.insurers[AMC].epoch.file
    if enough:
        assert verify_receipts(announced(still, *indices), epoch, None, still.directory) == (1, 3)
    else:
        with pytest.raises(TooFewServers):
            verify_receipts(announced(still, *indices), epoch, None, still.directory)


def forged(world: World, label: Label = Label.RECEIPT, signer: int = 2, **changes: object) -> Announced:
    """An announcement with one true receipt and another that a server signed for something else."""
    whole = announced(world, 1)
    receipt = Receipt(server=world.names()[2], insurer=AMC, epoch=EPOCH, batch=None, statement=whole.statement.digest())
    key = world.servers[signer].identity.signing_key
    signed = sign_statement(changed(receipt, **changes), label, world.names()[2], key)
    return changed(whole, receipts=(*whole.receipts, signed))


@pytest.mark.parametrize(
    "forgery",
    [
        {"epoch": 2}, {"batch": 1}, {"insurer": OTHER_AMC}, {"statement": bytes(32)},
        {"server": "keyserver-3"}, {"label": Label.BATCH}, {"signer": 3},
    ],
    ids=str,
)  # fmt: skip
def test_a_receipt_for_something_else_names_its_server(forgery: dict[str, object], still: World) -> None:
    epoch = still.insurers[AMC].epoch.file
    verify_receipts(forged(still), epoch, None, still.directory)
    with pytest.raises(ProofFailure) as caught:
        verify_receipts(forged(still, **forgery), epoch, None, still.directory)  # type: ignore[arg-type]
    assert caught.value.culprit == still.names()[2]


def test_a_receipt_of_a_server_outside_the_epoch_is_refused(still: World) -> None:
    epoch = changed(still.insurers[AMC].epoch.file, servers=("keyserver-1", "keyserver-2"))
    with pytest.raises(ProofFailure):
        verify_receipts(announced(still, 1, 3), epoch, None, still.directory)


# --- the disk --------------------------------------------------------------------------------


def test_shares_and_keys_come_back_from_disk(still: World, dealt: KeyServer, tmp_path: Path) -> None:
    take_batch(still, dealt, boxed(still, batch_deal(still)))
    with Store(tmp_path, QuotaLimits(), still.rng) as again:
        assert again.share(AMC, NEXT) == dealt.store.share(AMC, NEXT)
        assert again.batch(AMC, NEXT, 1) == dealt.store.batch(AMC, NEXT, 1)


@pytest.mark.usefixtures("dealt")
def test_secret_files_are_read_by_their_owner_only(still: World, tmp_path: Path) -> None:
    (file,) = (tmp_path / SECRETS).glob("share-*.json")
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o640)
    with pytest.raises(InvalidConfiguration):
        Store(tmp_path, QuotaLimits(), still.rng)


def test_no_secret_is_written_outside_the_secret_files(still: World, dealt: KeyServer, tmp_path: Path) -> None:
    take_batch(still, dealt, boxed(still, batch_deal(still)))
    share, batch = dealt.store.share(AMC, NEXT), dealt.store.batch(AMC, NEXT, 1)
    assert share is not None
    assert batch is not None
    secrets = [share.share.reveal(), *(key.reveal() for key in batch.keys.values())]
    texts = [encode(secret)[1:-1] for secret in secrets]
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(files) >= 3
    for path in files:
        content = path.read_bytes()
        assert not any(secret in content for secret in [*secrets, *texts])


def test_a_repr_shows_no_secret(dealt: KeyServer) -> None:
    share = dealt.store.share(AMC, NEXT)
    assert share is not None
    assert "REDACTED" in repr(share)
    assert repr(share.share.reveal())[2:-1] not in repr(share)
