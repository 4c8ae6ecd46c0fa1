"""What an insurer of a simulation does beside publishing: hands lists over, pulls and judges decisions (section 11)."""

from __future__ import annotations

from paravent.crypto import status
from paravent.crypto.labels import Label
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.parties import SimulatedHub
from paravent.hub.statements import GUARANTEES, STATUS_LIST, verify_statement
from paravent.insurer.claims import Reviewer
from paravent.optics.store import every_shipped_rules
from paravent.wire.statements import Directory, StatusList


def hand_over(insurer: SimulatedInsurer, hub: SimulatedHub, now: int) -> None:
    """Hands the guarantees and the current status list to the hub."""
    indices, bits = insurer.store.register.revoked()
    statuses = StatusList(
        insurer=insurer.amc, counter=insurer.store.next_counter("status-list"), issued_at=now,
        bits=status.encode(indices, bits),
    )  # fmt: skip
    statements = (
        (STATUS_LIST, insurer.sign(statuses, Label.STATUS_LIST)),
        (GUARANTEES, insurer.sign(insurer.tables, Label.GUARANTEES)),
    )
    for kind, signed in statements:
        hub.store.keep_statement(insurer.amc, kind, verify_statement(signed, kind, insurer.entry), signed)


def pull(insurer: SimulatedInsurer, hub: SimulatedHub, directory: Directory, now: int) -> None:
    """Pulls every new event and judges it."""
    reviewer = Reviewer(
        amc=insurer.amc, keys=insurer.keys, directory=directory, tables=insurer.tables, rules=every_shipped_rules(),
        register=insurer.store.register, ledger=insurer.store.claims,
    )  # fmt: skip
    while events := hub.store.claims.events(insurer.amc, insurer.store.exchange.last_pulled()).events:
        for event in events:
            insurer.store.claims.keep(reviewer.review(event, now))
            insurer.store.exchange.keep_pulled(event.number)
