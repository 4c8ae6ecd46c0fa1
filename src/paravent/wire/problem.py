"""Errors on the wire: RFC 9457 problem details, both ways (docs/protocol.md section 13).

Only the declared error tree travels; the detail is the technical sentence, which never holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from paravent import errors
from paravent.errors import ParaventError, ProofFailure, RightRefused, TechnicalFailure, Unreachable

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem details object; unknown members are ignored as RFC 9457 section 3.2 asks."""

    type: str
    title: str
    status: int
    detail: str
    retry: str
    title_fr: str
    advice: str
    advice_fr: str
    culprit: str | None = None


def to_problem(error: ParaventError) -> Problem:
    """Describes an error for the wire."""
    return Problem(
        type=f"urn:paravent:error:{error.code}",
        title=error.title_en,
        status=error.status,
        detail=str(error),
        retry=error.retry.value,
        title_fr=error.title_fr,
        advice=error.advice_en,
        advice_fr=error.advice_fr,
        culprit=error.culprit if isinstance(error, ProofFailure) else None,
    )


def from_problem(body: bytes, *, party: str) -> ParaventError:
    """Rebuilds the error another party answered with.

    Anything unreadable is a technical failure; so is a word about a person's right, which carries no
    proof: absence is proved by the manifest, a refusal is a signed decision (sections 6 and 11).
    """
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Unreachable(f"{party} answered something that is not of this protocol")
    kind = _BY_CODE.get(problem.type.removeprefix("urn:paravent:error:"))
    detail = problem.detail[:300]
    if kind is None or issubclass(kind, RightRefused):
        return TechnicalFailure(f"{party}: {detail}")
    if issubclass(kind, ProofFailure):
        return kind(f"{party} says: {detail}", culprit=problem.culprit or party)
    return kind(f"{party}: {detail}")


def _tree(kind: type[ParaventError]) -> Iterator[type[ParaventError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_BY_CODE = {kind.code: kind for kind in _tree(errors.ParaventError)}


def kind_of(code: str) -> type[ParaventError] | None:
    """Returns the error of a code, None when there is none."""
    return _BY_CODE.get(code)


def title_en(code: str) -> str:
    """Returns the English title of an error code, empty when there is none."""
    kind = _BY_CODE.get(code)
    return "" if kind is None else kind.title_en


def title_fr(code: str) -> str:
    """Returns the French title of an error code, empty when there is none."""
    kind = _BY_CODE.get(code)
    return "" if kind is None else kind.title_fr
