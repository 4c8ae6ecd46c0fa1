"""Negative controls: each property holds as the code is, and fails when one check is taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from unittest.mock import ANY

import pytest
from tests.unit.parties import properties
from tests.unit.parties.world import World

from paravent.access.store import Ledger
from paravent.crypto.manifest import Inclusion, verify_inclusion
from paravent.crypto.sealing import Handle
from paravent.desk.epoch import VerifiedEpoch
from paravent.desk.number_lane import Opening
from paravent.errors import ParaventError
from paravent.hub.acts import Adjudicator
from paravent.hub.books import Books
from paravent.hub.claim_store import ClaimStore, StoredRecord
from paravent.insurer.claim_store import Claims
from paravent.insurer.claims import Reviewer
from paravent.keyserver.state import LeafPosition
from paravent.keyserver.store import Store as KeyServerStore
from paravent.optics.claim_states import RightRecord
from paravent.wire.codec import decode
from paravent.wire.statements import ManifestHead, Signed

Property = Callable[[World], None]

PROPERTIES: list[Property] = [
    found
    for name, found in vars(properties).items()
    if callable(found) and not name.startswith("_") and getattr(found, "__module__", "") == properties.__name__
]
FAILURES = (AssertionError, pytest.fail.Exception, ParaventError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One check taken out: what stands in its place, and which property must notice."""

    name: str
    target: str | tuple[type, str]
    replacement: Callable[[World], object]
    broken: Property


def nothing(_: World) -> object:
    """A check that accepts everything."""
    return lambda *_, **__: None


def always(value: object) -> Callable[[World], object]:
    """A check that says the same whatever it is asked."""
    return lambda _: lambda *_, **__: value


def victim(world: World) -> object:
    """A handle that is looked up instead of recomputed: always the first member's."""
    handle = world.known_to_insurer(world.covered()).handle
    return lambda *_: handle


def leaves_only(_: World) -> object:
    """An absence proof of which only the leaves are checked, not that they are neighbours."""

    def verify(_: Handle, leaves: Sequence[Inclusion], *, count: int, root: bytes, culprit: str) -> None:
        for leaf in leaves:
            verify_inclusion(leaf, count=count, root=root, culprit=culprit)

    return verify


def unsigned(_: World) -> object:
    """A statement that is read without its signature."""
    return lambda signed, kind, *_: decode(signed.payload, kind)


def head_without_counter(_: World) -> object:
    """A head whose counter and date nobody compares."""

    def verify(signed: Signed, _: VerifiedEpoch, *, now: int, counter_min: int) -> ManifestHead:
        assert now or counter_min
        return decode(signed.payload, ManifestHead)

    return verify


def unversioned(_: World) -> object:
    """A write that does not compare the version it read."""

    def keep(store: ClaimStore, name: bytes, _: StoredRecord | None, sealed: bytes) -> bool:
        store._connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?, 1)", (name, sealed))
        return True

    return keep


def lost_leaf(_: World) -> object:
    """A log that says it has a leaf and writes none."""
    return lambda *_: LeafPosition(index=0, leaf_hash=bytes(32))


