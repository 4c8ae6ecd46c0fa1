"""The next key of a party: announced by the present one, in use once a directory lists it, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from tests.unit.crypto.examples import seeded
from tests.unit.parties.world import World

from paravent.access.next_key_store import KeyFile
from paravent.access.store import write_secret
from paravent.errors import ProofFailure
from paravent.wire.directory import Keys, require_successor
from paravent.wire.statements import Directory, Signed

SIGNER: Keys = {"directory": (bytes(32),)}


@pytest.fixture
def file(tmp_path: Path, still: World) -> KeyFile:
    """The key file of the first key server of a platform."""
    path = tmp_path / "secrets" / "signing.key"
    write_secret(path, still.servers[1].identity.signing_key.seed().reveal())
    return KeyFile(party=still.names()[1], path=path)


def listing(known: Directory, key: bytes, change: Signed | None) -> Directory:
    """The next directory, in which the first key server has a key."""
    first, *others = known.keyservers
    return changed(
        known, version=known.version + 1, keyservers=(changed(first, verify_key=key), *others),
        changes=() if change is None else (change,),
    )  # fmt: skip


def test_a_change_leads_from_the_present_key_to_the_next(still: World, file: KeyFile) -> None:
    drawn, change = file.draw((), seeded(101))
    following = listing(still.directory, drawn.public, change)
    require_successor((still.directory, SIGNER), (following, SIGNER))
    with pytest.raises(ProofFailure):
        require_successor((still.directory, SIGNER), (listing(still.directory, drawn.public, None), SIGNER))


def test_drawn_again_it_is_the_same_key(file: KeyFile) -> None:
    assert file.draw((), seeded(101))[1] == file.draw((), seeded(102))[1]


def test_it_is_in_use_once_a_directory_lists_it(still: World, file: KeyFile) -> None:
    present = file.present().public
    drawn, _ = file.draw((), seeded(101))
    assert file.present().public == present != drawn.public
    assert not file.take(still.directory)
    assert not file.take(changed(still.directory, keyservers=still.directory.keyservers[1:]))
    assert file.present().public == present
    assert file.take(listing(still.directory, drawn.public, None))
    assert (file.present().public, file.upcoming()) == (drawn.public, None)
    assert not file.take(listing(still.directory, drawn.public, None))
    assert [path.name for path in file.path.parent.iterdir()] == ["signing.key"]


def test_further_keys_stay_as_they_are(still: World, file: KeyFile) -> None:
    """An insurer changes the key that signs, not those to which parties have sealed."""
    insurer = next(iter(still.insurers.values()))
    own = KeyFile(party=insurer.amc, path=file.path.with_name("issuer.key"))
    write_secret(own.path, insurer.keys.issuer.seed().reveal())
    drawn, change = own.draw((insurer.entry.claims_key, insurer.entry.payments_key), seeded(103))
    entries = tuple(
        changed(entry, issuer_key=drawn.public) if entry.amc == insurer.amc else entry
        for entry in still.directory.insurers
    )
    following = changed(still.directory, version=2, insurers=entries, changes=(change,))
    require_successor((still.directory, SIGNER), (following, SIGNER))
