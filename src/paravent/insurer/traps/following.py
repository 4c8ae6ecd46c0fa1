"""Traps among the lines of a member file, each with the terms that its model has now (docs/protocol.md 9.15): pure.

Whoever compares copies of several dates sees traps change, come and go as members do: each with its model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from paravent.insurer.members import Change, Line, Member, Reject
from paravent.insurer.traps.drawing import Trap


@dataclass(frozen=True, slots=True, kw_only=True)
class Traps:
    """The live traps of an insurer, as they were last published."""

    live: Sequence[Trap] = ()

    def __repr__(self) -> str:
        return "Traps(REDACTED)"

    def digest(self) -> str:
        """Names which traps these are, in hexadecimal."""
        return hashlib.sha256("\n".join(sorted(trap.member.member_id for trap in self.live)).encode()).hexdigest()

    def after(self, lines: Iterable[Line | Reject], *, delta: bool) -> Iterator[Line | Reject]:
        """Yields the lines of a file, then one for each identity of each trap whose model is still there."""
        models = {trap.model for trap in self.live}
        seen: dict[str, Line] = {}
        number = 0
        for line in lines:
            yield line
            if isinstance(line, Line):
                number = line.number
                if line.member.member_id in models:
                    seen[line.member.member_id] = line
        for trap in self.live:
            found = seen.get(trap.model)
            if found is None and not delta:
                continue
            gone = found is not None and found.change is Change.ENDED
            member = trap.member if found is None or gone else following(trap.member, found.member)
            for identity in member.identities:
                number += 1
                yield Line(
                    number=number, change=Change.ENDED if gone else Change.ADDED,
                    member=replace(member, identities=(identity,)), trap=True,
                )  # fmt: skip


NO_TRAPS = Traps()


def following(trap: Member, model: Member) -> Member:
    """Gives a trap the terms of its model."""
    return replace(
        trap, guarantee=model.guarantee, valid_from=model.valid_from, valid_until=model.valid_until,
        free_from=model.free_from, renewal_months=model.renewal_months,
    )  # fmt: skip
