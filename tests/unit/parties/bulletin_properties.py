"""What holds of bulletins between breach desk, hub and desk, each a function that fails when it is not so."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import World

from paravent.access.devices import Device
from paravent.access.requests import Authenticated, HttpRequest, authority_of, new_nonce, sign_request
from paravent.breach.bulletins.draft import bulletin_of, from_kind
from paravent.breach.bulletins.store import shipped_templates
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.desk.store import Store as DeskStore
from paravent.errors import MalformedMessage, ProofFailure, RequestNotAuthentic, StaleData, UnknownDevice, UnknownParty
from paravent.hub import bulletins
from paravent.wire.bulletins import (
    BULLETINS_MAX,
    BULLETINS_PER_PULL_MAX,
    Acknowledgement,
    BulletinCounts,
    BulletinHead,
    BulletinList,
    KnownList,
    follow,
    open_list,
)
from paravent.wire.claims import PullRequest
from paravent.wire.codec import Message, encode
from paravent.wire.statements import Signed, open_statement, sign_statement


def _contents(count: int, title: str = "T") -> tuple[bytes, ...]:
    draft = from_kind(shipped_templates().of_attack("phishing"))
    draft = changed(draft, author="RSSI", fr=changed(draft.fr, title=title))
    return tuple(encode(bulletin_of(draft, number, 1_000 + number)) for number in range(1, count + 1))


def _head(world: World, contents: tuple[bytes, ...], at: int, key: SigningKey | None = None) -> Signed:
    digest = KnownList().digest
    for content in contents:
        digest = follow(digest, content)
    head = BulletinHead(count=len(contents), digest=digest, issued_at=at)
    return sign_statement(head, Label.BULLETIN_HEAD, "breach-desk", key or world.breach_key)


def _request(world: World, path: str, message: Message, key: SigningKey) -> tuple[HttpRequest, Authenticated]:
    base, body = world.hub.base_url, encode(message)
    headers, sent = sign_request(
        method="POST", base_url=base, path=path, body=body, key=key, now=world.now, nonce=new_nonce(world.rng)
    )
    request = HttpRequest(
        method="POST", authority=authority_of(base), target_uri=base + path, headers=headers, body=body
    )
    return request, sent


def _publish(
    world: World, contents: tuple[bytes, ...], after: int = 0, at: int = 5_000, key: SigningKey | None = None
) -> int:
    """Publishes what follows ``after`` under a head of all of ``contents``, as the hub's route does."""
    upload = BulletinList(head=_head(world, contents, at), bulletins=contents[after:])
    request, _ = _request(world, "/v1/bulletins", upload, key or world.breach_key)
    read = bulletins.read_upload(request, world.directory, world.hub, world.now)
    with world.hub_store.commit():
        return bulletins.publish(read, world.hub_store, world.directory).count


def _acknowledge(world: World, number: int, key: SigningKey) -> bool:
    request, _ = _request(world, "/v1/bulletins/acknowledgements", Acknowledgement(number=number), key)
    admitted = bulletins.admit_acknowledgement(request, world.hub_store, world.hub, world.now)
    with world.hub_store.commit():
        return bulletins.acknowledge(admitted, world.hub_store).first


def _counts(world: World, key: SigningKey | None = None) -> BulletinCounts:
    request, sent = _request(world, "/v1/bulletins/counts", PullRequest(after=0), key or world.breach_key)
    signed = bulletins.counts(request, world.hub_store, world.directory, world.hub, world.now)
    hub = world.directory.hub
    counted = open_statement(signed, BulletinCounts, Label.BULLETIN_COUNTS, hub.name, VerifyKey(hub.verify_key))
    assert counted.request == sent.digest
    return counted


def what_is_published_reaches_a_desk_whole(world: World) -> None:
    contents = _contents(BULLETINS_PER_PULL_MAX + 3)
    assert _publish(world, contents[:8]) == 8
    assert _publish(world, contents, after=8, at=5_001) == 11
    first, second = bulletins.serve(0, world.hub_store), bulletins.serve(8, world.hub_store)
    known, read = open_list(second.head, first.bulletins + second.bulletins, KnownList(), world.directory)
    assert [bulletin.number for bulletin in read] == list(range(1, 12))
    with DeskStore(Path(world.home)) as store:
        store.keep_bulletins(second.head, 1, first.bulletins + second.bulletins)
        assert store.bulletins.known() == known
        assert store.bulletins.all() == read


