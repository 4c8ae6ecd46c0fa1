"""Two files of one number never both find enough servers: t of them, and more than half (section 3)."""

from __future__ import annotations

from itertools import combinations

import pytest
from msgspec.structs import replace as changed
from tests.unit.crypto.examples import seeded

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import TooFewServers
from paravent.wire.cosignatures import cosign, verify_cosignatures
from paravent.wire.receipts import verify_receipts
from paravent.wire.statements import (
    Announced,
    Directory,
    EpochFile,
    HubEntry,
    KeyServerEntry,
    ManifestHead,
    Receipt,
    Signed,
    cosigned,
    sign_statement,
)

AMC = "99000001"
NAMES = [f"keyserver-{number}" for number in range(1, 8)]
KEYS = {name: SigningKey.generate(seeded(place)) for place, name in enumerate([*NAMES, "hub", AMC])}
DIRECTORY = Directory(
    version=1, issued_at=1, hub=HubEntry(name="hub", address="http://hub", verify_key=KEYS["hub"].public),
    keyservers=tuple(
        KeyServerEntry(
            name=name, address=f"http://{name}", verify_key=KEYS[name].public, operator=name, host=name,
            administrator=name,
        ) for name in NAMES
    ),
    insurers=(),
)  # fmt: skip


def epoch_of(servers: int, threshold: int) -> EpochFile:
    return EpochFile(
        insurer=AMC, epoch=1, not_before=0, not_after=10, threshold=threshold, servers=tuple(NAMES[:servers]),
        commitments=(),
    )  # fmt: skip


def announced(epoch: EpochFile, not_before: int, servers: list[str]) -> Announced:
    """One of two files of an epoch, with the receipts of some servers."""
    file = changed(epoch, not_before=not_before)
    statement = sign_statement(file, Label.EPOCH, AMC, KEYS[AMC])
    return Announced(statement=statement, receipts=tuple(_receipt(name, statement) for name in servers))


def _receipt(name: str, statement: Signed) -> Signed:
    receipt = Receipt(server=name, insurer=AMC, epoch=1, batch=None, statement=statement.digest())
    return sign_statement(receipt, Label.RECEIPT, name, KEYS[name])


def both_found(servers: int, threshold: int) -> bool:
    """Says whether two epoch files can both be receipted enough, when each server receipts one of them."""
    epoch = epoch_of(servers, threshold)
    for size in range(servers + 1):
        for first in combinations(epoch.servers, size):
            second = [name for name in epoch.servers if name not in first]
            try:
                verify_receipts(announced(epoch, 0, list(first)), epoch, None, DIRECTORY)
                verify_receipts(announced(epoch, 1, second), epoch, None, DIRECTORY)
            except TooFewServers:
                continue
            return True
    return False


@pytest.mark.parametrize(("servers", "threshold"), [(2, 2), (3, 2), (4, 2), (5, 2), (5, 3), (6, 3)])
def test_two_epoch_files_of_one_number_never_both_find_enough(servers: int, threshold: int) -> None:
    assert not both_found(servers, threshold)


def test_with_t_alone_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: four servers, t = 2."""
    monkeypatch.setattr(EpochFile, "quorum", lambda epoch: epoch.threshold)
    assert both_found(4, 2)


def test_the_quorum_is_t_and_more_than_half() -> None:
    quorums = {(servers, threshold): epoch_of(servers, threshold).quorum()
               for servers, threshold in [(2, 2), (3, 2), (3, 3), (4, 2), (5, 2), (7, 6)]}  # fmt: skip
    assert quorums == {(2, 2): 2, (3, 2): 2, (3, 3): 3, (4, 2): 3, (5, 2): 3, (7, 6): 6}


def test_a_head_needs_the_quorum() -> None:
    epoch = epoch_of(5, 2)
    head = sign_statement(
        ManifestHead(insurer=AMC, epoch=1, counter=1, count=1, root=bytes(32), issued_at=1, live_batches=()),
        Label.MANIFEST_HEAD, AMC, KEYS[AMC],
    )  # fmt: skip
    given = [cosign(head, Label.MANIFEST_HEAD, name, KEYS[name]) for name in NAMES[:3]]
    verify_cosignatures(cosigned(head, given), Label.MANIFEST_HEAD, epoch.servers, DIRECTORY, epoch.quorum())
    with pytest.raises(TooFewServers):
        verify_cosignatures(cosigned(head, given[:2]), Label.MANIFEST_HEAD, epoch.servers, DIRECTORY, epoch.quorum())
