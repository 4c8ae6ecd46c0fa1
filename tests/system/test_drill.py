"""The drill's scenarios on running processes hold their bounds, and would say so if they did not."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from paravent.drill import card_only, stores
from paravent.drill.counter import card_of
from paravent.drill.credentials.real import attack
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.implant import implanted
from paravent.drill.platform import INSURERS
from paravent.drill.population import synthesise
from paravent.drill.row import Row
from paravent.drill.scenarios import cards, desks, guesses, insurers, logins, machines, observers, operators, purchases
from paravent.drill.staff import hire
from paravent.wire.card import read_card

# A release of the key server that counts nothing.
COUNTS_NOTHING = """
import sys
if "serve" in sys.orig_argv:
    from paravent.access import store
    store.require_quota = lambda *_: True
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    population = synthesise(300, list(INSURERS), 42, datetime.now(UTC).year)
    with closing(Ground(home=tmp_path_factory.mktemp("drill"), population=population)) as built:
        yield built


def cases(rows: Iterator[Row]) -> dict[str, Row]:
    found = {row.case: row for row in rows}
    assert [row for row in found.values() if not row.holds()] == []
    return found


def test_a_login_alone_opens_nobody(ground: Ground) -> None:
    row = cases(logins.stolen_password(ground))["no-device"]
    assert (row.opened, row.membership, row.computed, row.figures["answered_unsigned"]) == (0, 0, 0, 0)
    waiting = cases(logins.provider_session(ground))
    assert (waiting["first-72-hours"].opened, waiting["c0-then-d1"].opened) == (0, 15)
    assert all(row.computed == row.opened for row in waiting.values())


def test_an_insurers_keys_tell_who_is_a_member_and_open_as_a_device_does(ground: Ground) -> None:
    members = len(ground.population.of_insurer(ground.population.insurers[0]))
    rows = cases(insurers.bulk_key(ground))
    assert {(row.opened, row.membership) for case, row in rows.items() if "device" not in case} == {(0, members)}
    assert rows["key+device-key"].reached()
    forged = cases(insurers.credential(ground))[""]
    assert (forged.opened, forged.figures["forged_payable_at_the_insurer"]) == (0, 0)


def test_a_card_is_one_person_and_can_be_replaced(ground: Ground) -> None:
    photographed, burned = (cases(play(ground))[""] for play in (cards.photographed, cards.burned))
    assert (photographed.opened, photographed.figures["usable_after_revocation"]) == (1, False)
    assert (burned.figures["insured_person_then"], burned.figures["insured_person_after_reversal"]) == (
        "refused", "accepted",
    )  # fmt: skip


def test_memory_of_the_hub_and_of_a_key_server_names_nobody(ground: Ground) -> None:
    rows = cases(machines.memory(ground))
    seen = {(row.opened, row.figures["numbers_seen"], row.figures["names_seen"]) for row in rows.values()}
    assert seen == {(0, 0, 0)}
    assert rows["hub"].figures["entitlements_seen"], "what passes is seen, or this looked at nothing"


def test_the_same_eyes_see_everybody_at_a_desk(ground: Ground) -> None:
    """The control of the one above: a desk does hold numbers, and they are seen there."""
    counter, persons = ground.counter(), ground.next_customers(2)
    watching = machines.spy(ground.paravent(), "desk", persons)
    for person in persons:
        counter.by_number(person)
        watching.look()
    assert watching.seen.numbers


def test_malware_on_a_desk_opens_whom_it_serves(ground: Ground) -> None:
    rows = cases(desks.desk_malware(ground))
    assert (rows["by-number"].opened, rows["by-number"].computed) == (desks.BY_NUMBER, desks.BY_NUMBER)
    assert rows["and-by-card"].reached()
    assert rows["and-its-key"].reached()
    assert rows["memory-of-hours-before"].computed == desks.BEFORE
    assert rows["and-its-key"].computed == (rows["and-its-key"].opened or 0) - desks.BY_CARD


def test_logs_name_nobody_and_a_line_that_did_would_be_seen(ground: Ground) -> None:
    clean = cases(operators.logs(ground))[""]
    assert (clean.opened, clean.membership) == (0, 0)
    person, seeded = ground.population.persons[0], ground.paravent().home / "seeded.log"
    entitlement, _ = read_card(card_of(ground.paravent(), person))
    seeded.write_bytes(person.coverages[0].nir.encode() + b"\n" + base64.b64encode(entitlement))
    found = next(operators.logs(ground))
    seeded.unlink()
    assert (found.opened, found.membership, found.holds()) == (1, 1, False)


def test_operators_alone_open_nobody(ground: Ground) -> None:
    assert {row.opened for row in operators.insider(ground)} == {0}
    assert cases(operators.lying_server(ground))[""].figures["liar_accused"] is True
    assert cases(observers.network(ground))[""].figures["same_lengths"] is True


def test_a_purchase_that_is_known_leads_to_the_others_with_the_databases_key_alone(ground: Ground) -> None:
    linked = cases(purchases.linkage(ground))
    assert (linked["copy"].opened, linked["copy"].membership, linked["copy"].figures["of_his_in_clear"]) == (0, 0, 0)
    keyed = linked["copy+database-key"]
    assert (keyed.opened, keyed.membership, keyed.figures["claims_of_his"]) == (0, 1, 2)


def test_copies_of_before_are_worth_a_device_key_or_nothing_and_a_card_alone_leaves_no_row(ground: Ground) -> None:
    rows = cases(stores.old_backups(ground))
    left = rows["left+device-key"]
    assert left.reached()
    assert left.computed == left.opened
    assert rows["left+device-key-after-the-epoch"].opened == 0
    apart = rows["card-only+3-of-3"]
    # The control: of the others, whose rows are there, the same files open everybody.
    assert (apart.opened, apart.membership, apart.figures["others_opened"]) == (0, 0, card_only.OTHERS)


def test_a_number_that_is_guessed_costs_a_look_up(ground: Ground) -> None:
    row = cases(guesses.nir_guessing(ground))[""]
    assert row.figures["numbers_tried"] == row.bound
    assert row.figures["detected_after_numbers"] is not None
    assert row.computed == row.opened


def test_a_release_that_counts_nothing_breaks_the_bound(ground: Ground) -> None:
    """The control of every bound: with quotas that are not kept, more are opened, and the row says so."""
    platform = ground.paravent()
    optician = hire(platform, 90, int(time.time()), 90)
    with implanted(platform, ground.folder("release"), COUNTS_NOTHING, *KEYSERVERS):
        row = attack(ground, platform, [optician], (), case="no-quota")
    assert not row.holds()
    assert row.computed == row.opened
