"""Lines of an insurer's member file, whatever its format: values in, members and rejects out (docs/operating.md): pure.

One line per (person, NIR under which the person is covered): a child under two parents has two lines
with one member identifier, and is published once as a person, twice as a handle. What lines must agree on
together is checked by ``portfolio_store``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from paravent.crypto.entitlement import NULLIFIER_BYTES, SERIAL_BYTES, HubPart
from paravent.errors import InvalidMemberFile, ParaventError
from paravent.insurer.sealing import Right, RightNumbers
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir

COLUMNS = (
    "member_id", "name", "birth_date", "nir", "rank", "guarantee", "valid_from", "valid_to", "free_from",
    "renewal_months",
)  # fmt: skip
CHANGE_COLUMN = "change"
_MEMBER_CHARACTERS_MAX = 40

Record = Mapping[str, str]
"""The values of one line by column; a delta has the column ``change`` too."""


class Change(StrEnum):
    """What a line of a delta says; every line of a complete file is as an added one."""

    ADDED = "added"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of the portfolio, with the identities of the lines read: one for each line.

    ``printed_name`` is the name as the file writes it, for the person's card; everything else uses the normalised one.
    """

    member_id: str
    printed_name: str
    identities: tuple[PersonIdentity, ...]
    guarantee: str
    valid_from: int
    valid_until: int
    free_from: int
    renewal_months: int

    def __repr__(self) -> str:
        return "Member(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that was taken: its number in the file, what it says, and of whom; ``trap`` when it is of nobody."""

    number: int
    change: Change
    member: Member
    trap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A line that was not taken, and why; the reason never quotes the line."""

    line: int
    reason: str


def entries(member: Member) -> tuple[PersonIdentity, ...]:
    """Returns the identities to seal, one row each."""
    return member.identities


def right_of(member: Member, numbers: RightNumbers) -> Right:
    """Joins a member's terms with its stable numbers."""
    return Right(
        guarantee=member.guarantee, valid_from=member.valid_from, valid_until=member.valid_until,
        free_from=member.free_from, renewal_months=member.renewal_months,
        nullifier=numbers.nullifier, status_index=numbers.status_index,
    )  # fmt: skip


def read_lines(
    records: Iterable[tuple[int, Record | ParaventError]], *, synthetic: bool, delta: bool
) -> Iterator[Line | Reject]:
    """Reads records one by one, in the order of the file; what cannot be taken becomes a Reject."""
    for number, record in records:
        try:
            if isinstance(record, ParaventError):
                raise record
            change = Change(record[CHANGE_COLUMN]) if delta else Change.ADDED
            yield Line(number=number, change=change, member=_member(record, synthetic=synthetic))
        except ParaventError as error:
            yield Reject(line=number, reason=f"{error.code}: {error}")
        except (ValueError, KeyError, TypeError):
            yield Reject(line=number, reason="invalid-member-file: a value has a wrong form")


def require_shared_guarantees(shared: Mapping[str, int], codes: Iterable[str], persons_min: int) -> None:
    """Refuses a guarantee code that too few persons share: it would name them to whoever sees it."""
    unknown = sorted(set(shared) - set(codes))
    if unknown:
        raise InvalidMemberFile(f"no guarantee table has the code {', '.join(unknown)}")
    rare = sorted(code for code, persons in shared.items() if persons < persons_min)
    if rare:
        raise InvalidMemberFile(f"fewer than {persons_min} persons share the guarantee {', '.join(rare)}")


def _member(row: Record, *, synthetic: bool) -> Member:
    nir = Nir.parse(row["nir"])
    nir.require_usable(synthetic=synthetic)
    if not row["member_id"] or len(row["member_id"]) > _MEMBER_CHARACTERS_MAX:
        raise InvalidMemberFile("a member identifier is 1 to 40 characters")
    identity = PersonIdentity.from_card(name=row["name"], birth_date=row["birth_date"], nir=nir, rank=int(row["rank"]))
    member = Member(
        member_id=row["member_id"], printed_name=row["name"], identities=(identity,), guarantee=row["guarantee"],
        valid_from=_day(row["valid_from"], time.min), valid_until=_day(row["valid_to"], time.max),
        free_from=int(row["free_from"]), renewal_months=int(row["renewal_months"]),
    )  # fmt: skip
    _require_terms(member)
    return member


def _require_terms(member: Member) -> None:
    """Builds the entitlement's terms once with empty identifiers: what none can hold is rejected at its line."""
    HubPart(
        insurer="00000000", serial=bytes(SERIAL_BYTES), valid_from=member.valid_from, valid_until=member.valid_until,
        guarantee=member.guarantee, free_from=member.free_from, renewal_months=member.renewal_months,
        nullifier=bytes(NULLIFIER_BYTES), status_index=0, desk_digest=bytes(32),
    )  # fmt: skip


def _day(text: str, at: time) -> int:
    return int(datetime.combine(date.fromisoformat(text), at, UTC).timestamp())
