"""The witness logs between servers: what is cosigned, what a roll-back meets, who reads which part."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.access import log_watch
from paravent.access.devices import Device
from paravent.access.log_watch import Seen
from paravent.access.quotas import Pseudonyms, QuotaKind
from paravent.crypto import checkpoint, hpke
from paravent.crypto.labels import Label, dec
from paravent.crypto.log import Coordinates, verify_inclusion
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash
from paravent.crypto.note import parse_note
from paravent.crypto.signing import SigningKey
from paravent.errors import LogRolledBack, MalformedMessage, ParaventError, ProofFailure
from paravent.keyserver import cosigning
from paravent.keyserver.log_store import WitnessLog
from paravent.keyserver.store import Store
from paravent.keyserver.witness_app import COPY_REST_SECONDS_MAX, Witness
from paravent.wire.log import (
    CUSTODIANS,
    CheckpointAnswer,
    KeyEntry,
    LeavesAnswer,
    LoggedLeaf,
    OpeningEntry,
    SeenAnswer,
    concerns,
)

NOTHING = Seen(size=0, root=EMPTY_ROOT)


def opened(world: World, position: int = 0) -> None:
    """Opens the row of a member at the first two servers."""
    started = world.opening(world.known(world.covered(position)))
    for index in (1, 2):
        started.take(*world.open_at(started, index))


def log_of(world: World, index: int = 1) -> WitnessLog:
    return world.servers[index].store.log


def answer_of(world: World, old: int) -> CheckpointAnswer:
    """What the first server hands out now, with its proof from ``old``."""
    log = log_of(world)
    note = cosigning.own_checkpoint(world.servers[1].identity, log).encode()
    return CheckpointAnswer(note=note, proof=log.consistency(old, log.size()))


def taken(world: World, answer: CheckpointAnswer, seen: Seen) -> Seen:
    """Takes a checkpoint of the first server, as another one does."""
    found, _ = log_watch.take_checkpoint(answer, world.entry(1), seen)
    return Seen(size=found.size, root=found.root)


def entries(world: World, index: int = 1) -> list[bytes]:
    return [entry for _, entry in log_of(world, index).entries(0, 1_000)]


def opening_of(world: World, place: int = -1) -> OpeningEntry:
    return OpeningEntry.decode([entry for entry in entries(world) if entry.startswith(OPENING)][place])


OPENING = b"\x00\x14" + Label.LOG_ENTRY.value


# --- growing, and only growing ---------------------------------------------------------------------


def test_a_log_that_grew_is_cosigned(world: World) -> None:
    opened(world)
    seen = taken(world, answer_of(world, 0), NOTHING)
    opened(world, 1)
    grown = taken(world, answer_of(world, seen.size), seen)
    assert grown.size == seen.size + 1


def test_a_log_cut_short_is_not_cosigned(world: World) -> None:
    opened(world)
    short = answer_of(world, 0)
    opened(world, 1)
    seen = taken(world, answer_of(world, 0), NOTHING)
    with pytest.raises(ProofFailure) as caught:
        taken(world, short, seen)
    assert caught.value.culprit == world.names()[1]


def forked(world: World, seen: Seen) -> CheckpointAnswer:
    """A log of the same size in which one leaf is another: signed by the server, with any proof it likes."""
    log = log_of(world)
    other = checkpoint.Checkpoint(origin=world.names()[1], size=seen.size + 1, root=leaf_hash(b"another"))
    note = other.signed(checkpoint.sign(other, world.servers[1].identity.signing_key))
    return CheckpointAnswer(note=note.encode(), proof=log.consistency(seen.size, log.size()))


def test_a_fork_is_not_cosigned(world: World) -> None:
    opened(world)
    seen = taken(world, answer_of(world, 0), NOTHING)
    opened(world, 1)
    with pytest.raises(ProofFailure):
        taken(world, forked(world, seen), seen)


def test_a_checkpoint_of_another_server_is_not_taken(world: World) -> None:
    opened(world)
    log = log_of(world, 2)
    note = cosigning.own_checkpoint(world.servers[2].identity, log).encode()
    with pytest.raises(ProofFailure):
        taken(world, CheckpointAnswer(note=note, proof=()), NOTHING)


def test_consistency_is_what_refuses_a_fork(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without that one check, the fork is cosigned."""
    opened(world)
    seen = taken(world, answer_of(world, 0), NOTHING)
    opened(world, 1)
    monkeypatch.setattr(log_watch, "verify_consistency", lambda *_, **__: None)
    assert taken(world, forked(world, seen), seen).size == seen.size + 1


