"""What an insurer does when servers are away, late or lying: the same deal again, a new batch, a notice that waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, HORIZON, KeyServer, World

from paravent.access.quotas import QuotaLimits
from paravent.crypto.labels import Label
from paravent.errors import EpochNotLive, ParaventError, TooFewServers, Unreachable
from paravent.insurer.config import InsurerConfig
from paravent.insurer.deal_client import Dealing
from paravent.insurer.epoch_store import EPOCH_ROW
from paravent.insurer.store import Store
from paravent.keyserver import deal
from paravent.keyserver.store import Store as KeyServerStore
from paravent.wire.codec import decode, encode
from paravent.wire.deal import DealBox
from paravent.wire.publication import PublicationState
from paravent.wire.statements import Directory, ManifestHead, Receipt, Signed, sign_statement

M = TypeVar("M")
FIRST, SECOND, THIRD = "keyserver-1", "keyserver-2", "keyserver-3"


@dataclass(slots=True)
class Network:
    """Key servers and a hub, reached without HTTP: who is away, who lies, what was sent."""

    servers: dict[str, KeyServer]
    directory: Directory
    away: set[str] = field(default_factory=set)
    lying: set[str] = field(default_factory=set)
    stale_box_keys: dict[str, Signed] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, party: str, url: str, kind: type[M], **_: int) -> M:
        """Answers a box key, once a former one when there is one."""
        self._require(party, url)
        server = self.servers[party]
        fresh = deal.box_key(server.identity, server.store.box_key.public, int(time.time()))
        return decode(encode(self.stale_box_keys.pop(party, fresh)), kind)

    async def post(self, party: str, _: str, path: str, message: object, kind: type[M], **__: int) -> M:
        """Answers as the party's service does; a liar signs receipts for something else."""
        self._require(party, path)
        if party == "hub":
            return decode(encode(PublicationState(rows=0, live=False)), kind)
        answer = self._answer(self.servers[party], path, message)
        if party in self.lying and path in {"/v1/epochs", "/v1/batches"}:
            answer = self._lie(self.servers[party], answer)
        return decode(encode(answer), kind)

    def _require(self, party: str, path: str) -> None:
        self.sent.append((party, path))
        if party in self.away:
            raise Unreachable(f"{party} does not answer")

    def _answer(self, server: KeyServer, path: str, message: Any) -> object:
        where, now = (server.identity, self.directory, server.store), int(time.time())
        if path == "/v1/epochs":
            return deal.take_epoch(decode(encode(message), DealBox), *where, now)
        if path == "/v1/batches":
            return deal.take_batch(decode(encode(message), DealBox), *where)
        if path == "/v1/heads":
            return deal.cosign_head(message, *where, now)
        cosignature = deal.take_closing(message, *where)
        server.store.delete_ended(now)
        return cosignature

    @staticmethod
    def _lie(server: KeyServer, answer: Any) -> Signed:
        said = decode(answer.payload, Receipt)
        other = changed(said, statement=bytes(32))
        return sign_statement(other, Label.RECEIPT, server.identity.name, server.identity.signing_key)


@dataclass(slots=True)
class Bench:
    """An insurer that has dealt nothing yet, and its network."""

    dealing: Dealing
    store: Store
    network: Network
    world: World

    def again(self, directory: Directory | None = None) -> Dealing:
        """The same insurer in another process, maybe with another directory."""
        settings = InsurerConfig(amc=AMC, name=HORIZON[AMC], synthetic=True, host="127.0.0.1", port=1)
        known = directory or self.network.directory
        client: Any = self.network
        return Dealing(settings, self.world.insurers[AMC].keys, known, self.store, client)

    def receipts(self, epoch: int, batch: int = EPOCH_ROW) -> int:
        """How many servers hold what was announced."""
        return len(self.store.epochs.announced(epoch)[batch].receipts)


@pytest.fixture
def bench(still: World, tmp_path: Path) -> Iterator[Bench]:
    servers = {}
    for server in still.servers.values():
        folder = tmp_path / server.identity.name
        folder.mkdir()
        servers[server.identity.name] = KeyServer(server.identity, KeyServerStore(folder, QuotaLimits(), still.rng))
    made = Bench(
        dealing=None, store=Store(tmp_path), network=Network(servers, still.directory), world=still  # type: ignore[arg-type]
    )  # fmt: skip
    made.dealing = made.again()
    yield made
    made.store.close()
    for server in servers.values():
        server.store.close()


