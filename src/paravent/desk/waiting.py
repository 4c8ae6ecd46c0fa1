"""Acts without an answer of the hub, and how many euros of claims may wait (docs/protocol.md 8.4, 11.2): pure.

Without the hub nobody promises that a claim will be accepted: what waits is the shop's own risk, and has a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.errors import WaitingLimitReached
from paravent.optics.money import format_plain
from paravent.wire.claims import CLAIM_BYTES_MAX, Act, Claim
from paravent.wire.codec import decode
from paravent.wire.statements import Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many acts got no answer, how many of them are claims, and the insurers' part of those in cents."""

    acts: int
    claims: int
    cents: int


def waiting(acts: Sequence[Act]) -> Waiting:
    """Adds up what waits."""
    amounts = [_cents(act.claim) for act in acts if act.claim is not None]
    return Waiting(acts=len(acts), claims=len(amounts), cents=sum(amounts))


def require_room(already: Sequence[Act], act: Act, cents_max: int) -> None:
    """Checks that a new claim may wait beside those that do; raises WaitingLimitReached.

    While no claim waits, a claim of any amount is sent: nobody knows yet that the hub is away.
    """
    before = waiting(already)
    if act.claim is None or not before.claims or before.cents + _cents(act.claim) <= cents_max:
        return
    raise WaitingLimitReached(
        f"claims of {format_plain(before.cents)} EUR wait for the hub's answer,"
        f" {format_plain(cents_max)} EUR may: this one, of {format_plain(_cents(act.claim))} EUR,"
        " was neither sent nor kept"
    )


def _cents(claim: Signed) -> int:
    return decode(claim.payload, Claim, bytes_max=CLAIM_BYTES_MAX).amc_cents