def only_the_breach_desk_publishes(world: World) -> None:
    contents = _contents(1)
    with pytest.raises(UnknownParty):
        _publish(world, contents, key=world.device_key)
    other = SigningKey.generate(world.rng)
    with pytest.raises(ProofFailure):
        open_list(_head(world, contents, 5_000, other), contents, KnownList(), world.directory)
    request, _ = _request(world, "/v1/bulletins", BulletinList(head=_head(world, contents, 1), bulletins=()), other)
    with pytest.raises((UnknownParty, RequestNotAuthentic)):
        bulletins.read_upload(request, world.directory, world.hub, world.now)


def a_list_never_goes_back(world: World) -> None:
    contents = _contents(3)
    known, _ = open_list(_head(world, contents, 5_000), contents, KnownList(), world.directory)
    with pytest.raises(StaleData):
        open_list(_head(world, contents[:2], 6_000), (), known, world.directory)
    with pytest.raises(StaleData):
        open_list(_head(world, contents, 4_999), (), known, world.directory)
    assert open_list(_head(world, contents, 6_000), (), known, world.directory)[0].issued_at == 6_000


def a_list_has_no_gap(world: World) -> None:
    contents = _contents(3)
    for kept in (contents[:2], contents[1:], (contents[0], contents[2])):
        with pytest.raises(ProofFailure, match="gap"):
            open_list(_head(world, contents, 5_000), kept, KnownList(), world.directory)


def a_bulletin_that_was_altered_is_refused(world: World) -> None:
    contents = _contents(2)
    altered = (_contents(1, "Payez ici")[0], contents[1])
    with pytest.raises(ProofFailure):
        open_list(_head(world, contents, 5_000), altered, KnownList(), world.directory)


def a_fork_is_refused(world: World) -> None:
    known, _ = open_list(_head(world, _contents(2), 5_000), _contents(2), KnownList(), world.directory)
    other = _contents(3, "Autre")
    with pytest.raises(ProofFailure):
        open_list(_head(world, other, 6_000), other[2:], known, world.directory)


def a_number_is_a_place(world: World) -> None:
    first, second = _contents(2)
    with pytest.raises(ProofFailure):
        open_list(_head(world, (second, first), 5_000), (second, first), KnownList(), world.directory)


def the_hub_only_adds(world: World) -> None:
    contents = _contents(3)
    _publish(world, contents)
    with pytest.raises((StaleData, ProofFailure)):
        _publish(world, contents[:2], at=6_000)
    with pytest.raises(ProofFailure):
        _publish(world, _contents(4, "Autre"), after=3, at=6_000)
    assert bulletins.serve(0, world.hub_store).bulletins == contents


def a_shop_counts_once_for_a_bulletin(world: World) -> None:
    _publish(world, _contents(2))
    colleague, other = SigningKey.generate(world.rng), SigningKey.generate(world.rng)
    world.enrol(Device(public=colleague.public, professional="80000000002", shop=world.device.shop))
    world.enrol(Device(public=other.public, professional="80000000003", shop="580000002"))
    assert [_acknowledge(world, 1, key) for key in (world.device_key, world.device_key, colleague)] == [
        True, False, False,
    ]  # fmt: skip
    found = _counts(world)
    assert (found.count, found.shops) == (2, 2)
    assert [(one.number, one.shops) for one in found.acknowledged] == [(1, 1)]
    _acknowledge(world, 1, other)
    assert [one.shops for one in _counts(world).acknowledged] == [2]


def only_an_enrolled_device_acknowledges_what_is_there(world: World) -> None:
    _publish(world, _contents(1))
    with pytest.raises(UnknownDevice):
        _acknowledge(world, 1, SigningKey.generate(world.rng))
    for number in (0, 2):
        with pytest.raises(MalformedMessage):
            _acknowledge(world, number, world.device_key)
    assert _counts(world).acknowledged == ()


def what_is_asked_after_the_last_possible_number_is_refused(world: World) -> None:
    _publish(world, _contents(1))
    assert bulletins.serve(BULLETINS_MAX, world.hub_store).bulletins == ()
    for number in (BULLETINS_MAX + 1, 2**70):
        with pytest.raises(MalformedMessage):
            bulletins.serve(number, world.hub_store)


def only_the_breach_desk_counts(world: World) -> None:
    with pytest.raises(UnknownParty):
        _counts(world, world.device_key)


def the_database_names_no_shop_that_acknowledged(world: World) -> None:
    _publish(world, _contents(1))
    _acknowledge(world, 1, world.device_key)
    rows = world.hub_store._connection.execute("SELECT shop FROM acknowledgement").fetchall()
    letterbox = world.hub.database_key.letterbox(world.device.shop)
    assert [len(bytes(shop)) for (shop,) in rows] == [32]
    assert all(bytes(shop) not in {letterbox, world.device.shop.encode()} for (shop,) in rows)
