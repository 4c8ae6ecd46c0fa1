"""Draft texts for what a contract lacks (docs/governance.md section 3): pure.

A draft is this project's wording of an article. A jurist reads it before anybody signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from paravent.breach.registers.contracts import CLAUSES, Contract
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Name


class ClauseText(Message, frozen=True, kw_only=True):
    """The draft of one clause, with the article it is written from."""

    name: Name
    title: str
    source: str
    text: str


class ClauseTexts(Message, frozen=True, kw_only=True):
    """The drafts known from a day on, and what they are worth."""

    valid_from: date
    status: str
    clause: tuple[ClauseText, ...]


def read_clauses(content: bytes) -> ClauseTexts:
    """Reads the file of drafts; raises InvalidConfiguration when a clause of 28(3) has none."""
    try:
        texts = msgspec.toml.decode(content, type=ClauseTexts)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"the file of clauses is not one: {error}") from None
    names = [one.name for one in texts.clause]
    if len(set(names)) != len(names) or not {*CLAUSES, "description", "notice", "hds"} <= set(names):
        raise InvalidConfiguration("each clause has one draft")
    return texts


def lacking(contract: Contract) -> list[str]:
    """Names what a contract lacks, as the file of drafts names it."""
    return [*_lacking(contract)]


def _lacking(contract: Contract) -> Iterator[str]:
    if contract.description is None:
        yield "description"
    yield from (clause for clause in CLAUSES if clause not in contract.clauses)
    if contract.notice_hours is None:
        yield "notice"
    if set(contract.hds_activities) - set(contract.hds.activities if contract.hds else ()):
        yield "hds"


def drafted(contract: Contract, texts: ClauseTexts) -> list[ClauseText]:
    """Writes the drafts that a contract lacks, with the names of its parties."""
    wanted = lacking(contract)
    names = {"customer": contract.customer, "processor": contract.processor}
    return [
        msgspec.structs.replace(one, text=one.text.strip().format_map(names))
        for one in texts.clause if one.name in wanted
    ]  # fmt: skip
