"""Problem details: an error arrives as what it was, or as a technical failure (section 13)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.modules import subclasses

from paravent.errors import (
    BadInput,
    ParaventError,
    ProofFailure,
    Refusal,
    RenewalNotDue,
    Retry,
    RightRefused,
    TechnicalFailure,
    Unreachable,
)
from paravent.wire.codec import encode
from paravent.wire.problem import _BY_CODE, from_problem, title_en, title_fr, to_problem

KINDS: list[type[ParaventError]] = [ParaventError, *subclasses(ParaventError)]
DETAIL = "what happened"


def an_error(kind: type[ParaventError], detail: str = DETAIL) -> ParaventError:
    """Builds an error of a kind."""
    if issubclass(kind, ProofFailure):
        return kind(detail, culprit="server-2")
    if issubclass(kind, RenewalNotDue):
        return kind(detail, payable_from=202612)
    return kind(detail)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_an_error_arrives_as_it_was(kind: type[ParaventError]) -> None:
    error = an_error(kind)
    problem = to_problem(error)
    read = from_problem(encode(problem), party="hub")
    expected = TechnicalFailure if issubclass(kind, RightRefused) else _BY_CODE[kind.code]
    assert type(read) is expected
    assert DETAIL in str(read)
    assert "hub" in str(read)
    assert problem.status == kind.status
    assert (problem.title, problem.title_fr) == (kind.title_en, kind.title_fr)
    assert (title_en(kind.code), title_fr(kind.code)) == (kind.title_en, kind.title_fr)
    if isinstance(error, ProofFailure):
        assert isinstance(read, ProofFailure)
        assert read.culprit == "server-2"


def test_no_two_errors_have_one_code() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert set(_BY_CODE.values()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_a_status_and_a_retry_agree_with_the_branch(kind: type[ParaventError]) -> None:
    assert 400 <= kind.status < 600
    if issubclass(kind, Refusal | BadInput):
        assert kind.status < 500
    if issubclass(kind, ProofFailure):
        assert kind.status == 502
    assert isinstance(kind.retry, Retry)
    for text in (kind.title_fr, kind.title_en, kind.advice_fr, kind.advice_en):
        assert text
        assert text == text.strip()


@given(st.binary(max_size=60))
def test_what_is_no_problem_is_unreachable(body: bytes) -> None:
    assert type(from_problem(body, party="hub")) is Unreachable


FIELDS: dict[str, Any] = msgspec.to_builtins(to_problem(ParaventError("d")))


@given(
    st.sampled_from(sorted(FIELDS)),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
)
def test_a_changed_problem_is_still_an_error(name: str, value: Any) -> None:
    error = from_problem(json.dumps(FIELDS | {name: value}).encode(), party="hub")
    assert isinstance(error, ParaventError)


@pytest.mark.parametrize("code", ["unknown", "", "not-covered ", "NOT-COVERED", "urn:paravent:error:"])
def test_an_unknown_code_is_a_technical_failure(code: str) -> None:
    body = json.dumps(FIELDS | {"type": f"urn:paravent:error:{code}"}).encode()
    assert type(from_problem(body, party="hub")) is TechnicalFailure


def test_unknown_members_are_ignored_and_a_detail_is_cut() -> None:
    body = json.dumps(FIELDS | {"instance": "/x", "detail": "d" * 10_000}).encode()
    assert len(str(from_problem(body, party="hub"))) <= 300 + len("hub: ")


@pytest.mark.parametrize(
    "body",
    [b'{"x":' + b"[" * 100_000, b'{"x":' * 100_000, b'{"type":"\xff"}', b'{"title":"\xc3"}'],
    ids=["deep list", "deep object", "type not UTF-8", "title not UTF-8"],
)
def test_whatever_another_party_answers_is_an_error_of_the_tree(body: bytes) -> None:
    assert isinstance(from_problem(body, party="hub"), Unreachable)
