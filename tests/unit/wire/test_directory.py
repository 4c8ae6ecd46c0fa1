"""Directories: who cosigned, which one follows which, and how a key changes (section 2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests.unit.crypto.examples import seeded
from tests.unit.crypto.mutation import FAILURES, edited

from paravent.access.cli import join as join_and_say
from paravent.access.cli import write_file
from paravent.access.config import DirectoryPin, join_directory, read_config, read_signed_directory, write_config
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, key_id
from paravent.errors import InvalidConfiguration, MalformedMessage, ProofFailure, StaleData, TooFewServers
from paravent.hub.cli import group as hub
from paravent.hub.config import sign_directory
from paravent.wire import cosignatures, directory
from paravent.wire.codec import Message
from paravent.wire.cosignatures import cosign
from paravent.wire.directory import Keys, quorum, sign_change, verify_directory
from paravent.wire.statements import (
    Cosigned,
    CustodianEntry,
    Directory,
    HubEntry,
    InsurerEntry,
    KeyChange,
    KeyServerEntry,
    Signed,
    cosigned,
    sign_statement,
)

NAMES = ("root", "hub", "one", "two", "three", "new", "other")
KEYS = {name: SigningKey.generate(seeded(place)) for place, name in enumerate(NAMES)}
SIGNER: Keys = {"root": (KEYS["root"].public,)}
AMC = "99000001"


def server(name: str, key: str | None = None) -> KeyServerEntry:
    return KeyServerEntry(
        name=name, address=f"http://{name}", verify_key=KEYS[key or name].public, operator=name, host=name,
        administrator=name,
    )  # fmt: skip


INSURER = InsurerEntry(
    amc=AMC, name="x", issuer_key=KEYS["other"].public, claims_key=b"claims", payments_key=b"payments", synthetic=True
)
FIRST = Directory(
    version=1, issued_at=1, hub=HubEntry(name="hub", address="http://hub", verify_key=KEYS["hub"].public),
    keyservers=(server("one"), server("two"), server("three")), insurers=(INSURER,),
)  # fmt: skip


def by(known: Directory, *names: str, keys: dict[str, str] | None = None) -> Cosigned:
    """Signs a directory and lets servers cosign it."""
    bare = sign_statement(known, Label.DIRECTORY, "root", KEYS["root"])
    return cosigned(bare, [cosign(bare, Label.DIRECTORY, name, KEYS[(keys or {}).get(name, name)]) for name in names])


def follows(known: Directory, new: Directory) -> None:
    directory.require_successor((known, SIGNER), (new, SIGNER))


# --- cosignatures ----------------------------------------------------------------------------


def more_than_half_cosign() -> None:
    """Two of three servers are enough, one is not, twice the same is one."""
    directory.require_cosigned(by(FIRST, "one", "three"), FIRST, None)
    for names in ((), ("one",), ("one", "one")):
        with pytest.raises(TooFewServers):
            directory.require_cosigned(by(FIRST, *names), FIRST, None)


def more_than_half_of_the_former_servers_cosign() -> None:
    """Whoever holds the directory key cannot put servers of its own in the place of the others."""
    new = changed(FIRST, version=2, keyservers=(server("one"), server("new"), server("other")))
    directory.require_cosigned(by(new, "one", "new"), new, None)
    with pytest.raises(TooFewServers):
        directory.require_cosigned(by(new, "one", "new", "other"), new, FIRST)
    new = changed(FIRST, version=2, keyservers=(server("one"), server("two"), server("new")))
    directory.require_cosigned(by(new, "one", "two"), new, FIRST)


def a_cosignature_is_of_one_server_and_one_statement() -> None:
    """A cosignature by another key, of a stranger or of something else is refused."""
    bare = sign_statement(FIRST, Label.DIRECTORY, "root", KEYS["root"])
    good = cosign(bare, Label.DIRECTORY, "one", KEYS["one"])
    for wrong in (
        cosign(bare, Label.DIRECTORY, "two", KEYS["new"]),
        cosign(bare, Label.DIRECTORY, "new", KEYS["new"]),
        cosign(bare, Label.MANIFEST_HEAD, "two", KEYS["two"]),
        cosign(changed(bare, payload=b"{}"), Label.DIRECTORY, "two", KEYS["two"]),
        changed(good, server="two"),
    ):
        with pytest.raises(ProofFailure):
            directory.require_cosigned(cosigned(bare, [good, wrong]), FIRST, None)


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_more_than_half_is_a_quorum(count: int, needed: int) -> None:
    entries = tuple(server(f"s{number}", "one") for number in range(count))
    assert quorum(changed(FIRST, keyservers=entries)) == needed


# --- successors ------------------------------------------------------------------------------


def a_version_never_goes_back() -> None:
    """An older directory is refused, and a second one of the same version."""
    second = changed(FIRST, version=2)
    follows(FIRST, second)
    follows(second, second)
    with pytest.raises(StaleData):
        follows(second, FIRST)
    with pytest.raises(ProofFailure):
        follows(second, changed(second, issued_at=2))


def with_key(party: str) -> Directory:
    """The next version, in which a party has another key."""
    match party:
        case "hub":
            return changed(FIRST, version=2, hub=changed(FIRST.hub, verify_key=KEYS["new"].public))
        case "one":
            return changed(FIRST, version=2, keyservers=(server("one", "new"), *FIRST.keyservers[1:]))
        case _:
            return changed(FIRST, version=2, insurers=(changed(INSURER, claims_key=b"CLAIMS"),))


def a_key_changes_by_the_word_of_the_former_one() -> None:
    """Every kind of key, unchanged otherwise: refused without the change, with another's, taken with its own."""
    for party, former in (("hub", "hub"), ("one", "one"), (AMC, "other")):
        new = with_key(party)
        keys = new.keys()[party]
        of_another = sign_statement(KeyChange(party="two", keys=keys), Label.KEY_CHANGE, party, KEYS[former])
        for changes in ((), (sign_change(party, keys, KEYS["two"]),), (of_another,)):
            with pytest.raises(ProofFailure, match=party):
                follows(FIRST, changed(new, changes=changes))
        follows(FIRST, changed(new, changes=(sign_change(party, keys, KEYS[former]),)))


