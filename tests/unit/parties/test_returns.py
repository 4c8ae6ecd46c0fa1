"""What is given back to a hub is what a loss can have taken, and costs nobody else anything (protocol.md 18.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests import engines
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto.signing import SigningKey
from paravent.errors import HubRecovering, StorageDown
from paravent.hub import recovery_store
from paravent.hub import reopening as deciding_again
from paravent.hub.books import Books
from paravent.hub.recovery_store import KeptReturn
from paravent.hub.reopening import Reopening
from paravent.hub.returns import Applied, Returns, Verified
from paravent.wire.claims import Act, ActDetail, Outcome, read_detail
from paravent.wire.codec import encode
from paravent.wire.recovery import RETURNS_OVERLAP_SECONDS, ReturnedAct
from paravent.wire.statements import Directory, Signed

pytestmark = engines.WITH_SHARDS

RESTORED_AFTER = 60


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop with a customer whose equipment is payable."""
    return Shop.of(world, world.covered())


def returns(world: World, directory: Directory | None = None) -> Returns:
    return Returns(identity=world.hub, directory=directory or world.directory)


def detail(shop: Shop, act: Act, signed: Signed) -> bytes:
    return encode(ActDetail(
        act=act, device_key=shop.device.public, professional=shop.device.professional, shop=shop.device.shop,
        decision=signed, padding="",
    ))  # fmt: skip


def lose(world: World, *, since: int | None = None) -> None:
    """Loses acts and events, and begins a restoration."""
    store = world.hub_store
    with store.commit():
        store._connection.execute("DELETE FROM record")
        store._connection.execute("DELETE FROM event")
        store.recovery.begin(world.now if since is None else since, world.now + RESTORED_AFTER)


def take(world: World, one: Verified) -> Applied:
    with world.hub_store.commit():
        return returns(world).take(one, world.hub_store, world.rng)


def reopen(world: World, told: Callable[[int], None] = lambda _: None) -> tuple[int, int]:
    reopening = Reopening(returns=returns(world), store=world.hub_store, rng=world.rng, told=told)
    done = reopening.run(world.now + RESTORED_AFTER + 1)
    return done.taken, done.conflicting


def test_an_insurer_takes_no_number_that_nobody_was_told(world: World, shop: Shop) -> None:
    act = shop.reservation()
    given = ReturnedAct(number=2**53 - 1, detail=detail(shop, act, shop.send(act)))
    lose(world)
    one = returns(world).of_insurer(given, world.insurers[AMC].entry)
    assert take(world, one) is Applied.REFUSED
    reopen(world)
    with world.hub_store.commit():
        world.hub_store.claims.add_event(OTHER_AMC, 202601, b"", b"", above=world.hub_store.recovery.events_above)
    (event,) = world.hub_store.claims.events(OTHER_AMC, 0).events
    assert event.number < 2**53 - 1


def test_an_event_whose_number_another_insurer_took_is_kept(world: World) -> None:
    claims = world.hub_store.claims
    with world.hub_store.commit():
        claims.put_event(5, 0, AMC, 202601, b"a", b"a")
        claims.put_event(5, 0, OTHER_AMC, 202601, b"b", b"b")
    assert [event.detail for event in claims.events(OTHER_AMC, 0).events] == [b"b"]


def test_a_hub_that_lost_nothing_takes_nothing_back(world: World, shop: Shop) -> None:
    act = shop.reservation()
    given = detail(shop, act, shop.send(act))
    entry = world.insurers[AMC].entry
    # Under another device key it has another name, and would be a second act.
    forged = encode(changed(_read(given), device_key=SigningKey.generate(world.rng).public))
    one = returns(world).of_insurer(ReturnedAct(number=None, detail=forged), entry)
    before = len(world.hub_store.claims.events(AMC, 0).events)
    assert take(world, one) is Applied.REFUSED
    assert len(world.hub_store.claims.events(AMC, 0).events) == before


