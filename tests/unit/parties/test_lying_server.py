"""A key server that lies: each lie is found, names its server, and the check goes on without it."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from tests.unit.parties.world import AMC, EPOCH, World

from paravent.crypto import dleq, group, hpke
from paravent.crypto.group import Element, Scalar
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.desk.number_lane import Blinding, Opening
from paravent.errors import ProofFailure
from paravent.wire.codec import encode
from paravent.wire.number_lane import (
    EvaluationAnswer,
    OpeningAnswer,
    OpeningContent,
    OpeningValueEntry,
    box_context,
    evaluation_fields,
)
from paravent.wire.statements import Signed, open_statement, sign_statement

LIAR = 2

# --- evaluations -----------------------------------------------------------------------------


def sign_share(
    world: World, blinding: Blinding, answer: EvaluationAnswer, digest: bytes, key: SigningKey | None = None
) -> EvaluationAnswer:
    """Signs an altered share as the liar would."""
    identity = world.servers[LIAR].identity
    fields = evaluation_fields(identity.name, blinding.message(), answer.index, digest, answer.evaluated, answer.proof)
    signature = (key or identity.signing_key).sign(Label.EVALUATION, *fields)
    return msgspec.structs.replace(answer, signature=signature)


def prove(world: World, key: Scalar, public: Element, blinded: Element) -> tuple[Element, bytes]:
    """Evaluates with a key and proves it against a public share."""
    evaluated = group.multiply(key, blinded)
    return evaluated, dleq.generate_proof(key, public, [blinded], [evaluated], world.rng)


def lie(kind: str, world: World, blinding: Blinding, digest: bytes, honest: EvaluationAnswer) -> EvaluationAnswer:
    """Makes one lie, correctly signed by the liar."""
    share = world.servers[LIAR].store.share(AMC, EPOCH)
    other = world.servers[1].store.share(AMC, EPOCH)
    assert share is not None
    assert other is not None
    changes: dict[str, object] = {}
    match kind:
        case "another key, proved for that key":
            key = group.random_scalar(world.rng)
            evaluated, proof = prove(world, key, group.multiply_base(key), blinding.blinded)
        case "another key, proved for its own share":
            evaluated, proof = prove(world, group.random_scalar(world.rng), share.public, blinding.blinded)
        case "the share of another index":
            evaluated, proof = prove(world, other.share, other.public, blinding.blinded)
            changes["index"] = 1
        case "the share of another index under its own":
            evaluated, proof = prove(world, other.share, other.public, blinding.blinded)
        case "the evaluation of another request":
            blinded = world.blind(world.covered(2)).blinded
            evaluated, proof = prove(world, share.share, share.public, blinded)
        case "the proof of another request":
            blinded = world.blind(world.covered(2)).blinded
            evaluated, proof = Element(honest.evaluated), prove(world, share.share, share.public, blinded)[1]
        case "the identity":
            evaluated, proof = Element(group.IDENTITY), honest.proof
        case "a non-canonical element":
            evaluated, proof = Element(b"\xff" * 32), honest.proof
        case "a non-canonical proof":
            evaluated, proof = Element(honest.evaluated), honest.proof[:32] + b"\xff" * 32
        case _:
            raise AssertionError(kind)
    answer = msgspec.structs.replace(honest, evaluated=evaluated, proof=proof, **changes)
    return sign_share(world, blinding, answer, digest)


SHARE_LIES = [
    "another key, proved for that key", "another key, proved for its own share", "the share of another index",
    "the share of another index under its own", "the evaluation of another request",
    "the proof of another request", "the identity", "a non-canonical element", "a non-canonical proof",
]  # fmt: skip


@pytest.mark.parametrize("kind", SHARE_LIES)
def test_a_wrong_share_names_its_server(kind: str, still: World) -> None:
    blinding = still.blind(still.covered())
    server, honest, digest = still.evaluate(blinding, LIAR)
    with pytest.raises(ProofFailure) as caught:
        blinding.take(server, lie(kind, still, blinding, digest, honest), digest)
    assert caught.value.culprit == still.names()[LIAR]
    assert blinding.evaluations == {}


def test_the_honest_share_of_the_same_server_is_taken(still: World) -> None:
    blinding = still.blind(still.covered())
    blinding.take(*still.evaluate(blinding, LIAR))
    assert set(blinding.evaluations) == {LIAR}


@pytest.mark.parametrize("signer", [1, 3])
def test_a_share_signed_by_another_server_is_refused(signer: int, still: World) -> None:
    blinding = still.blind(still.covered())
    server, honest, digest = still.evaluate(blinding, LIAR)
    forged = sign_share(still, blinding, honest, digest, still.servers[signer].identity.signing_key)
    with pytest.raises(ProofFailure) as caught:
        blinding.take(server, forged, digest)
    assert caught.value.culprit == still.names()[LIAR]


@pytest.mark.parametrize("field", ["evaluated", "proof"])
def test_answers_swapped_between_servers_are_refused(field: str, still: World) -> None:
    blinding = still.blind(still.covered())
    server, honest, digest = still.evaluate(blinding, LIAR)
    other = still.evaluate(blinding, 1)[1]
    swapped = msgspec.structs.replace(honest, **{field: getattr(other, field)})
    with pytest.raises(ProofFailure):
        blinding.take(server, swapped, digest)


def test_an_answer_to_another_request_is_refused(still: World) -> None:
    blinding = still.blind(still.covered())
    server, first, _ = still.evaluate(blinding, LIAR)
    _, _, later = still.evaluate(blinding, LIAR)
    with pytest.raises(ProofFailure):
        blinding.take(server, first, later)


def test_a_liar_does_not_stop_the_check(still: World) -> None:
    blinding = still.blind(still.covered())
    server, honest, digest = still.evaluate(blinding, LIAR)
    wrong = lie("another key, proved for that key", still, blinding, digest, honest)
    with pytest.raises(ProofFailure):
        blinding.take(server, wrong, digest)
    for index in (1, 3):
        blinding.take(*still.evaluate(blinding, index))
    assert blinding.finish().handle == still.known(still.covered()).handle


# --- openings --------------------------------------------------------------------------------


def content_of(started: Opening, index: int, answer: OpeningAnswer, nonce: str) -> OpeningContent:
    """Opens a server's box to see what an honest server says."""
    server = started.record.epoch.servers[index]
    context = box_context(server.entry.name, AMC, EPOCH, nonce)
    signed = msgspec.json.decode(
        started.answer_key.open(answer.box, Label.OPENING_BOX, *context, culprit=""), type=Signed
    )
    key = VerifyKey(server.entry.verify_key)
    return open_statement(signed, OpeningContent, Label.OPENING, server.entry.name, key)