def test_changes_are_followed_one_after_the_other() -> None:
    first = sign_change("one", (KEYS["other"].public,), KEYS["one"])
    second = sign_change("one", (KEYS["new"].public,), KEYS["other"])
    follows(FIRST, changed(with_key("one"), changes=(first, second)))
    with pytest.raises(ProofFailure):
        follows(FIRST, changed(with_key("one"), changes=(second, first)))


def test_a_change_to_keys_of_other_lengths_is_none() -> None:
    wrong = sign_change("one", (b"short",), KEYS["one"])
    with pytest.raises(ProofFailure):
        follows(FIRST, changed(with_key("one"), changes=(wrong,)))


def test_parties_come_and_go_without_a_change() -> None:
    follows(FIRST, changed(FIRST, version=2, keyservers=(*FIRST.keyservers[:2], server("new")), insurers=()))


def test_the_directory_key_changes_as_any_other() -> None:
    new = changed(FIRST, version=2)
    other: Keys = {"root": (KEYS["new"].public,)}
    with pytest.raises(ProofFailure, match="root"):
        directory.require_successor((FIRST, SIGNER), (new, other))
    announced = changed(new, changes=(sign_change("root", (KEYS["new"].public,), KEYS["root"]),))
    directory.require_successor((FIRST, SIGNER), (announced, other))


def test_two_parties_of_one_name_are_refused() -> None:
    for wrong in (
        changed(FIRST, keyservers=(server("one"), server("one", "two"))),
        changed(FIRST, keyservers=(server("hub", "one"),)),
    ):
        with pytest.raises(MalformedMessage):
            verify_directory(by(wrong), "root", KEYS["root"].public)


# --- negative controls -----------------------------------------------------------------------

Property = Callable[[], None]
PROPERTIES: tuple[Property, ...] = (
    more_than_half_cosign, more_than_half_of_the_former_servers_cosign,
    a_cosignature_is_of_one_server_and_one_statement, a_version_never_goes_back,
    a_key_changes_by_the_word_of_the_former_one,
)  # fmt: skip


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property) -> None:
    held()


