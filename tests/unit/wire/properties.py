"""What decoding and signed statements promise, each as one function that ``test_seeded_defects`` calls both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto import examples
from tests.unit.crypto.examples import FEW, FEWER, flipped, seeded
from tests.unit.wire import cards
from tests.unit.wire.messages import KINDS, changed, messages, objects, put, repeated, required

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    BodyTooLarge,
    MalformedMessage,
    ParaventError,
    ProofFailure,
    RightRefused,
    TechnicalFailure,
    TooFewServers,
)
from paravent.wire import card, codec, problem, receipts, statements
from paravent.wire.claims import PullRequest
from paravent.wire.codec import BODY_BYTES_MAX, Message
from paravent.wire.statements import Announced, Directory, EpochFile, KeyServerEntry, Receipt, Signed

ANY_MESSAGE = st.sampled_from(KINDS).flatmap(lambda kind: messages(kind).map(lambda message: (kind, message)))


# --- decoding ----------------------------------------------------------------------------------


@FEW
@given(ANY_MESSAGE, st.integers(0, 20), st.text(min_size=1, max_size=10))
def an_unknown_field_is_refused(pair: tuple[type[Message], Message], place: int, name: str) -> None:
    """No object of a message, at any depth, has a member that its kind does not know."""
    kind, message = pair
    body = codec.encode(message)
    paths = list(objects(json.loads(body)))
    path = paths[place % len(paths)]
    extended = changed(body, path, put(f"x-{name}", 0))
    with pytest.raises(MalformedMessage):
        codec.decode(extended, kind)


@FEW
@given(ANY_MESSAGE, st.integers(0, 20))
def a_key_twice_is_refused(pair: tuple[type[Message], Message], place: int) -> None:
    """No object of a message, at any depth, says the same thing twice, even alike."""
    kind, message = pair
    body = codec.encode(message)
    paths = list(objects(json.loads(body)))
    doubled = repeated(body, paths[place % len(paths)])
    if doubled is not None:
        with pytest.raises(MalformedMessage):
            codec.decode(doubled, kind)


@FEW
@given(ANY_MESSAGE, st.sampled_from([b"x", b"{}", b"null", b"\0", b",", b"[]", b"\xff"]))
def trailing_bytes_are_refused(pair: tuple[type[Message], Message], trailing: bytes) -> None:
    """A body is one message and nothing after it."""
    kind, message = pair
    body = codec.encode(message)
    for wrong in (body + trailing, trailing + body, body[:-1], b""):
        with pytest.raises(MalformedMessage):
            codec.decode(wrong, kind)


@FEW
@given(ANY_MESSAGE, st.integers(0, 20))
def a_missing_or_mistyped_field_is_refused(pair: tuple[type[Message], Message], place: int) -> None:
    """A message has every field that its kind requires, and each of its type."""
    kind, message = pair
    body = codec.encode(message)
    names = list(json.loads(body))
    if not names:
        return
    name = names[place % len(names)]
    wrong: list[object] = [[[[]]], {"a": {}}, 1.5]
    bodies = [changed(body, (), put(name, value)) for value in wrong]
    if name in required(kind):
        bodies.append(changed(body, (), lambda found: found.pop(name)))
    for altered in bodies:
        with pytest.raises(MalformedMessage):
            codec.decode(altered, kind)


@FEWER
@given(st.integers(BODY_BYTES_MAX - 2, BODY_BYTES_MAX + 2), st.integers(1, 100))
def a_body_has_its_limit(size: int, smaller: int) -> None:
    """A body one byte over its limit is refused, whatever it holds, before it is decoded."""
    body = codec.encode(PullRequest(after=1)).ljust(size)
    if size <= BODY_BYTES_MAX:
        assert codec.decode(body, PullRequest).after == 1
    else:
        with pytest.raises(BodyTooLarge):
            codec.decode(body, PullRequest)
    with pytest.raises(BodyTooLarge):
        codec.decode(b"\xff" * (smaller + 1), PullRequest, bytes_max=smaller)


PERSON = "295109912611193"


@FEW
@given(ANY_MESSAGE, st.integers(0, 20))
def an_error_quotes_no_value(pair: tuple[type[Message], Message], place: int) -> None:
    """What somebody typed into the wrong field is in no error, since errors may be logged anywhere."""
    kind, message = pair
    body = codec.encode(message)
    names = list(json.loads(body))
    for wrong in ([PERSON], {"a": PERSON}, PERSON, int(PERSON) * 10**6, [[PERSON]]):
        if not names:
            return
        altered = changed(body, (), put(names[place % len(names)], wrong))
        error = _refusal(altered, kind)
        # Some fields are free text, and take the value.
        assert error is None or PERSON not in str(error)
        assert error is None or error.__cause__ is None


def _refusal(body: bytes, kind: type[Message]) -> MalformedMessage | None:
    try:
        codec.decode(body, kind)
    except MalformedMessage as error:
        return error
    return None


# --- signed statements ---------------------------------------------------------------------------


@FEW
@given(examples.TWO_KEYS, messages(Receipt), st.integers(0, 400))
def an_altered_statement_is_refused(keys: list[SigningKey], statement: Receipt, place: int) -> None:
    """A statement is what one signer signed as one kind: nothing of it may change, not even its spaces."""
    key, other = keys
    signed = statements.sign_statement(statement, Label.RECEIPT, "one", key)
    assert statements.open_statement(signed, Receipt, Label.RECEIPT, "one", key.public) == statement
    forgeries = [
        Signed(payload=flipped(signed.payload, place), signer="one", signature=signed.signature),
        Signed(payload=signed.payload + b" ", signer="one", signature=signed.signature),
        Signed(payload=signed.payload, signer="one", signature=flipped(signed.signature, place)),
    ]
    for forged in forgeries:
        with pytest.raises(ProofFailure, match="one"):
            statements.open_statement(forged, Receipt, Label.RECEIPT, "one", key.public)
    with pytest.raises(ProofFailure, match="two"):
        statements.open_statement(signed, Receipt, Label.RECEIPT, "two", key.public)
    with pytest.raises(ProofFailure):
        statements.open_statement(signed, Receipt, Label.EPOCH, "one", key.public)
    with pytest.raises(ProofFailure):
        statements.open_statement(signed, Receipt, Label.RECEIPT, "one", other.public)


class Deal:
    """An epoch with the receipts that its servers may give."""

    def __init__(self, threshold: int, servers: int) -> None:
        """Draws the servers."""
        names = [f"server-{index}" for index in range(1, servers + 1)]
        self.keys = {name: SigningKey.generate(seeded(at)) for at, name in enumerate([*names, "stranger"])}
        self.names = names
        self.directory = Directory(
            version=1, issued_at=1, insurers=(),
            hub=statements.HubEntry(name="hub", address="http://hub", verify_key=self.keys["stranger"].public),
            keyservers=tuple(
                KeyServerEntry(
                    name=name, address="http://x", verify_key=key.public, operator=name, host=name,
                    administrator=name,
                )
                for name, key in self.keys.items()
            ),
        )  # fmt: skip
        self.epoch = EpochFile(
            insurer=examples.AMC, epoch=1, not_before=0, not_after=10, threshold=threshold, servers=tuple(names),
            commitments=(),
        )  # fmt: skip
        self.statement = statements.sign_statement(self.epoch, Label.EPOCH, examples.AMC, self.keys["stranger"])

    def receipt(self, name: str, *, by: str | None = None, **other: Any) -> Signed:
        """The receipt of a server, as it should be but for what is given."""
        fields = {"server": name, "insurer": examples.AMC, "epoch": 1, "batch": None}
        said = Receipt(**(fields | {"statement": self.statement.digest()} | other))  # type: ignore[arg-type]
        return statements.sign_statement(said, Label.RECEIPT, name, self.keys[by or name])

    def verify(self, *given_receipts: Signed) -> tuple[int, ...]:
        """Counts the receipts of the epoch file."""
        announced = Announced(statement=self.statement, receipts=given_receipts)
        return receipts.verify_receipts(announced, self.epoch, None, self.directory)


@FEW
@given(examples.SHAPES, st.lists(st.integers(0, 6), max_size=9))
def t_distinct_servers_receipt_a_statement(shape: tuple[int, int], chosen: list[int]) -> None:
    """A server counts once, however often its receipt stands there; t are needed, and more than half of all."""
    threshold, servers = shape
    deal = Deal(threshold, servers)
    names = [deal.names[index % servers] for index in chosen]
    given_receipts = [deal.receipt(name) for name in names]
    if len(set(names)) < max(threshold, servers // 2 + 1):
        with pytest.raises(TooFewServers):
            deal.verify(*given_receipts)
    else:
        assert deal.verify(*given_receipts) == tuple(sorted({index % servers + 1 for index in chosen}))


def a_receipt_is_of_one_server_and_one_statement() -> None:
    """A wrong receipt is refused even when enough others are right, and names whose it is."""
    deal = Deal(2, 3)
    right = [deal.receipt(name) for name in deal.names]
    wrong = [
        deal.receipt("server-1", by="server-2"), deal.receipt("server-1", server="server-2"),
        deal.receipt("server-1", epoch=2), deal.receipt("server-1", insurer="99000002"),
        deal.receipt("server-1", batch=0), deal.receipt("server-1", statement=bytes(32)),
        deal.receipt("stranger"),
    ]  # fmt: skip
    assert deal.verify(*right) == (1, 2, 3)
    for receipt in wrong:
        with pytest.raises(ProofFailure) as caught:
            deal.verify(*right, receipt)
        assert caught.value.culprit in {"server-1", examples.AMC}


# --- problems ----------------------------------------------------------------------------------


def a_bare_word_refuses_nobodys_right() -> None:
    """Whatever another party answers without proof, it is never a statement about a person's right."""
    for kind in problem._BY_CODE.values():
        if issubclass(kind, RightRefused):
            body = codec.encode(_problem(kind))
            assert type(problem.from_problem(body, party="hub")) is TechnicalFailure


def _problem(kind: type[ParaventError]) -> problem.Problem:
    return problem.Problem(
        type=f"urn:paravent:error:{kind.code}", title="", status=kind.status, detail="d", retry="no", title_fr="",
        advice="", advice_fr="",
    )  # fmt: skip


# --- cards -------------------------------------------------------------------------------------


@FEW
@given(cards.CARDS, st.integers(0, 500), st.sampled_from(card._ALPHABET + "a\u00e9\n,"))
def an_altered_card_is_never_accepted(drawn: cards.Card, place: int, character: str) -> None:
    """One other character, and a card is unreadable or its signature says so."""
    at = place % len(drawn.text)
    altered = drawn.text[:at] + character + drawn.text[at + 1 :]
    if altered.strip("\r\n") != drawn.text:
        with pytest.raises(ParaventError):
            drawn.accept(altered)


@FEW
@given(cards.CARDS, st.integers(1, 500))
def a_truncated_card_is_never_accepted(drawn: cards.Card, cut: int) -> None:
    """A card is whole or it is nothing: whatever the scanner lost at either end."""
    for part in (drawn.text[:-cut], drawn.text[cut:], drawn.text[: -(cut % 6) - 3]):
        with pytest.raises(ParaventError):
            drawn.accept(part)
