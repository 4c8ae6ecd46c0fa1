"""Checking the files of a dossier against the entries that named them (docs/protocol.md section 16): pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from paravent.breach.dossier import DOSSIER
from paravent.breach.entries import Documented, Opened, Placed, Safeguards
from paravent.breach.safeguards import Safeguard, began_on, read_statement
from paravent.errors import MalformedMessage, ProofFailure


def require_named(placed: Sequence[Placed], outside: Mapping[str, bytes]) -> None:
    """Checks that each file is the one that its entry named, at its own time; the index is written last.

    Raises ProofFailure.
    """
    newest = {
        f"documents/{each.entry.said.name}": each.entry.said.sha256
        for each in placed if isinstance(each.entry.said, Documented)
    }  # fmt: skip
    if newest.keys() != {name for name in outside if name.startswith("documents/")}:
        raise ProofFailure("a document has no entry, or an entry has no document", culprit=DOSSIER)
    for name, body in outside.items():
        digest = hashlib.sha256(body).digest()
        if newest.get(name, digest) != digest or (name.startswith("evidence/") and name != f"evidence/{digest.hex()}"):
            raise ProofFailure("a file is not the one that an entry named", culprit=DOSSIER)


def require_dated(placed: Sequence[Placed], outside: Mapping[str, bytes]) -> None:
    """Checks that what the register of measures said before the incident was said before it; raises ProofFailure."""
    stated = [each for each in placed if isinstance(each.entry.said, Safeguards)]
    if not stated:
        return
    last = stated[-1]
    assert isinstance(last.entry.said, Safeguards)  # noqa: S101 - ``stated`` holds no other entry
    said, start = last.entry.said, _opened(placed[: last.entry.number])
    kept = outside.get(f"evidence/{said.sha256.hex()}")
    try:
        if kept is None or start is None or said.before != began_on(start):
            raise ProofFailure("what the register of measures said is missing, or of another incident", culprit=DOSSIER)
        late = [one.reference for one in read_statement(kept) if _late(one, said)]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedMessage("what the register of measures said, or when, has another form") from error
    if late:
        raise ProofFailure("an answer given since stands among those before the incident", culprit=DOSSIER)


def _opened(placed: Sequence[Placed]) -> Opened | None:
    return next((each.entry.said for each in reversed(placed) if isinstance(each.entry.said, Opened)), None)


def _late(one: Safeguard, said: Safeguards) -> bool:
    before, now = (
        "" if answer is None else answer["day"] for answer in (one.before, one.now)
    )  # fmt: skip
    return before >= said.before or now > said.day
