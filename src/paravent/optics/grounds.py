"""Why an insurer disputes, reverses or releases, in words for a shop (docs/protocol.md section 11, step 11.6): pure.

The code travels and is signed; the sentences are read on the screen of the desk and of the insurer.
"""

from __future__ import annotations

from typing import Final

from paravent.wire.claims import Ground

_TEXTS: Final = {
    Ground.ENTRY_ERROR: ("erreur de saisie", "entry error"),
    Ground.NOT_DELIVERED: ("équipement non délivré", "equipment not delivered"),
    Ground.DUPLICATE: ("déjà pris en charge autrement", "already covered in another way"),
    Ground.AMOUNT: ("montants contestés", "amounts contested"),
    Ground.NOT_ENTITLED: ("droits non ouverts", "not entitled"),
    Ground.MEMBER_CONTESTS: ("contesté par l'assuré", "contested by the insured person"),
    Ground.AUDIT: ("contrôle médical", "medical audit"),
    Ground.HELD_TOO_LONG: ("prise en charge gardée trop longtemps", "prise en charge held too long"),
}


def ground_fr(ground: Ground | None) -> str:
    """Says a ground in French; empty when there is none."""
    return "" if ground is None else _TEXTS[ground][0]


def ground_en(ground: Ground | None) -> str:
    """Says a ground in English; empty when there is none."""
    return "" if ground is None else _TEXTS[ground][1]