# --- cosignatures --------------------------------------------------------------------------------


def cosigners(note: bytes, world: World) -> list[str]:
    """Lists the parties whose cosignature stands under a note of the first server, each verified."""
    parsed = parse_note(note)
    watchers = [party for party in world.directory.watchers() if parsed.signature_of(log_watch.cosigner_key_of(party))]
    for party in watchers:
        key = log_watch.cosigner_key_of(party)
        checkpoint.verify_cosignature(parsed, key, now=world.now, age_seconds_max=0, culprit=party.name)
    return [party.name for party in watchers]


def test_cosignatures_gather_under_one_checkpoint(world: World) -> None:
    opened(world)
    own = cosigning.own_checkpoint(world.servers[1].identity, log_of(world)).encode()
    for index in (2, 3):
        found, note = log_watch.take_checkpoint(CheckpointAnswer(note=own, proof=()), world.entry(1), NOTHING)
        handed = log_watch.cosigned(found, note, world.servers[index].identity, world.now).encode()
        own = cosigning.take_cosignature(handed, own, world.entry(index), world.now)
    size = checkpoint.parse_checkpoint(parse_note(own).text).size
    assert (size, cosigners(own, world)) == (log_of(world).size(), [world.names()[2], world.names()[3]])


def test_a_cosignature_in_the_name_of_another_server_is_refused(world: World) -> None:
    opened(world)
    own = cosigning.own_checkpoint(world.servers[1].identity, log_of(world))
    found = checkpoint.parse_checkpoint(own.text)
    forged = own.signed_also(
        checkpoint.cosign(found, world.names()[2], world.servers[3].identity.signing_key, now=world.now)
    )
    with pytest.raises(ProofFailure):
        cosigning.take_cosignature(forged.encode(), own.encode(), world.entry(2), world.now)


def test_a_cosignature_of_another_checkpoint_is_refused(world: World) -> None:
    opened(world)
    former = cosigning.own_checkpoint(world.servers[1].identity, log_of(world))
    handed = log_watch.cosigned(
        checkpoint.parse_checkpoint(former.text), former, world.servers[2].identity, world.now
    ).encode()
    opened(world, 1)
    own = cosigning.own_checkpoint(world.servers[1].identity, log_of(world)).encode()
    with pytest.raises(MalformedMessage):
        cosigning.take_cosignature(handed, own, world.entry(2), world.now)


def test_what_was_cosigned_never_goes_down(world: World) -> None:
    log = world.servers[2].store.memory
    with world.servers[2].store.commit():
        log.see("keyserver-1", Seen(size=7, root=bytes(32)))
        log.see("keyserver-1", Seen(size=6, root=bytes([1] * 32)))
    assert log.seen("keyserver-1") == Seen(size=7, root=bytes(32))


# --- a server that was rolled back -----------------------------------------------------------------


def remembered(world: World) -> SeenAnswer:
    """What the second server was handed of the first."""
    return SeenAnswer(note=cosigning.own_checkpoint(world.servers[1].identity, log_of(world)).encode())


def require(world: World, answer: SeenAnswer) -> None:
    cosigning.require_not_rolled_back(answer, world.names()[2], world.servers[1].identity, log_of(world))


def test_a_log_as_its_peers_remember_it_may_answer(world: World) -> None:
    opened(world)
    remembers = remembered(world)
    opened(world, 1)
    require(world, remembers)
    require(world, SeenAnswer(note=None))


def test_a_log_shorter_than_remembered_answers_nothing(world: World) -> None:
    opened(world)
    remembers = remembered(world)
    world.servers[1].store._connection.execute("DELETE FROM leaf WHERE position = (SELECT MAX(position) FROM leaf)")
    with pytest.raises(LogRolledBack):
        require(world, remembers)


