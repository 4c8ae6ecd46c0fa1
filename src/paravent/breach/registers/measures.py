"""Measures and their answers (docs/watch.md section 8): ANSSI's 42 measures, the sheets of the CNIL's guide.

An answer is proved by a document, declared by its owner, or no. What no answer was ever given is said as such: it is
neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from paravent.wire.codec import Bytes32, Message


class Kind(Enum):
    """What an answer rests on."""

    DOCUMENT = "document"
    DECLARED = "declared"
    NO = "no"


class Measure(Message, frozen=True, kw_only=True):
    """A measure of a published list: its reference (``anssi-12``, ``cnil-3``) and its French title."""

    reference: str
    title: str


class Answer(Message, frozen=True, kw_only=True):
    """An answer on a day, by its owner; ``proof`` is the SHA-256 of the document that proves it."""

    reference: str
    kind: Kind
    owner: str
    day: str
    proof: Bytes32 | None = None

    def __post_init__(self) -> None:
        """Checks that a document, and only a document, comes with its proof; raises ValueError."""
        if (self.kind is Kind.DOCUMENT) is not (self.proof is not None):
            raise ValueError("an answer by document has the hash of it, another answer has none")


def measures(anssi: Iterable[Mapping[str, str]], cnil: Iterable[Mapping[str, str]]) -> list[Measure]:
    """Lists the measures from the rows of both shipped files."""
    return [Measure(reference=f"anssi-{row['ref']}", title=row["title"]) for row in anssi] + [
        Measure(reference=f"cnil-{row['fiche']}", title=row["titre"]) for row in cnil
    ]


def tally(known: Sequence[Measure], latest: Mapping[str, Answer]) -> dict[str, int]:
    """Counts measures by what their latest answer rests on; ``unanswered`` has none."""
    counts = {kind.value: sum(answer.kind is kind for answer in latest.values()) for kind in Kind}
    return counts | {"unanswered": len(known) - len(latest)}
