"""Recomputing a claim: the one function by which hub and insurer judge its amounts (docs/protocol.md section 11).

It checks no signature, entitlement or state, and trusts nothing that the desk computed. Pure.
"""

from __future__ import annotations

from paravent.errors import AmountMismatch
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import equipment_of
from paravent.optics.quote import Quote, compute_quote, require_amounts
from paravent.optics.rules import Rules
from paravent.wire.claims import Claim


def adjudicate(claim: Claim, guarantee: Guarantee, rules: Rules) -> Quote:
    """Recomputes a claim from its items and returns what they give.

    1. the rules quoted are the ones used here; 2. the items are one equipment; 3. the amounts agree.
    Raises AmountMismatch with both versions or both figures, InvalidBasket.
    """
    # 1. the rules quoted
    if claim.rules != rules.version:
        raise AmountMismatch(f"claimed with rules {claim.rules}; the rules in force are {rules.version}")
    # 2. the items
    quote = compute_quote(equipment_of(claim.items), guarantee, rules)
    # 3. the amounts
    require_amounts(quote, amo_cents=claim.amo_cents, amc_cents=claim.amc_cents, rest_cents=claim.rest_cents)
    return quote