DEFECTS = [
    Defect(
        name="key commitment not compared", target="paravent.crypto.sealing.hmac",
        replacement=lambda _: SimpleNamespace(compare_digest=lambda *_: True),
        broken=properties.wrong_opening_values_fail_before_decryption,
    ),
    Defect(
        name="proof of evaluation not verified", target="paravent.desk.number_lane.verify_proof",
        replacement=nothing, broken=properties.wrong_share_names_its_server,
    ),
    Defect(
        name="liars not compared", target=(Opening, "_lies"), replacement=always([]),
        broken=properties.lying_opener_is_named,
    ),
    Defect(
        name="opening not verified", target="paravent.desk.number_lane.open_statement",
        replacement=unsigned, broken=properties.opening_is_signed_by_its_server,
    ),
    Defect(
        name="neighbours not adjacent", target="paravent.desk.number_lane.verify_absence",
        replacement=leaves_only, broken=properties.a_row_is_never_hidden,
    ),
    Defect(
        name="absence not verified", target="paravent.desk.number_lane.verify_absence",
        replacement=nothing, broken=properties.a_row_is_never_hidden,
    ),
    Defect(
        name="inclusion not verified", target="paravent.desk.number_lane.verify_inclusion",
        replacement=nothing, broken=properties.a_path_leads_to_the_signed_root,
    ),
    Defect(
        name="age of the head not compared", target="paravent.desk.number_lane.verify_head",
        replacement=head_without_counter, broken=properties.an_old_manifest_is_refused,
    ),
    Defect(
        name="counter of the head not compared", target="paravent.desk.number_lane.verify_head",
        replacement=head_without_counter, broken=properties.an_older_counter_is_refused,
    ),
    Defect(
        name="answers not padded", target="paravent.hub.rows.answer_padding", replacement=always(""),
        broken=properties.presence_shows_in_no_length,
    ),
    Defect(
        name="handle not recomputed at the hub", target="paravent.hub.rows.handle_of", replacement=victim,
        broken=properties.a_key_fetches_its_own_row_only,
    ),
    Defect(
        name="handle key not proved at the hub", target="paravent.hub.rows.verify", replacement=nothing,
        broken=properties.a_row_needs_the_secret_of_its_key,
    ),
    Defect(
        name="handle not recomputed at a key server", target="paravent.keyserver.opening.handle_of",
        replacement=victim, broken=properties.a_key_opens_its_own_label_only,
    ),
    Defect(
        name="handle key not proved at a key server", target="paravent.keyserver.opening.verify",
        replacement=nothing, broken=properties.an_opening_needs_the_secret_of_its_key,
    ),
    Defect(
        name="quota not compared", target="paravent.access.store.require_quota", replacement=always(value=True),
        broken=properties.look_ups_end_with_the_quota,
    ),
    Defect(
        name="nonce not remembered", target=(Ledger, "first_time"), replacement=always(value=True),
        broken=properties.an_identical_request_is_free,
    ),
    Defect(
        name="leaf not written", target=(KeyServerStore, "append"), replacement=lost_leaf,
        broken=properties.every_answer_has_its_leaf,
    ),
    Defect(
        name="share not verified", target="paravent.keyserver.deal.verify_share", replacement=nothing,
        broken=properties.a_wrong_share_is_not_receipted,
    ),
    Defect(
        name="opening key not compared", target="paravent.keyserver.deal.key_digest",
        replacement=always(ANY), broken=properties.a_wrong_opening_key_is_not_receipted,
    ),
    Defect(
        name="receipts not counted", target="paravent.desk.epoch.verify_receipts",
        replacement=always((1, 2, 3)), broken=properties.t_receipts_are_needed,
    ),
    Defect(
        name="operators not compared", target="paravent.desk.epoch.require_independence",
        replacement=nothing, broken=properties.one_house_is_refused,
    ),
    Defect(
        name="root not compared", target="paravent.hub.publication.root_of", replacement=always(ANY),
        broken=properties.altered_rows_never_go_live,
    ),
    Defect(
        name="binding not compared", target="paravent.desk.entitled.verify_binding", replacement=nothing,
        broken=properties.a_row_is_bound_to_its_label,
    ),
    Defect(
        name="holder not compared", target="paravent.desk.entitled.verify_holder", replacement=nothing,
        broken=properties.a_card_is_of_its_holder,
    ),
    Defect(
        name="idempotency key not looked up", target=(Books, "decided"), replacement=always(None),
        broken=properties.the_same_act_has_one_decision,
    ),
    Defect(
        name="version not compared", target=(ClaimStore, "keep_record"), replacement=unversioned,
        broken=properties.one_writer_wins,
    ),
    Defect(
        name="state not read", target=(Books, "right"), replacement=always(None),
        broken=properties.the_second_shop_is_refused,
    ),
    Defect(
        name="status list not read", target=(Adjudicator, "_require_not_revoked"), replacement=nothing,
        broken=properties.a_revoked_right_is_refused,
    ),
    Defect(
        name="amounts not recomputed at the hub", target=(Adjudicator, "_require_amounts"),
        replacement=nothing, broken=properties.the_hub_recomputes_amounts,
    ),
    Defect(
        name="claims not remembered", target=(Claims, "line_of"), replacement=always(None),
        broken=properties.a_claim_is_paid_once,
    ),
    Defect(
        name="paid months not remembered", target=(Claims, "paid"), replacement=always(RightRecord()),
        broken=properties.a_second_pair_too_soon_is_not_paid,
    ),
]  # fmt: skip


def seed(defect: Defect, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes one check out; a target that no longer exists is an error, never a test that passes."""
    replacement = defect.replacement(world)
    if isinstance(defect.target, str):
        monkeypatch.setattr(defect.target, replacement)
    else:
        monkeypatch.setattr(*defect.target, replacement)


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property, world: World) -> None:
    held(world)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(defect, world, monkeypatch)
    with pytest.raises(FAILURES):
        defect.broken(world)


def test_the_insurer_notices_a_hub_that_does_not_recompute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two walls: with the hub's gone the insurer's stands; with both gone, money would leave."""
    monkeypatch.setattr(Adjudicator, "_require_amounts", lambda *_: None)
    properties.the_insurer_recomputes_amounts(world)
    monkeypatch.setattr(Reviewer, "_check_money", lambda *_: None)
    with pytest.raises(AssertionError):
        properties.the_insurer_recomputes_amounts(world)


def test_every_property_has_its_defect() -> None:
    checked = {defect.broken for defect in DEFECTS} | {properties.the_insurer_recomputes_amounts}
    assert checked == set(PROPERTIES)