def sealed(world: World, started: Opening, index: int, message: object, nonce: str) -> OpeningAnswer:
    """Seals whatever a server says to the fresh key of the request."""
    context = box_context(world.names()[index], AMC, EPOCH, nonce)
    public = BoxPublicKey(started.answer_key.public)
    return OpeningAnswer(box=hpke.seal(public, encode(message), Label.OPENING_BOX, *context))


def say(
    world: World, started: Opening, index: int, content: OpeningContent, nonce: str, signer: int | None = None
) -> OpeningAnswer:
    """Signs and seals a content as the server ``index`` would, or with the key of another."""
    key = world.servers[signer or index].identity.signing_key
    signed = sign_statement(content, Label.OPENING, world.names()[index], key)
    return sealed(world, started, index, signed, nonce)


def take_wrong_value(world: World, started: Opening, index: int, members: tuple[int, ...]) -> Signed:
    """Takes an answer in which one opening value is wrong, everything else being right; returns what was signed."""
    server, answer, nonce, digest = world.open_at(started, index)
    content = content_of(started, index, answer, nonce)
    values = tuple(
        OpeningValueEntry(servers=entry.servers, value=world.rng(32)) if entry.servers == members else entry
        for entry in content.values
    )
    lying = msgspec.structs.replace(content, values=values)
    assert lying != content
    return started.take(server, say(world, started, index, lying, nonce), nonce, digest)


@pytest.mark.parametrize(("liar", "members"), [(i, (j,)) for i, j in permutations((1, 2, 3), 2)], ids=str)
def test_a_wrong_opening_value_is_outvoted_and_kept(liar: int, members: tuple[int, ...], still: World) -> None:
    started = still.opening(still.known(still.covered()))
    evidence = take_wrong_value(still, started, liar, members)
    for index in {1, 2, 3} - {liar}:
        started.take(*still.open_at(started, index))
    opened = started.finish()
    assert opened is not None
    entitlement, _, lies = opened
    assert entitlement
    assert [found.index for found in lies] == [liar]
    # The evidence convinces somebody else: it is signed by the liar.
    key = VerifyKey(still.entry(liar).verify_key)
    content = open_statement(evidence, OpeningContent, Label.OPENING, still.names()[liar], key)
    assert members in [entry.servers for entry in content.values]