def test_only_what_was_decided_between_backup_and_restoration_is_taken(world: World, shop: Shop) -> None:
    act = shop.reservation()
    given = ReturnedAct(number=None, detail=detail(shop, act, shop.send(act)))
    one = returns(world).of_device(given, shop.device)
    for since, outcome in ((world.now + 601, Applied.REFUSED), (world.now + 600, Applied.TAKEN)):
        lose(world, since=since)
        assert take(world, one) is outcome
        reopen(world)
    lose(world)
    later = changed(one.decision, decided_at=world.now + RESTORED_AFTER + 1)
    replayed = Verified(detail=one.detail, decision=later, name=one.name, event=one.event)
    assert take(world, replayed) is Applied.REFUSED


def test_spaces_in_a_body_do_not_keep_its_decision_from_being_given_back(world: World, shop: Shop) -> None:
    act = shop.reservation()
    body = json.dumps(json.loads(encode(act)), indent=1).encode()
    base_url, path = world.hub.base_url, "/v1/acts"
    headers, _ = sign_request(
        method="POST", base_url=base_url, path=path, body=body, key=shop.key, now=world.now, nonce=new_nonce(world.rng)
    )
    request = HttpRequest(
        method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
    )
    admitted = world.adjudicator().admit(request, world.hub_store, world.now)
    with world.hub_store.commit(), world.hub_store.request():
        signed = world.adjudicator().decide(admitted, world.hub_store, world.now, world.rng)
    returns(world).of_device(ReturnedAct(number=None, detail=detail(shop, act, signed)), shop.device)


def test_an_insurer_that_changes_its_key_loses_no_act(world: World, shop: Shop) -> None:
    act = shop.reservation()
    given = ReturnedAct(number=None, detail=detail(shop, act, shop.send(act)))
    entry = changed(world.insurers[AMC].entry, issuer_key=SigningKey.generate(world.rng).public)
    directory = changed(world.directory, insurers=tuple(
        entry if one.amc == AMC else one for one in world.directory.insurers
    ))  # fmt: skip
    lose(world)
    take(world, returns(world, directory).of_device(given, shop.device))
    assert reopen(world) == (1, 0)


def test_of_one_second_a_right_is_reserved_before_it_is_consumed(world: World, shop: Shop) -> None:
    acts = [shop.reservation(), shop.claim()[0]]
    given = [detail(shop, act, shop.send(act)) for act in acts]
    lose(world)
    taken = [returns(world).of_device(ReturnedAct(number=None, detail=one), shop.device) for one in given]
    assert all(one.decision.outcome is Outcome.ACCEPTED for one in taken), [one.decision.reason for one in taken]
    # Whatever the names of the records are.
    names = sorted((one.name for one in taken), reverse=True)
    for one, name in zip(taken, names, strict=True):
        take(world, Verified(detail=one.detail, decision=one.decision, name=name, event=0))
    assert reopen(world) == (2, 0)


def a_second_loss_forgets_nobody(world: World, shop: Shop) -> None:
    """Who had not given back by the second loss is asked from as early as after the first, and is taken."""
    act = shop.reservation()
    given = ReturnedAct(number=None, detail=detail(shop, act, shop.send(act)))
    lose(world)
    reopen(world)
    with world.hub_store.commit():
        world.hub_store.recovery.begin(world.now + 2 * RETURNS_OVERLAP_SECONDS, world.now + DAY)
    assert world.hub_store.recovery.state().wanted_since == world.now
    assert take(world, returns(world).of_device(given, shop.device)) is Applied.TAKEN


def test_a_second_loss_forgets_nobody(world: World, shop: Shop) -> None:
    a_second_loss_forgets_nobody(world, shop)


def test_a_second_loss_that_forgets_is_noticed(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_store, "_earliest", lambda since, _: since)
    with pytest.raises(AssertionError):
        a_second_loss_forgets_nobody(world, shop)


# --- a piece at a time ---------------------------------------------------------------------------


