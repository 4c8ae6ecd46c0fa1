"""What the insurer tells the breach desk of a case, and what it finds of its own members (docs/protocol.md section 16).

It opens the labels of leaves that it is asked about, counts its distinct members behind them, and signs. Who they are
leaves this machine only in the notices that it writes itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from paravent.crypto.labels import Label, dec, enc
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration, MalformedMessage
from paravent.insurer.journal_store import Journal
from paravent.wire.case import LeakedFile, OpenedLeaf, OpeningsAnswered, OpeningsAsked
from paravent.wire.statements import Signed, sign_statement

TrapOf = Callable[[int, bytes], str | None]
"""Finds the trap behind a handle of an epoch, or None."""


def no_trap(_epoch: int, _handle: bytes) -> None:
    """Is an insurer that never drew a trap."""


def answer(
    asked: OpeningsAsked, amc: str, journal: Journal, key: SigningKey, trap_of: TrapOf = no_trap
) -> Signed:  # fmt: skip
    """Opens the labels of the leaves that a case asks about, and signs how many members they are.

    Raises InvalidConfiguration when the question is for another insurer.
    """
    if asked.insurer != amc:
        raise InvalidConfiguration("this question is for another insurer")
    leaves, members, traps, unreadable = [], set(), set(), 0
    for place in asked.leaves:
        found = journal.at(place.server, place.index)
        if found is None:
            unreadable += 1
            continue
        epoch, batch, handle, randomness = found
        label = enc(Label.OPEN, amc, epoch, batch, handle)
        leaves.append(OpenedLeaf(server=place.server, index=place.index, label=label, randomness=randomness))
        if (trap := trap_of(epoch, handle)) is not None:
            traps.add(trap)
            continue
        # A label that is nobody's here still counts as one: it was opened.
        members.add(journal.member(epoch, handle) or label)
    statement = OpeningsAnswered(
        case=asked.case, insurer=amc, leaves=tuple(leaves), unreadable=unreadable, persons=len(members),
        traps=len(traps),
    )  # fmt: skip
    return sign_statement(statement, Label.CASE_ANSWER, amc, key)


def leaked(
    case: str, amc: str, content: bytes, members: Sequence[str], journal: Journal, epoch: tuple[int, int],
    key: SigningKey,
) -> Signed:  # fmt: skip
    """Signs what a clear-text file of this insurer holds: rows, distinct members, and their labels in an epoch.

    ``members`` are the references of the rows; ``epoch`` is the newest epoch and its newest batch.
    """
    number, batch = epoch
    handles = [handle for member in dict.fromkeys(members) for handle in journal.handles(number, member)]
    statement = LeakedFile(
        case=case, insurer=amc, sha256=hashlib.sha256(content).digest(), rows=len(members),
        persons=len(set(members)),
        labels=tuple(sorted(enc(Label.OPEN, amc, number, batch, handle) for handle in handles)),
    )  # fmt: skip
    return sign_statement(statement, Label.CASE_LEAK, amc, key)


def resolve(labels: Iterable[bytes], amc: str, journal: Journal) -> dict[str, list[bytes]]:
    """Finds the members behind labels: by member reference, its labels; the empty reference holds those of nobody.

    Raises MalformedMessage, or InvalidConfiguration when a label is of another insurer.
    """
    found: dict[str, list[bytes]] = {}
    for label in labels:
        insurer, epoch, _, handle = dec(Label.OPEN, label, 4)
        if insurer != amc.encode():
            raise InvalidConfiguration("a label is of another insurer")
        if len(epoch) != 8:
            raise MalformedMessage("a label has another form")
        found.setdefault(journal.member(int.from_bytes(epoch, "big"), handle) or "", []).append(label)
    return found