def test_two_servers_and_a_wrong_value_that_both_hold_open_nothing(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    started.take(*still.open_at(started, 1))
    take_wrong_value(still, started, 2, (1,))
    assert started.finish() is None


def test_the_third_server_settles_it(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    started.take(*still.open_at(started, 1))
    take_wrong_value(still, started, 2, (1,))
    started.take(*still.open_at(started, 3))
    opened = started.finish()
    assert opened is not None
    _, _, lies = opened
    assert [found.index for found in lies] == [2]


def test_two_liars_about_different_keys_are_both_named(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    take_wrong_value(still, started, 1, (2,))
    take_wrong_value(still, started, 2, (1,))
    started.take(*still.open_at(started, 3))
    opened = started.finish()
    assert opened is not None
    _, _, lies = opened
    assert [found.index for found in lies] == [1, 2]


def test_two_liars_about_one_key_are_a_technical_failure(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    started.take(*still.open_at(started, 1))
    take_wrong_value(still, started, 2, (1,))
    take_wrong_value(still, started, 3, (1,))
    assert started.finish() is None


def altered(kind: str, world: World, started: Opening, answer: OpeningAnswer, nonce: str) -> OpeningAnswer:
    """Alters an opening answer."""
    content = content_of(started, LIAR, answer, nonce)
    match kind:
        case "fewer values":
            content = msgspec.structs.replace(content, values=content.values[:-1])
        case "values of another server":
            values = tuple(
                msgspec.structs.replace(entry, servers=servers)
                for entry, servers in zip(content.values, ((1,), (2,)), strict=True)
            )
            content = msgspec.structs.replace(content, values=values)
        case "another request":
            content = msgspec.structs.replace(content, request=world.rng(32))
        case "another server":
            content = msgspec.structs.replace(content, server=world.names()[1])
        case "signed by another server":
            return say(world, started, LIAR, content, nonce, signer=1)
        case "box altered":
            return OpeningAnswer(box=answer.box[:-1] + bytes([answer.box[-1] ^ 1]))
        case "box for another nonce":
            return say(world, started, LIAR, content, nonce[::-1])
        case "truncated box":
            return OpeningAnswer(box=answer.box[:40])
        case _:
            raise AssertionError(kind)
    return say(world, started, LIAR, content, nonce)


OPENING_LIES = [
    "fewer values", "values of another server", "another request", "another server",
    "signed by another server", "box altered", "box for another nonce", "truncated box",
]  # fmt: skip


@pytest.mark.parametrize("kind", OPENING_LIES)
def test_an_altered_opening_names_its_server(kind: str, still: World) -> None:
    started = still.opening(still.known(still.covered()))
    server, answer, nonce, digest = still.open_at(started, LIAR)
    with pytest.raises(ProofFailure) as caught:
        started.take(server, altered(kind, still, started, answer, nonce), nonce, digest)
    assert caught.value.culprit == still.names()[LIAR]
    assert started.contents == {}


def test_the_same_content_said_again_is_taken(still: World) -> None:
    """Shows that ``say`` itself breaks nothing: only what was altered is refused above."""
    started = still.opening(still.known(still.covered()))
    server, answer, nonce, digest = still.open_at(started, LIAR)
    content = content_of(started, LIAR, answer, nonce)
    started.take(server, say(still, started, LIAR, content, nonce), nonce, digest)
    assert set(started.contents) == {LIAR}


def test_a_box_that_holds_something_else_names_its_server(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    server, _, nonce, digest = still.open_at(started, LIAR)
    with pytest.raises(ProofFailure):
        started.take(server, sealed(still, started, LIAR, {"not": "a statement"}, nonce), nonce, digest)


def test_the_liars_message_shows_no_person(still: World) -> None:
    person = still.covered()
    blinding = still.blind(person)
    server, honest, digest = still.evaluate(blinding, LIAR)
    with pytest.raises(ProofFailure) as caught:
        blinding.take(server, lie("the identity", still, blinding, digest, honest), digest)
    for secret in (person.nir.thirteen, str(person.name), str(person.birth_date)):
        assert secret not in str(caught.value)
        assert secret not in repr(blinding)
