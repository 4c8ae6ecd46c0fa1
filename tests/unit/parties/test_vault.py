"""What a dump of the hub's database does not show: decisions, shops, what an act was and how it ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests import engines
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, World

from paravent.errors import StorageDown
from paravent.hub.store import DATABASE
from paravent.hub.vault import ActId, DatabaseKey

pytestmark = engines.BOTH

CONTENT = b"a decision"


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop that reserved, claimed, and was refused a second reservation."""
    bought = Shop.of(world, world.covered())
    bought.send(bought.reservation())
    bought.send(bought.claim()[0])
    bought.send(bought.reservation())
    return bought


def kept(key: DatabaseKey, act: ActId, world: World) -> bytes:
    return key.seal(act, CONTENT, world.rng)


def test_a_kept_decision_comes_back(still: World) -> None:
    key = DatabaseKey(still.rng(32))
    act = key.act("device", bytes(16))
    assert key.open(act, kept(key, act, still)) == CONTENT


ALTERED: dict[str, Callable[[bytes], bytes]] = {
    "a bit of the nonce": lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:],
    "a bit of the content": lambda sealed: sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:],
    "shorter": lambda sealed: sealed[:-1],
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_decision_is_never_shown(kind: str, still: World) -> None:
    key = DatabaseKey(still.rng(32))
    act = key.act("device", bytes(16))
    with pytest.raises(StorageDown):
        key.open(act, ALTERED[kind](kept(key, act, still)))


def test_a_decision_moved_to_another_act_is_never_shown(still: World) -> None:
    key = DatabaseKey(still.rng(32))
    sealed = kept(key, key.act("device", bytes(16)), still)
    with pytest.raises(StorageDown):
        key.open(key.act("device", bytes([1] * 16)), sealed)


def test_names_differ_by_key_and_by_what_they_name(still: World) -> None:
    one, two = DatabaseKey(still.rng(32)), DatabaseKey(still.rng(32))
    names = [
        name for key in (one, two)
        for name in (key.right(AMC, bytes(16)), key.holder(AMC), key.act(AMC, bytes(16)), key.claim(bytes(16)))
    ]  # fmt: skip
    assert len(set(names)) == len(names)


def dump(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Every table of the hub's database."""
    connection = world.hub_store._connection
    names = engines.tables(world.home / "hub" / DATABASE)
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608


def test_every_record_has_one_length_whatever_it_is(shop: Shop) -> None:
    tables = dump(shop.world)
    # Three acts, one right, one claim: nothing tells them apart.
    assert (len(tables["event"]), len(tables["record"])) == (3, 5)
    for table in ("event", "record"):
        lengths = {tuple(len(value) for value in line if isinstance(value, bytes)) for line in tables[table]}
        assert len(lengths) == 1


def test_the_trade_tables_name_no_shop_and_no_amount(shop: Shop) -> None:
    tables = dump(shop.world)
    trade = b"".join(
        value if isinstance(value, bytes) else str(value).encode()
        for name in ("event", "record") for line in tables[name] for value in line
    )  # fmt: skip
    for shown in (
        shop.device.shop, shop.device.professional, shop.device.keyid, str(shop.quoted.quote.amc_cents), "accepted",
        "refused", 'consume"', "consumed", "reserved", "renewal-not-due", shop.entitled.part.guarantee,
    ):  # fmt: skip
        assert shown.encode() not in trade
    assert shop.entitled.part.nullifier not in trade


def test_the_search_finds_what_is_there(shop: Shop) -> None:
    """The control: the insurer of an event is in clear, and the threat model says so."""
    assert {line[1] for line in dump(shop.world)["event"]} == {AMC}