def epoch_of(dealing: Dealing, *, following: bool = False) -> Any:
    return asyncio.run(dealing.epoch(following=following))


# --- epochs ----------------------------------------------------------------------------------


def test_a_deal_that_too_few_took_is_sent_again_as_it_was(bench: Bench) -> None:
    bench.network.away = {SECOND, THIRD}
    with pytest.raises(TooFewServers):
        epoch_of(bench.dealing)
    first = bench.store.epochs.drawn(1)
    bench.network.away = set()
    assert epoch_of(bench.again()) == first
    assert bench.receipts(1) == 3


def test_a_server_that_was_away_gets_its_share_later(bench: Bench) -> None:
    bench.network.away = {THIRD}
    epoch_of(bench.dealing)
    assert bench.receipts(1) == 2
    bench.network.away = set()
    bench.network.sent.clear()
    epoch_of(bench.again())
    assert bench.receipts(1) == 3
    assert {party for party, _ in bench.network.sent} == {THIRD}
    epoch_of(bench.again())
    assert len(bench.network.sent) == 2, "nobody is asked twice for what it holds"


def test_a_pending_epoch_is_the_following_one(bench: Bench) -> None:
    epoch_of(bench.dealing)
    bench.network.away = {FIRST, SECOND}
    with pytest.raises(TooFewServers):
        epoch_of(bench.dealing, following=True)
    bench.network.away = set()
    assert epoch_of(bench.again(), following=True).file.epoch == 2
    assert epoch_of(bench.again(), following=True).file.epoch == 3


def test_another_look_up_key_for_each_epoch(bench: Bench) -> None:
    first, second = epoch_of(bench.dealing), epoch_of(bench.dealing, following=True)
    assert first.lookup_key != second.lookup_key
    assert first.file.commitments[0] != second.file.commitments[0]


def test_an_ended_epoch_takes_no_publication(bench: Bench) -> None:
    epoch_of(bench.dealing)
    now = int(time.time())
    bench.dealing.close(1, None, ends_at=now, deletes_at=now)
    assert bench.store.epochs.drawn(1) is None
    with pytest.raises(EpochNotLive, match="rotate"):
        epoch_of(bench.again())
    assert epoch_of(bench.again(), following=True).file.epoch == 2


def test_look_up_keys_are_deleted_at_their_end(bench: Bench) -> None:
    end = epoch_of(bench.dealing).file.not_after
    assert bench.store.epochs.delete_ended(end - 1) == 0
    assert bench.store.epochs.delete_ended(end) == 1
    assert bench.store.epochs.drawn(1) is None


# --- batches ---------------------------------------------------------------------------------


def test_a_batch_number_is_used_once_whatever_becomes_of_it(bench: Bench) -> None:
    epoch = epoch_of(bench.dealing).file
    bench.network.away = {SECOND, THIRD}
    with pytest.raises(TooFewServers):
        asyncio.run(bench.dealing.batch(epoch))
    bench.network.away = set()
    assert asyncio.run(bench.again().batch(epoch)).file.batch == 2
    assert bench.receipts(1, 2) == 3


def test_boxes_follow_the_epoch_not_the_directory(bench: Bench) -> None:
    epoch = epoch_of(bench.dealing).file
    known = bench.network.directory
    turned = changed(known, keyservers=tuple(reversed(known.keyservers)))
    asyncio.run(bench.again(turned).batch(epoch))
    assert bench.receipts(1, 1) == 3


def test_no_opening_key_is_ever_written_by_the_insurer(bench: Bench, tmp_path: Path) -> None:
    drawn = asyncio.run(bench.dealing.batch(epoch_of(bench.dealing).file))
    written = [path.read_bytes() for path in tmp_path.glob("*") if path.is_file()]
    written += [path.read_bytes() for path in (tmp_path / "secrets").glob("*")]
    assert written
    for key in drawn.keys.values():
        assert not any(key.reveal() in content or encode(key.reveal())[1:-1] in content for content in written)


# --- box keys, lies --------------------------------------------------------------------------