@pytest.mark.parametrize(
    ("owner", "name", "old", "new", "broken"),
    [
        (cosignatures, "verify_cosignatures", "len(cosigners) < needed", "False", more_than_half_cosign),
        (
            cosignatures, "verify_cosignatures", "len(cosigners) < needed", "len(cosigned.cosignatures) < needed",
            more_than_half_cosign,
        ),
        (
            directory, "require_cosigned", "former is not None and", "False and",
            more_than_half_of_the_former_servers_cosign,
        ),
        (
            cosignatures, "verify_cosignature", "verify(key,", "(lambda *_, **__: None)(key,",
            a_cosignature_is_of_one_server_and_one_statement,
        ),
        (
            cosignatures, "_fields", "label.value", 'b""', a_cosignature_is_of_one_server_and_one_statement,
        ),
        (directory, "require_successor", "directory.version < former.version", "False", a_version_never_goes_back),
        (directory, "require_successor", "and directory != former", "and False", a_version_never_goes_back),
        (
            directory, "_leads", "return current == new", "return bool(changes)",
            a_key_changes_by_the_word_of_the_former_one,
        ),
        (
            directory, "_leads", "change.party == party and", "",
            a_key_changes_by_the_word_of_the_former_one,
        ),
    ],
    ids=range(9),
)  # fmt: skip
def test_the_property_notices_the_defect(
    owner: Any, name: str, old: str, new: str, broken: Property, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old == "return current == new":
        # It stands last in the function, and is also what ends the walk early.
        value: object = lambda _party, old, new, changes: old == new or bool(changes)  # noqa: E731
    else:
        value = edited(owner, name, old, new)
    monkeypatch.setattr(owner, name, value)
    if name == "verify_cosignatures":
        monkeypatch.setattr(directory, name, value)
    with pytest.raises(FAILURES):
        broken()


# --- joining ---------------------------------------------------------------------------------


class Joined(Message, frozen=True, kw_only=True):
    """A configuration that has a pin."""

    name: str = "x"
    directory: DirectoryPin | None = None


PIN = DirectoryPin(signer="root", key=KEYS["root"].public.hex())


def join(home: Path, statement: Signed, *, first: bool = False, **options: bool) -> Directory:
    """Joins a directory with what the home has."""
    if first:
        write_config(home, Joined())
    file = home.parent / "file"
    write_file(file, statement)
    return join_directory(home, read_config(home, Joined), file, PIN, **options)


def test_a_home_joins_successors_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    second = changed(FIRST, version=2)
    with pytest.raises(TooFewServers):
        join(home, by(second, "one"), first=True)
    assert join(home, by(second, "one"), cosigned=False) == second
    assert join(home, by(second, "one", "two")) == second
    with pytest.raises(StaleData):
        join(home, by(FIRST, "one", "two"))
    with pytest.raises(ProofFailure):
        join(home, by(changed(with_key("one"), version=3), "two", "three"))
    assert join(home, by(changed(with_key("one"), version=3), "two", "three"), anew=True).version == 3


def test_a_party_that_was_renamed_is_told_as_one_that_left_and_one_that_arrived(tmp_path: Path) -> None:
    """No change of keys shows it: the same address, another name, another key."""
    home = tmp_path / "home"
    join(home, by(FIRST, "one", "two"), first=True)
    renamed = changed(server("new"), address="http://three")
    custodian = CustodianEntry(name="custodian-1", box_key=b"box")
    second = changed(FIRST, version=2, keyservers=(*FIRST.keyservers[:2], renamed), custodians=(custodian,))
    write_file(tmp_path / "file", by(second, "one", "two"))
    said = join_and_say(home, read_config(home, Joined), tmp_path / "file", PIN)
    assert said.values["left"] == (f"key server three (key {key_id(KEYS['three'].public)})",)
    assert said.values["arrived"][0] == f"key server new (key {key_id(KEYS['new'].public)})"
    assert said.values["arrived"][1].startswith("custodian custodian-1 (key ")
    assert "left: key server three" in said.text
    third = changed(second, version=3, hub=changed(FIRST.hub, verify_key=KEYS["other"].public))
    assert directory.differences(second, third).changed == (f"hub hub (key {key_id(KEYS['other'].public)})",)
    assert directory.differences(FIRST, FIRST) == directory.Differences(left=(), arrived=(), changed=())


def test_the_directory_key_stands_outside_the_home_of_the_hub(tmp_path: Path) -> None:
    key = tmp_path / "elsewhere" / "directory.key"
    file, pin = sign_directory(key, FIRST, seeded(9))
    assert key.stat().st_mode & 0o077 == 0
    assert file.parent == key.parent
    assert sign_directory(key, FIRST, seeded(10))[1] == pin
    second = verify_directory(read_signed_directory(file), pin.signer, pin.verify_key())
    assert second.version == 2
    with pytest.raises(ProofFailure):
        sign_directory(key, with_key("one"), seeded(11))
    directory_verb: Any = hub.commands["directory"]
    with pytest.raises(InvalidConfiguration, match="outside"):
        directory_verb.callback.__wrapped__.__wrapped__(
            home=tmp_path / "hub", key=tmp_path / "hub" / "secrets" / "directory.key", keyservers=(), insurers=(),
            custodians=(), breach_desk=None, changes=(),
        )  # fmt: skip
