"""Measures of the breach desk: each property holds, and fails when one check is taken out of the code."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from tests import engines
from tests.unit.crypto.mutation import FAILURES, Defect, properties_of
from tests.unit.parties import suspension_properties as properties
from tests.unit.parties.suspension_properties import CASE, asked
from tests.unit.parties.world import World

from paravent.access import enrolment_store, suspension
from paravent.access.enrolment_store import DeviceLedger
from paravent.breach import suspension as desk
from paravent.breach.suspension import Outcome, OutcomeKind, complete, effect
from paravent.desk.client import _too_few
from paravent.errors import LaneSuspended, Refusal, Unreachable
from paravent.hub import rows
from paravent.keyserver import evaluation, opening
from paravent.wire.suspension import Measure, SubjectKind

pytestmark = engines.BOTH

FUNCTIONS = {asked.__name__, "carried_out", "request", "sent", "verifier"}
PROPERTIES = [found for found in properties_of(properties) if found.__name__ not in FUNCTIONS]

DEFECTS = [
    Defect(
        name="whoever asks is the breach desk", owner=suspension, attribute="admit",
        old="if desk is None or claimed_keyid(request) != key_id(VerifyKey(desk.verify_key)):",
        new="desk = desk or directory.hub\n    if False:",
        broken=properties.only_the_breach_desk_suspends,
    ),
    Defect(
        name="request not verified", owner=suspension, attribute="verify_request",
        replacement=lambda *_, **__: SimpleNamespace(digest=bytes(32), keyid="0" * 32, nonce="n"),
        broken=properties.a_measure_is_for_one_verifier_and_one_body,
    ),
    Defect(
        name="a replay is carried out again", owner=suspension, attribute="carry_out",
        old="store.first_time(admitted.caller, now) and _change", new="_change",
        broken=properties.a_replay_does_not_undo_what_was_decided_since,
    ),
    Defect(
        name="a case ends every case", owner=DeviceLedger, attribute="resume_for",
        old="(kind, subject, case_number) = (?, ?, ?)", new="(kind, subject) = (?, ?) OR ? = case_number",
        broken=properties.cases_and_operators_stand_apart,
    ),
    Defect(
        name="cases are not looked at", owner=enrolment_store, attribute="_bars",
        old="BarReason.INQUIRY.value, *subjects)", new="BarReason.INQUIRY.value, *(('',) * 6))",
        broken=properties.a_measure_lasts,
    ),
    Defect(
        name="a case withdraws a whole shop", owner=suspension, attribute="admit",
        old="asked.measure is Measure.WITHDRAW", new="False", broken=properties.a_resumption_ends_no_withdrawal,
    ),
    Defect(
        name="a measure leaves no row", owner=DeviceLedger, attribute="suspend_for",
        old="if written.rowcount == 1:", new="if False:", broken=properties.every_measure_is_a_row_with_its_case,
    ),
    Defect(
        name="a report of another request is believed", owner=desk, attribute="read_report",
        old="sent.digest)", new="report.request)", broken=properties.a_report_is_on_one_request_by_one_verifier,
    ),
    Defect(
        name="a key server looks up in a closed lane", owner=evaluation, attribute="require_open_lane",
        replacement=lambda *_: None, broken=properties.a_closed_lane_opens_nothing_and_bars_no_device,
    ),
    Defect(
        name="a key server opens in a closed lane", owner=opening, attribute="require_open_lane",
        replacement=lambda *_: None, broken=properties.a_closed_lane_opens_nothing_and_bars_no_device,
    ),
    Defect(
        name="the hub gives rows in a closed lane", owner=rows, attribute="require_open_lane",
        replacement=lambda *_: None, broken=properties.a_closed_lane_opens_nothing_and_bars_no_device,
    ),
    Defect(
        name="the lane of one insurer is that of all", owner=DeviceLedger, attribute="lane_closed_since",
        old="(kind, subject) IN (VALUES (?, ?), (?, ?))", new="'' NOT IN (?, ?, ?, ?)",
        broken=properties.a_closed_lane_opens_nothing_and_bars_no_device,
    ),
    Defect(
        name="the lane of nobody is closed", owner=suspension, attribute="admit",
        old="directory.insurer(asked.subject) is None", new="False",
        broken=properties.a_lane_is_of_an_insurer_of_the_directory_or_of_all,
    ),
    Defect(
        name="a device of a suspended shop is answered", owner=enrolment_store, attribute="_bars",
        old="SubjectKind.SHOP.value, device.shop", new="SubjectKind.SHOP.value, ''",
        broken=properties.a_measure_holds_at_once_and_ends_with_its_case,
    ),
]  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_each_property_holds(holds: Callable[[World], None], world: World) -> None:
    holds(world)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_property_notices_its_defect(defect: Defect, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    defect.seed(monkeypatch)
    with pytest.raises(FAILURES):
        defect.broken(world)


def test_the_effect_is_stated_from_what_verifiers_said(world: World) -> None:
    report = properties.carried_out(world, asked(world, Measure.LOOK, SubjectKind.SHOP))
    away = Outcome(verifier="hub", report=None, error=Unreachable("hub does not answer"))
    outcomes = [Outcome(verifier="keyserver-1", report=report), away]
    sentences = effect(asked(world, Measure.SUSPEND, SubjectKind.SHOP), outcomes)
    english = " ".join(sentence for _, sentence in sentences)
    assert f"Case {CASE}: the shop {world.device.shop} is suspended (active devices: 1, professionals: 1" in english
    assert "No proper answer from hub" in english
    assert not complete(outcomes)
    assert complete(outcomes[:1])
    assert [outcome.kind(Measure.SUSPEND) for outcome in outcomes] == [OutcomeKind.ALREADY, OutcomeKind.FAILED]
    assert len(effect(asked(world, Measure.RESUME), outcomes[:1])) == 2


def test_the_effect_of_a_closed_lane_says_that_cards_go_on(world: World) -> None:
    for kind, whose in ((SubjectKind.INSURER, "of insurer"), (SubjectKind.LANE, "of every insurer")):
        english = " ".join(sentence for _, sentence in effect(asked(world, Measure.SUSPEND, kind), []))
        assert whose in english
        assert "Going on: cards" in english
        assert "never that somebody is not covered" in english


def test_a_desk_says_that_the_lane_is_closed_whatever_else_failed() -> None:
    closed, away = LaneSuspended("closed"), Unreachable("away")
    assert _too_few([away, closed], 0, 2) is closed
    assert not isinstance(_too_few([away, away], 0, 2), LaneSuspended)
    assert not isinstance(closed, Refusal)
