"""The insurer's member file: CSV in, members and line-by-line rejects out (docs/operating.md): pure.

One line per (person, NIR under which the person is covered): a child under two parents has two lines
with one member identifier, and is published once as a person, twice as a handle.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from paravent.crypto.entitlement import NULLIFIER_BYTES, SERIAL_BYTES, HubPart
from paravent.errors import InvalidMemberFile, ParaventError
from paravent.insurer.sealing import Right
from paravent.insurer.store import RightNumbers
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir

COLUMNS = (
    "member_id", "name", "birth_date", "nir", "rank", "guarantee", "valid_from", "valid_to", "free_from",
    "renewal_months",
)  # fmt: skip
_MEMBER_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of the portfolio with every identity under which the person can be looked up."""

    member_id: str
    identities: tuple[PersonIdentity, ...]
    guarantee: str
    valid_from: int
    valid_until: int
    free_from: int
    renewal_months: int

    def __repr__(self) -> str:
        return "Member(REDACTED)"


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


def read_members(lines: Iterable[str], *, synthetic: bool) -> tuple[list[Member], list[Reject]]:
    """Reads a member file; raises InvalidMemberFile when it is not one, and lists every line not taken."""
    reader = csv.DictReader(lines, strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InvalidMemberFile(f"the first line is: {','.join(COLUMNS)}")
    members: dict[str, Member] = {}
    owners: dict[tuple[str, str, int], str] = {}
    rejects: list[Reject] = []
    try:
        for row in reader:
            try:
                member = _member(row, synthetic=synthetic)
                _claim_handle(owners, member)
                members[member.member_id] = _joined(members.get(member.member_id), member)
            except ParaventError as error:
                rejects.append(Reject(line=reader.line_num, reason=f"{error.code}: {error}"))
            except (ValueError, KeyError, TypeError):
                rejects.append(Reject(line=reader.line_num, reason="invalid-member-file: a value has a wrong form"))
    except csv.Error:
        raise InvalidMemberFile(f"line {reader.line_num} is not CSV: check its quotes; nothing was published") from None
    return list(members.values()), rejects


def require_shared_guarantees(members: Iterable[Member], codes: Iterable[str], persons_min: int) -> None:
    """Refuses a guarantee code that too few persons share: it would name them to whoever sees it."""
    shared = Counter(member.guarantee for member in members)
    unknown = sorted(set(shared) - set(codes))
    if unknown:
        raise InvalidMemberFile(f"no guarantee table has the code {', '.join(unknown)}")
    rare = sorted(code for code, persons in shared.items() if persons < persons_min)
    if rare:
        raise InvalidMemberFile(f"fewer than {persons_min} persons share the guarantee {', '.join(rare)}")


def _member(row: dict[str | None, str], *, synthetic: bool) -> Member:
    if None in row:
        raise InvalidMemberFile("the line has more columns than the first one")
    nir = Nir.parse(row["nir"])
    nir.require_usable(synthetic=synthetic)
    if not row["member_id"] or len(row["member_id"]) > _MEMBER_CHARACTERS_MAX:
        raise InvalidMemberFile("a member identifier is 1 to 40 characters")
    identity = PersonIdentity.from_card(name=row["name"], birth_date=row["birth_date"], nir=nir, rank=int(row["rank"]))
    member = Member(
        member_id=row["member_id"], identities=(identity,), guarantee=row["guarantee"],
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


def _claim_handle(owners: dict[tuple[str, str, int], str], member: Member) -> None:
    """Refuses a second member under the number, birth date and rank of another: they would share one handle."""
    identity = member.identities[0]
    key = (identity.nir.thirteen, identity.birth_date, identity.rank)
    if owners.setdefault(key, member.member_id) != member.member_id:
        raise InvalidMemberFile("another member has this number, birth date and rank: twins have different ranks")


def _joined(known: Member | None, member: Member) -> Member:
    if known is None:
        return member
    terms = (known.guarantee, known.valid_from, known.valid_until, known.free_from, known.renewal_months)
    if member.identities[0].holder != known.identities[0].holder:
        raise InvalidMemberFile("the same member has another name or birth date on another line")
    if terms != (member.guarantee, member.valid_from, member.valid_until, member.free_from, member.renewal_months):
        raise InvalidMemberFile("the same member has other terms on another line")
    if member.identities[0] in known.identities:
        raise InvalidMemberFile("the same member stands twice under the same number")
    return Member(
        member_id=known.member_id, identities=known.identities + member.identities, guarantee=known.guarantee,
        valid_from=known.valid_from, valid_until=known.valid_until, free_from=known.free_from,
        renewal_months=known.renewal_months,
    )  # fmt: skip


def _day(text: str, at: time) -> int:
    return int(datetime.combine(date.fromisoformat(text), at, UTC).timestamp())
