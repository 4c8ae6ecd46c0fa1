"""What the pages of one member show, computed from the journal, the ledger and the incidents: pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paravent.insurer.journal_store import JournalLine
from paravent.insurer.ledger import CORRECTED, LedgerState, ReviewedClaim
from paravent.pages.screens.catalogue import marked
from paravent.wire.claims import ActKind

FOLLOWED_SECONDS = 7 * 86_400
"""An act of the same shop so soon after a check is what the check was for."""
_HOUR_SECONDS = 3_600

_SENTENCES: dict[tuple[ActKind, LedgerState], str] = {
    (ActKind.RESERVE, LedgerState.NOTED): marked("Prise en charge accordée à l'opticien"),
    (ActKind.RESERVE, LedgerState.REFUSED): marked("Prise en charge refusée"),
    (ActKind.RESERVE, LedgerState.DISPUTED): marked("Prise en charge en cours de vérification"),
    (ActKind.CANCEL, LedgerState.NOTED): marked("Prise en charge annulée"),
    (ActKind.CONSUME, LedgerState.PAYABLE): marked("Lunettes payées : nous réglons notre part à l'opticien"),
    (ActKind.CONSUME, LedgerState.REFUSED): marked("Facture refusée : nous ne payons rien"),
    (ActKind.CONSUME, LedgerState.DISPUTED): marked(
        "Facture en cours de vérification : rien n'est payé pour l'instant"
    ),
    (ActKind.CONSUME, LedgerState.REVERSED): marked("Facture annulée : votre droit vous est rendu"),
    (ActKind.CORRECT, LedgerState.PAYABLE): marked("Facture corrigée : nous réglons notre part à l'opticien"),
    (ActKind.CORRECT, LedgerState.REFUSED): marked("Correction de facture refusée"),
    (ActKind.CORRECT, LedgerState.DISPUTED): marked("Correction de facture en cours de vérification"),
    (ActKind.CORRECT, LedgerState.REVERSED): marked("Correction annulée : votre droit vous est rendu"),
    (ActKind.REVERSE, LedgerState.NOTED): marked("Nous avons annulé la facture"),
    (ActKind.DISPUTE, LedgerState.NOTED): marked("Nous avons demandé une vérification de la facture"),
    (ActKind.UPHOLD, LedgerState.NOTED): marked("Vérification terminée : la facture est bonne"),
    (ActKind.RELEASE, LedgerState.NOTED): marked("Nous avons libéré votre droit, qu'un magasin gardait"),
}
_REPLACED = marked("Remplacé par une facture corrigée")
_OTHER = marked("Opération en cours d'examen")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnClaim:
    """A decision on the member's right: what happened in words, the shop, and euros in cents."""

    at: int
    sentence: str
    shop: str
    claimed_cents: int
    paid_cents: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOpening:
    """A check by number: from when to when, by which shop, what followed there, and whether enough servers saw it."""

    began_at: int
    ended_at: int
    shop: str
    followed: tuple[OwnClaim, ...]
    confirmed: bool
    servers: int


def claims(lines: Iterable[ReviewedClaim]) -> list[OwnClaim]:
    """Tells decisions in plain words."""
    return [_claim(line) for line in lines]


def openings(lines: Iterable[JournalLine], decided: Sequence[OwnClaim], threshold: int) -> list[OwnOpening]:
    """Tells the witnessed checks, with the acts of the same shop in the seven days that followed."""
    return [_opening(line, decided, threshold) for line in lines]


def as_csv(found: Iterable[OwnOpening]) -> bytes:
    """Writes the journal as a table for the person to keep: instants are Unix seconds."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["from", "to", "shop", "servers", "confirmed"])
    rows.writerows([one.began_at, one.ended_at, one.shop, one.servers, one.confirmed] for one in found)
    return text.getvalue().encode()


def same_size(answers: tuple[bytes, bytes], *, first: bool) -> bytes:
    """Chooses one of two pages that were both written, filled with spaces to the length of the longer one."""
    size = max(map(len, answers))
    return answers[0 if first else 1].ljust(size)


def _claim(line: ReviewedClaim) -> OwnClaim:
    kinds = {kind.value: kind for kind in ActKind}
    kind = kinds.get(line.kind)
    sentence = _OTHER if kind is None else _SENTENCES.get((kind, line.state), _OTHER)
    if line.state is LedgerState.REVERSED and line.reason == CORRECTED:
        sentence = _REPLACED
    return OwnClaim(
        at=line.decided_at, sentence=sentence, shop=line.shop, claimed_cents=line.claimed_cents,
        paid_cents=line.payable_cents, reason=line.reason if line.state is LedgerState.REFUSED else "",
    )  # fmt: skip


def _opening(line: JournalLine, decided: Sequence[OwnClaim], threshold: int) -> OwnOpening:
    began = line.hour * _HOUR_SECONDS
    followed = [one for one in decided if one.shop == line.shop and began <= one.at < began + FOLLOWED_SECONDS]
    return OwnOpening(
        began_at=began, ended_at=began + _HOUR_SECONDS, shop=line.shop, followed=tuple(followed),
        confirmed=line.confirmed(threshold), servers=len(line.servers),
    )  # fmt: skip
