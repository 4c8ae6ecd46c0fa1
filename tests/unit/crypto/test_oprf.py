"""Evaluation, proofs, shares and opening keys at their limits (sections 3 and 5)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from tests.unit.crypto import examples
from tests.unit.crypto.examples import AMC, FEWER, scalar_of, seeded

from paravent.crypto import dleq, group, oprf, replicated, sharing
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.oprf import INPUT_BYTES_MAX, Mode
from paravent.crypto.replicated import ServerSet
from paravent.errors import MalformedMessage, ProofFailure

KEY = scalar_of(123456789)


@pytest.mark.parametrize("mode", Mode)
def test_the_longest_input_is_evaluated_and_a_longer_one_refused(mode: Mode) -> None:
    longest = bytes(INPUT_BYTES_MAX)
    factor, blinded = oprf.blind(longest, seeded(1), mode)
    assert oprf.finalize(longest, factor, group.multiply(KEY, blinded)) == oprf.evaluate(longest, KEY, mode)
    with pytest.raises(MalformedMessage):
        oprf.evaluate(longest + b"\0", KEY, mode)
    with pytest.raises(MalformedMessage):
        oprf.finalize(longest + b"\0", factor, blinded)


def test_a_longer_input_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(MalformedMessage):
        oprf.blind(bytes(INPUT_BYTES_MAX + 1), seeded(1))


def test_the_two_modes_have_nothing_in_common() -> None:
    assert oprf.evaluate(b"x", KEY, Mode.OPRF) != oprf.evaluate(b"x", KEY, Mode.VOPRF)
    assert oprf.derive_key(bytes(32), b"", Mode.OPRF) != oprf.derive_key(bytes(32), b"", Mode.VOPRF)


@FEWER
@given(examples.SCALARS, examples.SEEDS)
def test_a_batched_proof_is_of_its_elements_in_their_order(key: Scalar, rng: Rng) -> None:
    blinded = [group.multiply_base(group.random_scalar(rng)) for _ in range(3)]
    public, evaluated = group.multiply_base(key), [group.multiply(key, element) for element in blinded]
    proof = dleq.generate_proof(key, public, blinded, evaluated, rng)
    dleq.verify_proof(proof, public, blinded, evaluated, culprit="server")
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            with pytest.raises(ProofFailure):
                dleq.verify_proof(
                    proof, public, [blinded[at] for at in order], [evaluated[at] for at in order], culprit="server"
                )
    for elements, answers in ((blinded[:2], evaluated[:2]), (blinded, evaluated[:2]), ([], []), (blinded[:1], [])):
        with pytest.raises(ProofFailure):
            dleq.verify_proof(proof, public, elements, answers, culprit="server")


def test_a_proof_of_nothing_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        dleq.generate_proof(KEY, group.multiply_base(KEY), [], [], seeded(1))


def test_a_proof_draws_a_fresh_nonce() -> None:
    public, blinded = group.multiply_base(KEY), [group.multiply_base(scalar_of(7))]
    evaluated, rng = [group.multiply(KEY, blinded[0])], seeded(1)
    first, second = (dleq.generate_proof(KEY, public, blinded, evaluated, rng) for _ in range(2))
    assert first != second


# --- sharing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("servers", range(2, 8))
def test_every_shape_gives_n_shares_and_t_commitments(servers: int) -> None:
    for threshold in range(2, servers + 1):
        shares, commitments = sharing.deal(KEY, threshold, servers, seeded(1))
        assert list(shares) == list(range(1, servers + 1))
        assert len(commitments) == threshold
        assert commitments[0] == group.multiply_base(KEY)


def test_an_index_twice_is_one_answer() -> None:
    # A mapping cannot hold an index twice: one answer given twice is one answer, and too few.
    pairs = [(1, group.multiply_base(KEY)), (1, group.multiply_base(KEY))]
    answers = dict(pairs)
    with pytest.raises(MalformedMessage):
        sharing.combine(answers, 2, 3)


def test_a_coefficient_refuses_an_index_twice() -> None:
    with pytest.raises(MalformedMessage):
        sharing.lagrange(1, (1, 2, 2))


@pytest.mark.parametrize("index", [0, -1])
def test_the_key_itself_is_nobodys_share(index: int) -> None:
    shares, commitments = sharing.deal(KEY, 2, 3, seeded(1))
    share = group.scalar_sum(shares[1], group.scalar_product(scalar_of(index - 1), _slope(shares)))
    with pytest.raises(MalformedMessage):
        sharing.verify_share(index, share, commitments, culprit="dealer")


def test_a_share_above_seven_is_refused() -> None:
    shares, commitments = sharing.deal(KEY, 2, 3, seeded(1))
    share = group.scalar_sum(shares[1], group.scalar_product(scalar_of(7), _slope(shares)))
    with pytest.raises((MalformedMessage, ProofFailure)):
        sharing.verify_share(8, share, commitments, culprit="dealer")


def _slope(shares: dict[int, Scalar]) -> Scalar:
    return group.scalar_difference(shares[2], shares[1])


@FEWER
@given(examples.SHAPES, examples.SCALARS, examples.SEEDS, examples.SCALARS)
def test_t_minus_one_shares_fit_any_key(shape: tuple[int, int], key: Scalar, rng: Rng, other: Scalar) -> None:
    """Whatever t-1 servers hold, there is a deal of any other key which would have given them the same."""
    threshold, servers = shape
    shares, _ = sharing.deal(key, threshold, servers, rng)
    known = dict(itertools.islice(shares.items(), threshold - 1))
    # The share that the t-th server would hold if the key were the other one: solve f(0) = other for f(t).
    indices = [*known, threshold]
    rest = other
    for index, share in known.items():
        rest = group.scalar_difference(rest, group.scalar_product(sharing.lagrange(index, indices), share))
    missing = group.scalar_product(rest, group.invert(sharing.lagrange(threshold, indices)))
    fitted = {index: group.multiply_base(share) for index, share in {**known, threshold: missing}.items()}
    assert sharing.combine(fitted, threshold, servers) == group.multiply_base(other)


# --- opening keys ------------------------------------------------------------------------------


def test_sets_are_in_lexicographic_order() -> None:
    assert replicated.server_sets(3, 4) == ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
    assert replicated.set_bytes(ServerSet((1, 7))) == b"\x01\x07"


def test_an_opening_key_is_committed_to_in_its_place() -> None:
    keys = replicated.draw_opening_keys(2, 3, seeded(1))
    first = keys[ServerSet((1,))]
    digests = {
        replicated.key_digest(AMC, 1, 1, ServerSet((1,)), first),
        replicated.key_digest("99000002", 1, 1, ServerSet((1,)), first),
        replicated.key_digest(AMC, 2, 1, ServerSet((1,)), first),
        replicated.key_digest(AMC, 1, 2, ServerSet((1,)), first),
        replicated.key_digest(AMC, 1, 1, ServerSet((2,)), first),
        replicated.key_digest(AMC, 1, 1, ServerSet((1,)), keys[ServerSet((2,))]),
    }
    assert len(digests) == 6


def test_opening_values_are_of_one_key_and_one_label() -> None:
    keys = list(replicated.draw_opening_keys(2, 3, seeded(1)).values())
    values = {replicated.opening_value(key, label) for key in keys for label in (b"", b"L", b"L2")}
    assert len(values) == 9
