"""Severity by the ENISA formula SE = DPC * EI + CB (working document v1.0, December 2013): pure.

The same incident is scored as it is, sealed, and as it would be if the data had been in clear: the difference is what
the sealing was worth. Values of DPC, EI and CB are of the document; the thresholds are from general knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paravent.breach.entries import LootKind, Stolen

PERSONS_FLAG_MIN = 101
_LEVELS = ((2.0, "faible"), (3.0, "moyenne"), (4.0, "élevée"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """A score with its inputs: context of the data, ease of identification, circumstances, flags outside the score."""

    state: str
    context: float
    identification: float
    circumstances: float
    persons_above_100: bool
    unintelligible: bool
    why: str

    @property
    def score(self) -> float:
        """SE."""
        return round(self.context * self.identification + self.circumstances, 2)

    @property
    def level(self) -> str:
        """The level in words."""
        return next((name for limit, name in _LEVELS if self.score < limit), "très élevée")


def severities(stolen: Iterable[Stolen], persons: int, rows: int) -> tuple[Severity, Severity]:
    """Scores a case as sealed, with the ``persons`` whose record was opened, and as if all ``rows`` were in clear.

    Context 3: insurer and guarantees, with the NIR used to look up. Malicious intent adds 0.5; loss of confidentiality
    0.5 when somebody may have read, 0.25 when what left is unintelligible.
    """
    kinds = {loot.kind for loot in stolen}
    read = persons > 0 or LootKind.CLEAR_FILE in kinds
    sealed = Severity(
        state="données protégées comme elles l'étaient", context=3.0, identification=1.0 if read else 0.25,
        circumstances=(0.5 if read else 0.25) + 0.5, persons_above_100=persons >= PERSONS_FLAG_MIN,
        unintelligible=not read,
        why="des dossiers ont été ouverts" if read else "les lignes copiées ne s'ouvrent pas sans t serveurs de clés",
    )  # fmt: skip
    clear = Severity(
        state="si elles ne l'avaient pas été", context=3.0, identification=1.0, circumstances=1.0,
        persons_above_100=rows >= PERSONS_FLAG_MIN, unintelligible=False,
        why="toutes les lignes de la base auraient été lisibles",
    )  # fmt: skip
    return sealed, clear
