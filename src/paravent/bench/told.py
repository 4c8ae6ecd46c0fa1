"""What a client was told by a platform that is being killed, and what another process reads on the disks of it.

A client's own list: nothing of it comes from the parties' databases. A decision that it was never told of may exist,
for its answer was lost; one that it was told of must.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.bench.faults_found import lost
from paravent.wire.number_lane import OpeningContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A decision as the desk told it: identifiers as they stand in its answers."""

    key: str
    kind: str
    decision: str
    claim: str | None
    cents: int
    accepted: bool
    person: str

    @classmethod
    def of(cls, answer: Mapping[str, Any], person: str) -> Answered:
        """Reads an answer of the desk."""
        return cls(
            key=answer["idempotency_key"], kind=answer["kind"], decision=answer["decision_id"],
            claim=answer["claim_id"], cents=answer["amc_cents"] or 0, accepted=answer["outcome"] == "accepted",
            person=person,
        )  # fmt: skip

    @property
    def paid(self) -> bool:
        """Says whether it is a claim that is to be paid."""
        return self.accepted and self.kind == "consume"


@dataclass(slots=True)
class Told:
    """Everything acknowledged: decisions, leaves by key server, entries of the breach desk; and what had no answer."""

    decisions: dict[str, Answered] = field(default_factory=dict)
    leaves: dict[str, list[OpeningContent]] = field(default_factory=dict)
    entries: dict[int, str] = field(default_factory=dict)
    unanswered: int = 0

    def claims(self) -> dict[str, Answered]:
        """Lists the claims to be paid, by claim."""
        return {one.claim: one for one in self.decisions.values() if one.paid and one.claim is not None}


@dataclass(slots=True)
class Difference:
    """What was acknowledged and is not there, and what is there more often than once; a line for each."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def compare(self, what: str, acknowledged: Iterable[str], found: Iterable[str]) -> None:
        """Compares names acknowledged with names found."""
        counted = Counter(found)
        self.lost += [f"{what} {name}" for name in acknowledged if name not in counted]
        self.doubled += [f"{what} {name}" for name, count in counted.items() if count > 1]

    def compare_leaves(self, server: str, database: Path, acknowledged: list[OpeningContent]) -> None:
        """Compares a key server's receipts with its log: each where it was said to be, no place given twice."""
        self.lost += [f"leaf of {server}"] * lost(database, acknowledged)
        places = {one.leaf_index for one in acknowledged}
        self.doubled += [f"leaf of {server}"] * (len(acknowledged) - len(places))
