"""The dated files of duties, contacts and offences, as data (docs/protocol.md section 16): pure."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message

M = TypeVar("M", bound=Message)


class DutyRule(Message, frozen=True, kw_only=True):
    """One row: what is due by whom to whom, from which trigger, within how long, and how sure the row is.

    ``trigger`` is ``aware``, ``told`` (an insurer's awareness: when the operator told it) or ``filed:CODE``.
    ``hours`` and ``months`` are the law's; ``target_hours`` is our own, where the law gives no figure.
    """

    code: str
    regime: str
    text: str
    source: str
    status: str
    role: str
    recipient: str
    each_insurer: bool
    trigger: str
    hours: int | None = None
    months: int | None = None
    target_hours: int | None = None
    condition: str = ""


class DutyRules(Message, frozen=True, kw_only=True):
    """The rows in force from a day on."""

    valid_from: date
    duty: tuple[DutyRule, ...]


class Contact(Message, frozen=True, kw_only=True):
    """Whom to call, and how, when a source says it."""

    name: str
    for_what: str
    how: str
    source: str
    status: str


class Contacts(Message, frozen=True, kw_only=True):
    """The contacts known from a day on."""

    valid_from: date
    contact: tuple[Contact, ...]


def read_rules(content: bytes) -> DutyRules:
    """Reads a file of duties; raises InvalidConfiguration when a row refers to a trigger that is not one."""
    rules = _read(content, DutyRules)
    codes = {rule.code for rule in rules.duty}
    triggers = {"aware", "told", *(f"filed:{code}" for code in codes)}
    if len(codes) != len(rules.duty) or any(rule.trigger not in triggers for rule in rules.duty):
        raise InvalidConfiguration("each duty has a code of its own, and a trigger that exists")
    return rules


def read_contacts(content: bytes) -> Contacts:
    """Reads a file of contacts."""
    return _read(content, Contacts)


def _read(content: bytes, kind: type[M]) -> M:
    try:
        return msgspec.toml.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"a file of rules is not one: {error}") from None