def test_a_box_key_that_changed_meanwhile_is_asked_for_again(bench: Bench) -> None:
    server = bench.network.servers[FIRST]
    bench.network.stale_box_keys[FIRST] = deal.box_key(server.identity, server.store.box_key.public, int(time.time()))
    server.store._rotate_box_key()
    epoch_of(bench.dealing)
    assert bench.receipts(1) == 3


def test_a_lying_receipt_is_left_out(bench: Bench) -> None:
    bench.network.lying = {SECOND}
    epoch_of(bench.dealing)
    assert bench.receipts(1) == 2
    assert {receipt.signer for receipt in bench.store.epochs.announced(1)[EPOCH_ROW].receipts} == {FIRST, THIRD}
    bench.network.lying = {FIRST, SECOND}
    with pytest.raises(TooFewServers):
        asyncio.run(bench.dealing.batch(epoch_of(bench.dealing).file))


def test_a_server_that_left_the_directory_is_not_asked(bench: Bench) -> None:
    epoch = epoch_of(bench.dealing).file
    known = bench.network.directory
    bench.network.sent.clear()
    asyncio.run(bench.again(changed(known, keyservers=known.keyservers[:2])).batch(epoch))
    assert {party for party, _ in bench.network.sent} == {FIRST, SECOND}


# --- heads -----------------------------------------------------------------------------------


def head(bench: Bench, counter: int = 1) -> Signed:
    message = ManifestHead(
        insurer=AMC, epoch=1, counter=counter, count=0, root=bytes(32), issued_at=int(time.time()), live_batches=()
    )
    return bench.world.insurers[AMC].sign(message, Label.MANIFEST_HEAD)


def test_a_head_has_the_cosignatures_of_t_servers(bench: Bench) -> None:
    epoch = epoch_of(bench.dealing).file
    bench.network.away = {THIRD}
    assert len(asyncio.run(bench.dealing.cosigned_head(head(bench), epoch)).cosignatures) == 2
    bench.network.away = {SECOND, THIRD}
    with pytest.raises(TooFewServers):
        asyncio.run(bench.dealing.cosigned_head(head(bench, 2), epoch))


# --- ends ------------------------------------------------------------------------------------


def test_a_notice_waits_for_who_was_away(bench: Bench) -> None:
    epoch_of(bench.dealing)
    now = int(time.time())
    bench.network.away = {THIRD, "hub"}
    bench.dealing.close(1, None, ends_at=now, deletes_at=now)
    assert asyncio.run(bench.dealing.announce_closings()) == {"hub": 1, THIRD: 1}
    assert bench.network.servers[THIRD].store.share(AMC, 1) is not None
    bench.network.away = set()
    assert asyncio.run(bench.again().end_due()) == 0
    assert asyncio.run(bench.again().announce_closings()) == {}
    assert [server.store.share(AMC, 1) for server in bench.network.servers.values()] == [None] * 3


def test_an_earlier_end_is_announced_again(bench: Bench) -> None:
    """Rotation gives 48 hours; after a theft the insurer ends the same epoch at once."""
    epoch_of(bench.dealing)
    now = int(time.time())
    bench.dealing.close(1, None, ends_at=now, deletes_at=now + 48 * 3_600)
    assert asyncio.run(bench.dealing.announce_closings()) == {}
    share = bench.network.servers[FIRST].store.share(AMC, 1)
    assert share is not None
    assert share.ends_at == now
    bench.dealing.close(1, None, ends_at=now, deletes_at=now)
    assert asyncio.run(bench.dealing.announce_closings()) == {}
    assert bench.network.servers[FIRST].store.share(AMC, 1) is None


def test_the_notice_of_a_batch_stands_for_those_before(bench: Bench) -> None:
    epoch = epoch_of(bench.dealing).file
    now = int(time.time())
    for number in (1, 2, 3):
        asyncio.run(bench.dealing.batch(epoch))
        bench.dealing.close(1, number, ends_at=now, deletes_at=now)
    assert len(bench.store.epochs.closings_for(FIRST)) == 1
    asyncio.run(bench.dealing.announce_closings())
    kept = bench.network.servers[FIRST].store
    assert [kept.batch(AMC, 1, number) for number in (1, 2, 3)] == [None] * 3
    assert kept.share(AMC, 1) is not None


def test_an_error_of_the_code_is_not_a_server_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(deal, "take_epoch", broken)
    with pytest.raises(RuntimeError):
        epoch_of(bench.dealing)
    assert not issubclass(RuntimeError, ParaventError)
