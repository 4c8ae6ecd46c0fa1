"""Why an item is paid as it is: a code for machines, a sentence in French with its source for the quote.

Part of the quote (docs/protocol.md section 11). A sentence cites a text of law only for what the law
says; panachage is cited as a practice of insurers. It computes nothing.
"""

from __future__ import annotations

from enum import StrEnum

from paravent.optics.guarantee import Guarantee
from paravent.optics.money import format_euros
from paravent.optics.rules import Rules, Status
from paravent.wire.optics_terms import Band

MIXED = " ; équipement mixte : le prix de l'élément de classe A en est déduit (pratique des organismes)"


class Why(StrEnum):
    """What decided the cover of an item."""

    CLASS_A = "class-a"
    PARTICIPATION = "participation"
    NOTHING_LEFT = "nothing-left"
    NO_CLASS_B = "no-class-b"
    WITHIN_BAND = "within-band"
    FRAME_CAP = "frame-cap"
    BAND_CEILING = "band-ceiling"


def class_a_reason(limit_cents: int, status: Status) -> str:
    """Says that a class A item is paid in full, and when its price limit is not an official one."""
    caution = ", valeur illustrative non officielle" if status == "illustrative" else ""
    return (
        "Classe A (100 % Santé) : sans reste à charge dans la limite de prix (CSS L.871-1), ici"
        f" {format_euros(limit_cents)}{caution}"
    )


def participation_reason(limit_cents: int) -> str:
    """Says that only the insured's share of the base of a service is covered."""
    return (
        "Prestation : seule la participation de l'assuré sur la base de remboursement est prise en charge ; limite de"
        f" prix {format_euros(limit_cents)}, valeur illustrative non officielle"
    )


NOTHING_LEFT = "Rien à payer : les couvertures précédentes ont déjà tout pris en charge"


def class_b_reason(why: Why, guarantee: Guarantee, band: Band, rules: Rules, *, mixed: bool) -> str:
    """Says what limits a class B item, or that nothing does."""
    if why is Why.NO_CLASS_B:
        return f"Classe B : non couverte par la garantie {guarantee.code}"
    if why is Why.FRAME_CAP:
        return (
            f"Monture de classe B : limitée à {format_euros(guarantee.frame_max_cents)} par la garantie"
            f" {guarantee.code} (contrat responsable : {format_euros(rules.content.bands.frame_max_cents)}"
            " au plus, CSS R.871-2 3°)"
        )
    amount = format_euros(guarantee.class_b_cents[band])
    verb = "limitée par le" if why is Why.BAND_CEILING else "dans le"
    return (
        f"Classe B : prise en charge {verb} forfait de {amount} de la garantie {guarantee.code} pour"
        f" l'équipement {band.value} (CSS R.871-2 3°)" + (MIXED if mixed else "")
    )
