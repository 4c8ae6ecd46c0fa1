"""What the desk believes of an epoch, and what it keeps on its own disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace as changed
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import AMC, DAY, NOW, OTHER_AMC, World

from paravent.crypto.labels import Label
from paravent.crypto.sharing import public_share
from paravent.desk.epoch import verify_bundle
from paravent.desk.store import AUDIT_SECONDS, RETENTION_SECONDS, Store
from paravent.errors import EpochNotLive, MalformedMessage, ProofFailure, TooFewServers
from paravent.wire.statements import Announced, Directory, EpochBundle, Receipt, sign_statement

# --- the bundle ------------------------------------------------------------------------------


def few(announced: Announced, *kept: int) -> Announced:
    return changed(announced, receipts=tuple(announced.receipts[index - 1] for index in kept))


def with_file(world: World, bundle: EpochBundle, **changes: object) -> EpochBundle:
    """Signs another epoch file and gets it receipted by every server."""
    insurer = world.insurers[AMC]
    signed = insurer.sign(changed(insurer.epoch.file, **changes), Label.EPOCH)
    receipts = tuple(
        sign_statement(
            Receipt(server=server.identity.name, insurer=AMC, epoch=1, batch=None, statement=signed.digest()),
            Label.RECEIPT, server.identity.name, server.identity.signing_key,
        )
        for server in world.servers.values()
    )  # fmt: skip
    return changed(bundle, epoch=Announced(statement=signed, receipts=receipts))


BUNDLES: dict[str, tuple[type[Exception], Callable[[World, EpochBundle], EpochBundle]]] = {
    "the epoch of another insurer": (ProofFailure, lambda world, _: world.bundle(OTHER_AMC)),
    "one receipt of the epoch": (TooFewServers, lambda _, it: changed(it, epoch=few(it.epoch, 1))),
    "the same receipt twice": (TooFewServers, lambda _, it: changed(it, epoch=few(it.epoch, 1, 1))),
    "one receipt of the batch": (
        TooFewServers, lambda _, it: changed(it, batches=(few(it.batches[0], 2),)),
    ),
    "receipts of the batch for the epoch": (
        ProofFailure, lambda _, it: changed(it, epoch=changed(it.epoch, receipts=it.batches[0].receipts)),
    ),
    "one cosignature of the head": (
        TooFewServers, lambda world, it: changed(it, head=world.cosigned(it.head.alone(), 2)),
    ),
    "the same cosignature twice": (
        TooFewServers, lambda world, it: changed(it, head=world.cosigned(it.head.alone(), 2, 2)),
    ),
    "a cosignature of another head": (
        ProofFailure,
        lambda world, it: changed(it, head=changed(it.head, cosignatures=world.bundle(OTHER_AMC).head.cosignatures)),
    ),
    "an epoch that has ended": (EpochNotLive, lambda world, it: with_file(world, it, not_after=NOW)),
    "an epoch that has not begun": (
        EpochNotLive, lambda world, it: with_file(world, it, not_before=NOW + DAY),
    ),
    "a server of no directory": (
        ProofFailure,
        lambda world, it: with_file(world, it, servers=("keyserver-1", "keyserver-2", "nobody")),
    ),
    "one commitment": (
        ProofFailure,
        lambda world, it: with_file(
            world, it, commitments=world.insurers[AMC].epoch.file.commitments[:1]
        ),
    ),
    "a commitment that is no element": (
        MalformedMessage,
        lambda world, it: with_file(
            world, it, commitments=(bytes(32), world.insurers[AMC].epoch.file.commitments[1])
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BUNDLES)
def test_a_wrong_bundle_is_refused(kind: str, still: World) -> None:
    error, change = BUNDLES[kind]
    assert still.verify(with_file(still, still.bundle())).epoch == 1
    with pytest.raises(error):
        still.verify(change(still, still.bundle()))


def test_public_shares_come_from_the_commitments(still: World) -> None:
    epoch = still.epoch()
    commitments = [bytes(commitment) for commitment in still.insurers[AMC].epoch.file.commitments]
    for index, server in epoch.servers.items():
        assert server.public == public_share(index, commitments)  # type: ignore[arg-type]
        kept = still.servers[index].store.share(AMC, 1)
        assert kept is not None
        assert server.public == kept.public


def test_only_receipted_servers_are_asked_to_open(still: World) -> None:
    bundle = still.bundle()
    assert still.verify(bundle).batches == {1: (1, 2, 3)}
    assert still.verify(changed(bundle, batches=(few(bundle.batches[0], 3, 1),))).batches == {1: (1, 3)}


# --- independence ----------------------------------------------------------------------------


def declared(directory: Directory, role: str, *names: str) -> Directory:
    """Lets the servers declare other names in a role."""
    entries = zip(directory.keyservers, names, strict=True)
    return changed(directory, keyservers=tuple(changed(entry, **{role: name}) for entry, name in entries))


@pytest.mark.parametrize("role", ["operator", "host", "administrator"])
@pytest.mark.parametrize(("names", "refused"), [("aaa", True), ("aab", True), ("abb", True), ("abc", False)])
def test_t_servers_of_one_house_are_refused_unless_allowed(
    role: str, names: str, *, refused: bool, still: World
) -> None:
    directory = declared(still.directory, role, *names)

    def verify(*, allowed: bool) -> int:
        return verify_bundle(still.bundle(), AMC, directory, now=still.now, single_operator_allowed=allowed).epoch

    assert verify(allowed=True) == 1
    if refused:
        with pytest.raises(ProofFailure, match=role):
            verify(allowed=False)
    else:
        assert verify(allowed=False) == 1


# --- the desk's own disk ---------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def test_a_counter_is_remembered_by_epoch(store: Store) -> None:
    assert store.counter_seen(AMC, 1) == 0
    store.see_counter(AMC, 1, 7)
    assert (store.counter_seen(AMC, 1), store.counter_seen(AMC, 2), store.counter_seen(OTHER_AMC, 1)) == (
        7,
        0,
        0,
    )


def test_a_counter_never_goes_down(store: Store) -> None:
    """Two checks at once: the one that saw the older manifest may write last."""
    store.see_counter(AMC, 1, 7)
    store.see_counter(AMC, 1, 6)
    assert store.counter_seen(AMC, 1) == 7


def test_seeing_another_epoch_forgets_nothing(store: Store) -> None:
    """While two epochs are live, a hub could show an old manifest of one after any of the other."""
    store.see_counter(AMC, 2, 7)
    store.see_counter(AMC, 1, 3)
    assert store.counter_seen(AMC, 2) == 7


def test_statements_are_kept_for_the_card_lane(store: Store, still: World) -> None:
    signed = still.bundle().head.alone()
    assert store.statement(AMC, "status-list") is None
    store.keep_statement(AMC, "status-list", signed)
    found = store.statement(AMC, "status-list")
    assert found is not None
    assert found[0] == signed
    assert store.statement(OTHER_AMC, "status-list") is None


def newest_read(store: Store, still: World) -> bool:
    """Whether a desk reads the list that it kept last, and then the one that its command line kept meanwhile."""
    first, second = still.bundle().head.alone(), still.bundle().epoch.statement
    read = []
    with Store(store.home) as other:
        for keeper, signed in ((store, first), (store, second), (other, first)):
            keeper.keep_statement(AMC, "status-list", signed)
            found = store.statement(AMC, "status-list")
            read.append(found is not None and found[0] == signed)
    return all(read)


def test_a_list_that_another_process_of_the_desk_fetched_is_read(store: Store, still: World) -> None:
    assert newest_read(store, still)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("statement", "version != self._version", "False"),
    ("keep_statement", "self._statements.pop((insurer, kind), None)", "pass"),
])  # fmt: skip
def test_a_desk_that_goes_on_with_an_old_list_is_found_out(
    name: str, old: str, new: str, store: Store, still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, name, edited(Store, name, old, new))
    assert not newest_read(store, still)


def test_an_act_is_kept_before_its_decision_and_never_overwritten(store: Store, still: World) -> None:
    store.keep_act(b"k" * 16, b"body", None)
    assert store.act(b"k" * 16) == (b"body", None)
    store.keep_act(b"k" * 16, b"another", None)
    decision = still.bundle().head.alone()
    store.keep_decision(b"k" * 16, decision)
    assert store.act(b"k" * 16) == (b"body", decision)
    assert store.act(b"x" * 16) is None


@pytest.mark.parametrize(("prescription", "age", "kept"), [
    (None, RETENTION_SECONDS - 60, True), (None, RETENTION_SECONDS + 60, False),
    (b"salt and document", RETENTION_SECONDS + 60, True), (b"salt and document", AUDIT_SECONDS - 60, True),
    (b"salt and document", AUDIT_SECONDS + 60, False),
])  # fmt: skip
def test_acts_are_forgotten_after_30_days_and_claims_once_their_audit_is_over(
    prescription: bytes | None, age: int, *, kept: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep_act(b"k" * 16, b"body", prescription)
    later = time.time() + age
    monkeypatch.setattr("paravent.desk.store.time", SimpleNamespace(time=lambda: later))
    store.forget()
    assert (store.act(b"k" * 16) is not None) is kept


def test_lies_are_kept(store: Store) -> None:
    store.keep_lie("keyserver-2", "a wrong opening value", b"request", b"answer")
    assert store.lies() == [("keyserver-2", "a wrong opening value")]