def decided(world: World, customers: int = 2) -> list[tuple[Verified, Act]]:
    """Reservations and claims of several customers, decided second after second, then lost and given back."""
    shop, acts = Shop.of(world, world.covered()), []
    made = []
    for position in range(customers):
        shop = Shop.of(world, world.covered(position))
        for act in (shop.reservation(), shop.claim()[0]):
            world.now += 1
            made.append((shop, act, detail(shop, act, shop.send(act))))
    lose(world, since=world.now - len(made))
    for shop, act, given in made:
        one = returns(world).of_device(ReturnedAct(number=None, detail=given), shop.device)
        assert take(world, one) is Applied.TAKEN
        acts.append((one, act))
    return acts


def a_broken_reopening_goes_on_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle of each act in turn, a hub decides nothing, and has each act once in the end."""
    monkeypatch.setattr(deciding_again, "PIECE_ACTS", 2)
    acts = decided(world)
    keep = Books.keep
    for writes in range(1, 3 * len(acts)):
        with monkeypatch.context() as patched:
            left = iter(range(writes))

            def broken(books: Books, *given: object) -> None:
                if next(left, None) is None:  # noqa: B023 - called in this turn alone
                    raise StorageDown("killed here")
                keep(books, *given)  # type: ignore[arg-type]

            patched.setattr(Books, "keep", broken)
            try:
                reopen(world)
                break
            except StorageDown:
                with pytest.raises(HubRecovering):
                    world.hub_store.recovery.require_open()
    assert world.hub_store.recovery.waiting() == 0
    world.hub_store.recovery.require_open()
    assert reopen(world) == (len(acts), 0)
    books = Books(world.hub_store.claims, world.hub.database_key, world.rng)
    assert all(books.act(one.name) is not None for one, _ in acts)
    assert len(world.hub_store.claims.events(AMC, 0).events) == len(acts)


def test_a_broken_reopening_goes_on_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    a_broken_reopening_goes_on_and_doubles_nothing(world, monkeypatch)


def test_a_piece_that_is_no_transaction_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Reopening._piece

    def loose(reopening: Reopening, now: int) -> bool:
        with monkeypatch.context() as patched:
            patched.setattr(type(reopening.store), "commit", lambda _: nullcontext())
            return original(reopening, now)

    monkeypatch.setattr(Reopening, "_piece", loose)
    with pytest.raises(AssertionError):
        a_broken_reopening_goes_on_and_doubles_nothing(world, monkeypatch)


def test_memory_holds_a_piece_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding_again, "PIECE_ACTS", 2)
    acts, opened, pieces = decided(world), list[int](), list[int]()
    kept = world.hub_store.recovery._kept

    def counted(*given: Any) -> Sequence[KeptReturn]:
        found = kept(*given)
        opened.append(len(found))
        return found

    monkeypatch.setattr(world.hub_store.recovery, "_kept", counted)
    assert reopen(world, pieces.append) == (len(acts), 0)
    assert max(opened) == 2
    assert sum(pieces) == len(acts)


def test_of_a_crowded_second_every_act_that_fits_is_applied(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding_again, "PIECE_ACTS", 1)
    acts = [shop.reservation(), shop.claim()[0]]
    given = [detail(shop, act, shop.send(act)) for act in acts]
    second = ReturnedAct(number=None, detail=encode(changed(
        _read(given[0]), device_key=SigningKey.generate(world.rng).public
    )))  # fmt: skip
    lose(world)
    taken = [returns(world).of_device(ReturnedAct(number=None, detail=one), shop.device) for one in given]
    # The same reservation in another device's name does not fit beside the first, wherever it stands.
    taken.append(returns(world).of_insurer(second, world.insurers[AMC].entry))
    names = sorted((one.name for one in taken), reverse=True)
    for one, name in zip(taken, names, strict=True):
        take(world, Verified(detail=one.detail, decision=one.decision, name=name, event=0))
    assert reopen(world) == (3, 1)


def _read(body: bytes) -> ActDetail:
    read = read_detail(body)
    assert isinstance(read, ActDetail)
    return read