def test_a_log_other_than_remembered_answers_nothing(world: World) -> None:
    opened(world)
    log = log_of(world)
    other = checkpoint.Checkpoint(origin=world.names()[1], size=log.size(), root=leaf_hash(b"another"))
    note = other.signed(checkpoint.sign(other, world.servers[1].identity.signing_key))
    with pytest.raises(LogRolledBack):
        require(world, SeenAnswer(note=note.encode()))


def test_a_peer_is_not_believed_without_the_signature_of_this_server(world: World) -> None:
    """One liar among the peers must not stop an honest server."""
    invented = checkpoint.Checkpoint(origin=world.names()[1], size=10**9, root=bytes(32))
    forged = invented.signed(checkpoint.sign(invented, world.servers[2].identity.signing_key))
    with pytest.raises(ProofFailure):
        require(world, SeenAnswer(note=forged.encode()))


def test_lines_of_strangers_come_back_with_no_cosignature(world: World) -> None:
    opened(world)
    own = cosigning.own_checkpoint(world.servers[1].identity, log_of(world))
    found = checkpoint.parse_checkpoint(own.text)
    key = SigningKey.generate(world.rng)
    filled = own.signed_also(*(checkpoint.cosign(found, f"stranger-{n}", key, now=world.now) for n in range(15)))
    handed = log_watch.cosigned(found, filled, world.servers[2].identity, world.now)
    assert [line.name for line in handed.signatures] == [world.names()[2]]
    merged = cosigning.take_cosignature(handed.encode(), own.encode(), world.entry(2), world.now)
    assert cosigners(merged, world) == [world.names()[2]]


def undone(store: Store, write: Callable[[], object]) -> None:
    """Writes in a transaction that is then undone."""
    store._connection.execute("BEGIN IMMEDIATE")
    write()
    store._connection.execute("ROLLBACK")


# --- leaves and their paths ------------------------------------------------------------------------


def test_every_leaf_is_proved_in_every_later_log(world: World) -> None:
    for position in range(4):
        opened(world, position)
    log = log_of(world)
    for size in range(1, log.size() + 1):
        entries = log.entries(0, size)
        for (index, entry), path in zip(entries, log.inclusions(range(size), size), strict=True):
            verify_inclusion(leaf_hash(entry), index=index, size=size, root=log.root(size), path=path, culprit="")


def test_the_paths_of_neighbours_read_each_node_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for position in range(4):
        opened(world, position)
    log, node, read = log_of(world), WitnessLog._node, list[Coordinates]()

    def noted(self: WitnessLog, at: Coordinates) -> bytes:
        read.append(at)
        return node(self, at)

    monkeypatch.setattr(WitnessLog, "_node", noted)
    log.inclusions(range(log.size()), log.size())
    assert len(read) > log.size()
    assert len(read) == len(set(read))


def copied(world: World) -> list[tuple[float, float]]:
    """Copies a log leaf by leaf from a peer that takes its time; when each leaf was asked for, and when it came."""
    log, spans = log_of(world), list[tuple[float, float]]()
    size = log.size()

    async def post(*asked: Any) -> LeavesAnswer:
        began = time.monotonic()
        await asyncio.sleep(0.1)
        ((index, entry),), (path,) = log.entries(asked[2].start, 1), log.inclusions([asked[2].start], size)
        spans.append((began, time.monotonic()))
        return LeavesAnswer(next=index + 1, leaves=(LoggedLeaf(index=index, entry=entry, path=path),))

    keeper = SimpleNamespace(_store=world.servers[2].store, _client=SimpleNamespace(post=post))
    checkpoint: Any = SimpleNamespace(size=size, root=log.root(size))
    asyncio.run(Witness._copy(keeper, world.directory.keyservers[0], checkpoint))  # type: ignore[arg-type]
    assert len(spans) == size
    return spans


def a_copy_rests(world: World) -> None:
    for position in range(4):
        opened(world, position)
    spans = copied(world)
    for (asked, came), (asked_again, _) in pairwise(spans):
        assert asked_again - came >= min(2 * (came - asked), COPY_REST_SECONDS_MAX)


def test_who_copies_a_log_rests_longer_than_it_waited(world: World) -> None:
    a_copy_rests(world)


