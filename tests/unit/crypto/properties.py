"""What the mechanisms promise, each as one function: it holds on the code, and fails without its check.

``test_seeded_defects`` calls each of them both ways.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto import examples
from tests.unit.crypto.examples import AMC, FEW, FEWER, FIELD, ORDER, flipped, scalar_of
from tests.unit.crypto.trees import Tree, altered_leaves
from tests.unit.crypto.two_keys import row_of_two_keys

from paravent.crypto import (
    dleq,
    entitlement,
    group,
    hpke,
    labels,
    manifest,
    merkle,
    oprf,
    replicated,
    sealing,
    sharing,
    signing,
    status,
)
from paravent.crypto.group import Element, Rng, Scalar
from paravent.crypto.labels import Label
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.secret import Secret
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage, ParaventError, ProofFailure

# --- encoding ----------------------------------------------------------------------------------

FIELDS = st.lists(st.binary(max_size=40) | st.text(max_size=10) | st.integers(0, 2**64 - 1), max_size=4)


@FEW
@given(st.sampled_from(Label), FIELDS, st.sampled_from(Label), FIELDS)
def encodings_of_other_fields_differ(
    label: Label, fields: list[bytes | str | int], other: Label, others: list[bytes | str | int]
) -> None:
    """Two lists of fields are encoded alike only when label and fields are the same, byte by byte."""
    encoded, same = labels.enc(label, *fields), (label, _canonical(fields)) == (other, _canonical(others))
    assert (encoded == labels.enc(other, *others)) is same
    # Cut elsewhere, or joined to its neighbour, a field is another one.
    joined = b"".join(_canonical(fields))
    assert (labels.enc(label, joined) == encoded) is (_canonical(fields) == [joined])


def _canonical(fields: list[bytes | str | int]) -> list[bytes]:
    return [labels._field_bytes(field) for field in fields]


# --- secrets -----------------------------------------------------------------------------------


@FEWER
@given(st.binary(min_size=32, max_size=32))
def a_secret_is_never_shown(value: bytes) -> None:
    """No text of a secret depends on its value."""
    for shown in (repr, str, ascii, format):
        assert shown(Secret(value)) == "Secret(REDACTED)"


@FEWER
@given(st.binary(min_size=32, max_size=32))
def a_secret_is_never_pickled(value: bytes) -> None:
    """Nothing that serialises by the pickle protocol gets hold of the bytes."""
    with pytest.raises(TypeError):
        Secret(value).__reduce_ex__(4)


# --- group -------------------------------------------------------------------------------------


@FEW
@given(examples.ELEMENTS, st.integers(1, 31))
def only_canonical_elements_are_decoded(element: Element, cut: int) -> None:
    """One element has one encoding; everything else is refused, the identity too."""
    assert group.decode_element(bytes(element)) == element
    number = int.from_bytes(element, "little")
    negative = (FIELD - number).to_bytes(32, "little")
    for wrong in (negative, element[:cut], element + bytes(cut), bytes(32), b"", FIELD.to_bytes(32, "little")):
        with pytest.raises(MalformedMessage):
            group.decode_element(wrong)


@FEW
@given(st.integers(1, ORDER - 1), st.integers(1, 15), st.integers(1, 31))
def only_canonical_scalars_are_decoded(number: int, times: int, cut: int) -> None:
    """One scalar has one encoding; zero is not one."""
    encoded = number.to_bytes(32, "little")
    assert group.decode_scalar(encoded).reveal() == encoded
    wrong = [bytes(32), ORDER.to_bytes(32, "little"), b"\xff" * 32, encoded[:cut], encoded + bytes(cut), b""]
    if number + times * ORDER < 2**256:
        wrong.append((number + times * ORDER).to_bytes(32, "little"))
    for value in wrong:
        with pytest.raises(MalformedMessage):
            group.decode_scalar(value)


@FEW
@given(examples.SCALARS, examples.ELEMENTS)
def no_operation_gives_the_identity(scalar: Scalar, element: Element) -> None:
    """A sum or a product that is the identity is an error, so that nothing later multiplies it."""
    opposite = group.multiply(scalar_of(-1), element)
    with pytest.raises(MalformedMessage):
        group.add(element, opposite)
    with pytest.raises(MalformedMessage):
        group.multiply(scalar_of(0), element)
    with pytest.raises(MalformedMessage):
        group.multiply(scalar, Element(group.IDENTITY))


# --- evaluation and its proof ------------------------------------------------------------------


@FEWER
@given(examples.TWO_SCALARS, examples.ELEMENTS, examples.SEEDS)
def a_wrong_evaluation_is_not_proved(keys: list[Scalar], blinded: Element, rng: Rng) -> None:
    """A proof shows that this key, and no other, evaluated this element."""
    key, other = keys
    public, evaluated = group.multiply_base(key), group.multiply(key, blinded)
    proof = dleq.generate_proof(key, public, [blinded], [evaluated], rng)
    dleq.verify_proof(proof, public, [blinded], [evaluated], culprit="server")
    wrong = group.multiply(other, blinded)
    claims = [
        (public, [blinded], [wrong]),
        (group.multiply_base(other), [blinded], [evaluated]),
        (public, [group.add(blinded, public)], [evaluated]),
    ]
    for claimed, elements, answers in claims:
        with pytest.raises(ProofFailure, match="server"):
            dleq.verify_proof(proof, claimed, elements, answers, culprit="server")
        # A prover who does not hold the key cannot make a proof for it either.
        forged = dleq.generate_proof(other, claimed, elements, answers, rng)
        with pytest.raises(ProofFailure):
            dleq.verify_proof(forged, claimed, elements, answers, culprit="server")


@FEWER
@given(examples.SCALARS, st.lists(examples.ELEMENTS, min_size=2, max_size=2, unique=True), examples.SCALARS)
def errors_that_cancel_are_not_proved(key: Scalar, blinded: list[Element], error: Scalar) -> None:
    """Two wrong evaluations whose errors add up to nothing are refused: each has its own weight."""
    public = group.multiply_base(key)
    shift = group.multiply_base(error)
    back = group.multiply(scalar_of(-1), shift)
    first, second = (group.multiply(key, element) for element in blinded)
    wrong = [group.add(first, shift), group.add(second, back)]
    proof = dleq.generate_proof(key, public, blinded, wrong, examples.seeded(1))
    with pytest.raises(ProofFailure):
        dleq.verify_proof(proof, public, blinded, wrong, culprit="server")


@FEWER
@given(examples.SCALARS, examples.ELEMENTS, examples.SEEDS, st.integers(0, 63))
def an_altered_proof_is_refused(key: Scalar, blinded: Element, rng: Rng, place: int) -> None:
    """No other 64 bytes are a proof of the same, whatever their form."""
    public, evaluated = group.multiply_base(key), group.multiply(key, blinded)
    proof = dleq.generate_proof(key, public, [blinded], [evaluated], rng)
    response = int.from_bytes(proof[32:], "little")
    same_response = (response + ORDER).to_bytes(32, "little")
    for wrong in (flipped(proof, place), proof[:-1], proof + b"\0", b"", bytes(64), proof[:32] + same_response):
        with pytest.raises(ProofFailure):
            dleq.verify_proof(wrong, public, [blinded], [evaluated], culprit="server")


@FEWER
@given(st.binary(max_size=60), examples.SCALARS, examples.SEEDS, st.binary(max_size=60))
def a_blinded_element_does_not_depend_on_its_input(input_: bytes, key: Scalar, rng: Rng, other: bytes) -> None:
    """Any blinded element is one of any input, under another blind: a server learns nothing of the input."""
    factor, blinded = oprf.blind(input_, rng)
    assert oprf.finalize(input_, factor, group.multiply(key, blinded)) == oprf.evaluate(input_, key)
    # The same input twice is blinded to two elements, and the output is bound to the input, not to the element.
    again, element = oprf.blind(input_, rng)
    assert element != blinded
    assert again != factor
    if other != input_:
        assert oprf.finalize(other, factor, group.multiply(key, blinded)) != oprf.evaluate(input_, key)


# --- sharing -----------------------------------------------------------------------------------


@FEWER
@given(examples.SHAPES, st.binary(max_size=60), examples.SCALARS, examples.SEEDS)
def every_t_servers_give_the_one_output(shape: tuple[int, int], input_: bytes, key: Scalar, rng: Rng) -> None:
    """Whichever t servers answer, the output is that of the whole key."""
    threshold, servers = shape
    shares, _ = sharing.deal(key, threshold, servers, rng)
    factor, blinded = oprf.blind(input_, rng)
    answers = {index: group.multiply(share, blinded) for index, share in shares.items()}
    for subset in itertools.combinations(shares, threshold):
        combined = sharing.combine({index: answers[index] for index in subset}, threshold, servers)
        assert oprf.finalize(input_, factor, combined) == oprf.evaluate(input_, key)


@FEWER
@given(examples.SHAPES, examples.SCALARS, examples.ELEMENTS, examples.SEEDS)
def fewer_than_t_servers_do_not(shape: tuple[int, int], key: Scalar, element: Element, rng: Rng) -> None:
    """No t-1 answers interpolate to the right one, nor does any single share or commitment hold the key."""
    threshold, servers = shape
    shares, commitments = sharing.deal(key, threshold, servers, rng)
    right = group.multiply(key, element)
    answers = {index: group.multiply(share, element) for index, share in shares.items()}
    for size in range(1, threshold):
        for subset in itertools.combinations(shares, size):
            assert sharing.interpolate({index: answers[index] for index in subset}) != right
    assert key not in shares.values()
    assert len(commitments) == threshold


@FEWER
@given(examples.SHAPES, examples.SCALARS, examples.SEEDS, st.integers(8, 255))
def an_interpolation_takes_t_indices_of_the_deal(shape: tuple[int, int], key: Scalar, rng: Rng, above: int) -> None:
    """Index 0, an index above n, too few or too many answers are refused."""
    threshold, servers = shape
    shares, _ = sharing.deal(key, threshold, servers, rng)
    answers = {index: group.multiply_base(share) for index, share in shares.items()}
    enough = dict(itertools.islice(answers.items(), threshold))
    moved = dict(itertools.islice(answers.items(), threshold - 1))
    wrong = [
        moved,
        {**moved, servers + 1: answers[threshold]},
        {**moved, above: answers[threshold]},
        {**moved, 0: answers[threshold]},
        {**moved, -1: answers[threshold]},
    ]
    if servers > threshold:
        wrong.append({**enough, servers: answers[servers]})
    for given_answers in wrong:
        with pytest.raises(MalformedMessage):
            sharing.combine(given_answers, threshold, servers)


@FEWER
@given(examples.SHAPES, examples.SCALARS, examples.SCALARS, examples.SEEDS)
def a_wrong_share_names_the_dealer(shape: tuple[int, int], key: Scalar, other: Scalar, rng: Rng) -> None:
    """A share that the commitments do not give is refused, and so is that of another index."""
    threshold, servers = shape
    shares, commitments = sharing.deal(key, threshold, servers, rng)
    for index, share in shares.items():
        sharing.verify_share(index, share, commitments, culprit="dealer")
        assert sharing.public_share(index, commitments) == group.multiply_base(share)
        for wrong in (other, shares[index % servers + 1]):
            with pytest.raises(ProofFailure, match="dealer"):
                sharing.verify_share(index, wrong, commitments, culprit="dealer")


# --- opening keys ------------------------------------------------------------------------------


@FEWER
@given(examples.SHAPES, examples.SEEDS)
def only_t_servers_hold_every_opening_key(shape: tuple[int, int], rng: Rng) -> None:
    """Any t servers assemble the same F; any t-1 lack the key of their own set, and that one only."""
    threshold, servers = shape
    keys = replicated.draw_opening_keys(threshold, servers, rng)
    held = {index: replicated.keys_of_server(index, keys) for index in range(1, servers + 1)}
    values = {members: replicated.opening_value(key, b"L") for members, key in keys.items()}
    sets = replicated.server_sets(threshold, servers)
    whole = replicated.assemble(values, sets)
    assert len(whole) == 32 * len(sets)
    for subset in itertools.combinations(held, threshold):
        together = {members: values[members] for index in subset for members in held[index]}
        assert replicated.assemble(together, sets) == whole
    for subset in itertools.combinations(held, threshold - 1):
        together = {members: values[members] for index in subset for members in held[index]}
        assert set(keys) - set(together) == {subset}
        with pytest.raises(MalformedMessage):
            replicated.assemble(together, sets)


@FEWER
@given(st.integers(0, 9), st.integers(0, 9))
def a_deal_has_two_to_seven_servers(threshold: int, servers: int) -> None:
    """Below two, one server would open alone; above seven, the sets of servers would be too many."""
    if 2 <= threshold <= servers <= 7:
        sharing.check_threshold(threshold, servers)
        return
    for refused in (
        lambda: sharing.deal(scalar_of(1), threshold, servers, examples.seeded(1)),
        lambda: replicated.draw_opening_keys(threshold, servers, examples.seeded(1)),
    ):
        with pytest.raises(MalformedMessage):
            refused()


# --- signatures and boxes ----------------------------------------------------------------------


@FEW
@given(examples.TWO_KEYS, st.binary(max_size=100), st.integers(0, 63))
def an_altered_signature_is_refused(keys: list[SigningKey], message: bytes, place: int) -> None:
    """A signature is of one message by one key."""
    key, other = keys
    signature = key.sign_bytes(message)
    signing.verify_bytes(key.public, signature, message, culprit="signer")
    wrong = [
        (key.public, flipped(signature, place), message),
        (key.public, signature, message + b"\0"),
        (other.public, signature, message),
        (key.public, signature[:place], message),
        (key.public, signature + b"\0", message),
        (signing.VerifyKey(key.public[:31]), signature, message),
        (signing.VerifyKey(flipped(key.public, place)), signature, message),
    ]
    for public, given_signature, given_message in wrong:
        with pytest.raises(ProofFailure, match="signer"):
            signing.verify_bytes(public, given_signature, given_message, culprit="signer")


@FEW
@given(examples.KEYS, st.sampled_from(Label), st.sampled_from(Label), FIELDS)
def a_signature_is_of_one_label(key: SigningKey, label: Label, other: Label, fields: list[bytes | str | int]) -> None:
    """What was signed as one thing is never read as another."""
    signature = key.sign(label, *fields)
    signing.verify(key.public, signature, label, *fields, culprit="signer")
    if other is not label:
        with pytest.raises(ProofFailure):
            signing.verify(key.public, signature, other, *fields, culprit="signer")
    with pytest.raises(ProofFailure):
        signing.verify(key.public, signature, label, *fields, b"", culprit="signer")


@FEWER
@given(examples.SEEDS, st.binary(max_size=200), st.integers(0, 2000), st.sampled_from(Label))
def a_box_opens_in_its_own_context_only(rng: Rng, plaintext: bytes, place: int, other: Label) -> None:
    """A box opens with its key, label and context, unaltered; and with nothing else."""
    key, stranger = hpke.BoxKey.generate(rng), hpke.BoxKey.generate(rng)
    box = hpke.seal(key.public, plaintext, Label.DEAL_BOX, "server", 1)
    assert len(box) == len(plaintext) + hpke.BOX_OVERHEAD_BYTES
    assert key.open(box, Label.DEAL_BOX, "server", 1, culprit="sender") == plaintext
    contexts: list[tuple[Label, tuple[str | int, ...]]] = [
        (Label.DEAL_BOX, ("server", 2)), (Label.DEAL_BOX, ("server",)), (Label.DEAL_BOX, ("server", 1, "")),
        (Label.DEAL_BOX, ("Server", 1)), (Label.DEAL_BOX, ()),
    ]  # fmt: skip
    if other is not Label.DEAL_BOX:
        contexts.append((other, ("server", 1)))
    for label, context in contexts:
        with pytest.raises(ProofFailure, match="sender"):
            key.open(box, label, *context, culprit="sender")
    with pytest.raises(ProofFailure):
        stranger.open(box, Label.DEAL_BOX, "server", 1, culprit="sender")
    for altered in (flipped(box, place), box[:-1], box + b"\0", box[:1120], b""):
        with pytest.raises(ProofFailure):
            key.open(altered, Label.DEAL_BOX, "server", 1, culprit="sender")


# --- rows --------------------------------------------------------------------------------------


def _sealed(output: OprfOutput, opening: bytes, rng: Rng, entitled: bytes = b"E" * 190, desk: bytes = b"D" * 86) -> Row:
    """Seals a row of the first batch."""
    handle = sealing.handle_of(AMC, 1, sealing.handle_key(output, AMC, 1).public)
    return sealing.seal_row(
        insurer=AMC, epoch=1, batch=1, handle=handle, output=output, opening=opening, entitlement=entitled,
        desk_part=desk, rho=rng(32),
    )  # fmt: skip


@FEW
@given(examples.SEEDS, st.binary(max_size=206), st.binary(max_size=86))
def every_row_has_one_size(rng: Rng, entitled: bytes, desk: bytes) -> None:
    """What a row holds shows in no length, and comes out as it went in."""
    output, opening = OprfOutput(rng(64)), rng(96)
    row = _sealed(output, opening, rng, entitled, desk)
    assert len(row.stored) == sealing.STORED_BYTES
    assert sealing.open_row(row, output, opening) == (entitled, desk)


@FEW
@given(examples.SEEDS, st.integers(0, sealing.STORED_BYTES - 1))
def an_altered_row_never_opens(rng: Rng, place: int) -> None:
    """One changed bit anywhere, another output or another opening, and nothing comes out."""
    output, opening = OprfOutput(rng(64)), rng(96)
    row = _sealed(output, opening, rng)
    altered = Row(insurer=AMC, epoch=1, batch=1, handle=row.handle, stored=flipped(row.stored, place))
    attempts = [
        (altered, output, opening),
        (row, OprfOutput(rng(64)), opening),
        (row, output, flipped(opening, place)),
        (row, output, opening[:64]),
        (row, output, b""),
    ]
    for attempted, with_output, with_opening in attempts:
        with pytest.raises(ProofFailure):
            sealing.open_row(attempted, with_output, with_opening)


@FEW
@given(examples.SEEDS, st.integers(0, 31))
def a_row_opens_in_its_own_place_only(rng: Rng, place: int) -> None:
    """A row moved to another handle, batch, epoch or insurer does not open there."""
    output, opening = OprfOutput(rng(64)), rng(96)
    row = _sealed(output, opening, rng)
    moved = [
        Row(insurer="99000002", epoch=1, batch=1, handle=row.handle, stored=row.stored),
        Row(insurer=AMC, epoch=2, batch=1, handle=row.handle, stored=row.stored),
        Row(insurer=AMC, epoch=1, batch=2, handle=row.handle, stored=row.stored),
        Row(insurer=AMC, epoch=1, batch=1, handle=Handle(flipped(row.handle, place)), stored=row.stored),
    ]
    for other in moved:
        assert other.digest() != row.digest()
        with pytest.raises(ProofFailure):
            sealing.open_row(other, output, opening)


@FEWER
@given(st.integers(0, 2**32))
def a_row_never_opens_under_two_keys(seed: int) -> None:
    """A ciphertext that two keys decrypt still opens under one opening: the row commits to its key."""
    output = OprfOutput(examples.seeded(seed)(64))
    row, first, second = row_of_two_keys(output, seed)
    sealing.open_row(row, output, first)
    with pytest.raises(ProofFailure, match="key servers"):
        sealing.open_row(row, output, second)


# --- entitlements ------------------------------------------------------------------------------


@FEW
@given(examples.hub_parts(), examples.TWO_KEYS, st.integers(0, 300))
def an_altered_entitlement_is_refused(part: entitlement.HubPart, keys: list[SigningKey], place: int) -> None:
    """One changed bit, or another key, and an entitlement says nothing."""
    key, other = keys
    issued = entitlement.issue(part, key)
    assert entitlement.verify_entitlement(issued, {part.insurer: key.public}) == part
    with pytest.raises(ProofFailure, match=part.insurer):
        entitlement.verify_entitlement(issued, {part.insurer: other.public})
    altered = flipped(issued, place)
    with pytest.raises(ParaventError):
        entitlement.verify_entitlement(altered, {part.insurer: key.public})


@FEW
@given(examples.hub_parts(), examples.KEYS)
def an_envelope_has_one_encoding(part: entitlement.HubPart, key: SigningKey) -> None:
    """The signature does not cover the envelope, so its form must be the only one."""
    issued = entitlement.issue(part, key)
    payload_at = len(entitlement._ENVELOPE_START)
    payload_length = issued[payload_at + 1]
    before, after = issued[:payload_at], issued[payload_at + 2 :]
    others = [
        issued + b"\0",  # a trailing byte
        issued[1:],  # no tag
        b"\xd8\x12" + issued[1:],  # the tag on two bytes
        b"\xd9\xd9\xf7" + issued,  # the tag of CBOR itself
        issued[:1] + b"\x98\x04" + issued[2:],  # the array's length on two bytes
        issued[:1] + b"\x9f" + issued[2:] + b"\xff",  # an array of no stated length
        before + b"\x59\x00" + bytes([payload_length]) + after,  # the payload's length on three bytes
        issued[:5] + b"\x26" + issued[6:],  # ES256
        issued[:6] + b"\xa1\x04\x41\x00" + issued[7:],  # an unprotected key identifier
        issued[:6] + b"\xbf\xff" + issued[7:],  # an empty map of no stated length
    ]
    for other in others:
        with pytest.raises(MalformedMessage):
            entitlement.verify_entitlement(other, {part.insurer: key.public})


@FEW
@given(examples.hub_parts(), examples.DESK_PARTS, examples.KEYS, st.integers(0, 100))
def a_desk_part_is_the_one_signed(
    part: entitlement.HubPart, desk: entitlement.DeskPart, key: SigningKey, place: int
) -> None:
    """D is the one that E was signed with, or it is refused."""
    encoded = desk.encode()
    linked = {name: getattr(part, name) for name in part.__slots__} | {"desk_digest": entitlement.desk_digest(encoded)}
    read = entitlement.verify_entitlement(
        entitlement.issue(entitlement.HubPart(**linked), key), {part.insurer: key.public}
    )
    assert entitlement.verify_desk_part(read, encoded) == desk
    for altered in (flipped(encoded, place), encoded + b"\0", encoded[:-1], b""):
        with pytest.raises(ProofFailure, match=part.insurer):
            entitlement.verify_desk_part(read, altered)


# --- trees -------------------------------------------------------------------------------------


TREES = st.builds(Tree, st.integers(0, 70), st.integers(0, 9))
GROWN = st.builds(Tree, st.integers(1, 70), st.integers(0, 9))


@FEW
@given(GROWN, st.integers(0, 255))
def an_altered_inclusion_is_refused(tree: Tree, place: int) -> None:
    """A leaf stands where its proof says, with its handle and its row, or the proof is refused."""
    leaf = tree.leaf(place % tree.count)
    tree.require_included(leaf)
    for altered in altered_leaves(tree, leaf, place):
        with pytest.raises(ProofFailure, match="hub"):
            tree.require_included(altered)
    with pytest.raises(ProofFailure):
        manifest.verify_inclusion(leaf, count=tree.count, root=flipped(tree.root, place), culprit="hub")


@FEW
@given(GROWN, st.integers(0, 255))
def a_present_handle_is_never_absent(tree: Tree, place: int) -> None:
    """No leaf, no pair of leaves and no silence proves that a handle of the tree is not there."""
    index = place % tree.count
    near = [tree.leaf(at) for at in range(max(0, index - 3), min(tree.count, index + 4))]
    ends = [tree.leaf(0), tree.leaf(tree.count - 1)]
    for size in (0, 1, 2):
        for neighbours in itertools.product([*near, *ends], repeat=size):
            with pytest.raises(ProofFailure):
                tree.require_absent(tree.handles[index], list(neighbours))


@FEW
@given(TREES, st.integers(0, 255))
def an_altered_absence_is_refused(tree: Tree, place: int) -> None:
    """An absence is proved by the two leaves around it, in order, unaltered; by nothing else."""
    handle, neighbours = tree.gap(place % (tree.count + 1))
    tree.require_absent(handle, neighbours)
    wrong = [neighbours[:at] + neighbours[at + 1 :] for at in range(len(neighbours))]
    wrong += [[*neighbours, *neighbours], neighbours[::-1]] if len(neighbours) > 1 else []
    wrong += [[tree.leaf(at)] for at in range(tree.count) if [tree.leaf(at)] != neighbours][:3]
    for at, leaf in enumerate(neighbours):
        wrong += [[*neighbours[:at], altered, *neighbours[at + 1 :]] for altered in altered_leaves(tree, leaf, place)]
    for proof in wrong:
        with pytest.raises(ProofFailure, match="hub"):
            tree.require_absent(handle, proof)


def a_node_is_never_a_leaf() -> None:
    """The hash of two nodes is not the hash of any entry: a path cannot be shortened."""
    for count in range(2, 12):
        tree = Tree(count)
        inner = tree.levels[1][:32]
        joined = tree.levels[0][:64]
        assert merkle.leaf_hash(joined) != inner


# --- status lists ------------------------------------------------------------------------------


@FEW
@given(st.sets(st.integers(0, 2047), max_size=40))
def exactly_the_revoked_are_revoked(revoked: set[int]) -> None:
    """Each bit is of one entitlement; none outside the list is read or set."""
    array = status.encode(revoked, 2048)
    assert {index for index in range(2048) if status.is_revoked(array, index)} == revoked
    for outside in (-1, 2048, 2**32):
        with pytest.raises(MalformedMessage):
            status.is_revoked(array, outside)
        with pytest.raises(MalformedMessage):
            status.encode([outside], 2048)