def test_a_copy_that_does_not_rest_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Witness, "_copy", edited(Witness, "_copy", "took * COPY_REST", "0.0"))
    with pytest.raises(AssertionError):
        a_copy_rests(world)


def test_an_undone_opening_leaves_no_trace_in_the_tree(world: World) -> None:
    opened(world)
    log, store = log_of(world), world.servers[1].store
    size, root = log.size(), log.root(log.size())
    undone(store, lambda: log.append(b"to be undone", None))
    assert (log.size(), log.root(size)) == (size, root)
    opened(world, 1)
    (path,) = log.inclusions([size], log.size())
    entry = log.entries(size, 1)[0][1]
    verify_inclusion(leaf_hash(entry), index=size, size=log.size(), root=log.root(log.size()), path=path, culprit="")


def test_an_hourly_key_whose_entry_was_undone_is_not_used(world: World) -> None:
    server = world.servers[1]
    started = world.opening(world.known(world.covered()))
    entry = world.directory.insurer(AMC)
    assert entry is not None
    to_insurer = [(hpke.BoxPublicKey(entry.claims_key),)]
    undone(server.store, lambda: server.scribe._hour_key(AMC, world.now // 3_600, to_insurer, server.store))
    started.take(*world.open_at(started, 1))
    written = opening_of(world)
    key = KeyEntry.decode(entries(world)[written.insurer_key])
    assert key.recipient == AMC


# --- who reads what --------------------------------------------------------------------------------


def insurer_part(world: World, amc: str = AMC) -> list[bytes]:
    """Opens the part of the last opening that an insurer may read."""
    found = opening_of(world)
    sealed = KeyEntry.decode(entries(world)[found.insurer_key])
    claims = world.insurers[amc].keys.claims
    key = claims.open(sealed.boxes[0], Label.LOG_KEY_BOX, world.names()[1], AMC, sealed.hour, culprit="")
    nonce, body = found.insurer_part[:12], found.insurer_part[12:]
    return dec(Label.LOG_INSURER_PART, ChaCha20Poly1305(key).decrypt(nonce, body, found.commitment), 3)


def test_the_insurer_reads_label_and_shop(world: World) -> None:
    opened(world)
    label, _, shop = insurer_part(world)
    record = world.known_to_insurer(world.covered())
    assert bytes(record.handle) in label
    assert shop.rstrip(b"\0").decode() == world.device.shop


def test_another_insurer_reads_nothing(world: World) -> None:
    opened(world)
    with pytest.raises(ProofFailure):
        insurer_part(world, OTHER_AMC)
    own = [entry for entry in entries(world) if concerns(entry, AMC)]
    assert len(own) == 2  # its hourly key, its opening
    assert not [entry for entry in entries(world) if concerns(entry, OTHER_AMC)]


def unsealed(world: World, pair: tuple[int, int]) -> list[bytes]:
    """Opens the custodians' part of the last opening with two custodians, one after the other."""
    found = opening_of(world)
    sealed = KeyEntry.decode(entries(world)[found.custodian_key])
    places = {(0, 1): 0, (0, 2): 1, (1, 2): 2}
    content = sealed.boxes[places[pair]]
    for custodian in pair:
        content = world.custodians[custodian].open(
            content, Label.LOG_KEY_BOX, world.names()[1], CUSTODIANS, sealed.hour, culprit=""
        )
    nonce, body = found.custodian_part[:12], found.custodian_part[12:]
    return dec(Label.LOG_CUSTODIAN_PART, ChaCha20Poly1305(content).decrypt(nonce, body, found.commitment), 2)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_any_two_custodians_read_professional_and_device(pair: tuple[int, int], world: World) -> None:
    opened(world)
    professional, keyid = unsealed(world, pair)
    assert (professional.rstrip(b"\0").decode(), keyid.decode()) == (world.device.professional, world.device.keyid)


def test_one_custodian_reads_nothing(world: World) -> None:
    opened(world)
    sealed = KeyEntry.decode(entries(world)[opening_of(world).custodian_key])
    for custodian in world.custodians:
        for box in sealed.boxes:
            try:
                half = custodian.open(box, Label.LOG_KEY_BOX, world.names()[1], CUSTODIANS, sealed.hour, culprit="")
            except ProofFailure:
                continue
            found = opening_of(world)
            with pytest.raises((InvalidTag, ValueError)):
                ChaCha20Poly1305(half[:32]).decrypt(
                    found.custodian_part[:12], found.custodian_part[12:], found.commitment
                )


def test_a_part_moved_to_another_leaf_does_not_open(world: World) -> None:
    opened(world)
    opened(world, 1)
    first, second = opening_of(world, 0), opening_of(world, 1)
    sealed = KeyEntry.decode(entries(world)[first.insurer_key])
    claims = world.insurers[AMC].keys.claims
    key = claims.open(sealed.boxes[0], Label.LOG_KEY_BOX, world.names()[1], AMC, sealed.hour, culprit="")
    with pytest.raises(InvalidTag):
        ChaCha20Poly1305(key).decrypt(first.insurer_part[:12], first.insurer_part[12:], second.commitment)


def test_an_hour_has_one_key_and_the_next_hour_another(world: World) -> None:
    opened(world)
    opened(world, 1)
    assert opening_of(world, 0).insurer_key == opening_of(world, 1).insurer_key
    world.now += 3_600
    opened(world, 2)
    assert opening_of(world).insurer_key != opening_of(world, 0).insurer_key


def test_shops_and_professionals_have_one_length(world: World) -> None:
    server = world.servers[1]
    names = Pseudonyms(professional=bytes(32), subject=bytes(32))
    lengths = set()
    for number in ("5", "80000000001", "x" * 64):
        device = Device(public=world.device.public, professional=number, shop=number)
        with server.store.commit():
            server.scribe.opening(device, AMC, b"label", world.rng(32), names, server.store, world.now)
        written = opening_of(world)
        lengths.add((len(written.insurer_part), len(written.custodian_part)))
    assert len(lengths) == 1


ENTRIES: list[Callable[[bytes], bytes]] = [
    lambda entry: entry[:-1], lambda entry: entry + b"\0", lambda entry: b"\0" + entry, lambda _: b"",
    lambda entry: entry.replace(Label.LOG_ENTRY.value, Label.LOG_KEY_ENTRY.value[:20]),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(ENTRIES)))
def test_an_altered_entry_is_not_decoded(place: int, world: World) -> None:
    opened(world)
    entry = entries(world)[-1]
    assert OpeningEntry.decode(entry).encode() == entry
    with pytest.raises(ParaventError):
        OpeningEntry.decode(ENTRIES[place](entry))


def test_the_log_outlives_the_counts(world: World) -> None:
    opened(world)
    before = entries(world)
    world.servers[1].store.forget(world.now + 100 * DAY)
    assert entries(world) == before


# --- counts from the log ---------------------------------------------------------------------------


def lost(world: World) -> None:
    """Somebody empties the table of what was spent."""
    world.servers[1].store._connection.execute("DELETE FROM spending")


def left(world: World) -> int:
    return world.servers[1].store.remaining(QuotaKind.OPENING, world.device, world.now)


def test_counts_that_were_emptied_come_back_from_the_log(world: World) -> None:
    before = left(world)
    for position in range(3):
        opened(world, position)
    lost(world)
    assert left(world) == before  # the quota was refilled
    assert world.servers[1].store.recount(world.now) == 3
    assert left(world) == before - 3
    assert world.servers[1].store.recount(world.now) == 0  # nothing is counted twice


def test_a_repeat_counts_once_when_it_comes_back(world: World) -> None:
    before = left(world)
    opened(world)
    opened(world)
    lost(world)
    world.servers[1].store.recount(world.now)
    assert left(world) == before - 1


def test_what_is_older_than_a_day_does_not_come_back(world: World) -> None:
    before = left(world)
    opened(world)
    world.now += 25 * 3_600 + 3_600
    world.servers[1].store.forget(world.now)
    assert world.servers[1].store.recount(world.now) == 0
    assert left(world) == before


def test_counting_again_changes_nothing_when_nothing_is_missing(world: World) -> None:
    opened(world)
    before = left(world)
    assert world.servers[1].store.recount(world.now) == 0
    assert left(world) == before
