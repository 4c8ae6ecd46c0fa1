"""Bank details out, remittances in (docs/protocol.md section 11, steps 11.8 and 11.17): pure.

A remittance is believed when its insurer signed it and its lines add up to its total. A line that says another amount
than the decision that this desk kept is named; lines of other desks of the shop cannot be compared here, and are
counted. Each letter and remittance is judged apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.errors import AmountMismatch, ParaventError, ProofFailure, UnknownInsurer
from paravent.optics.settlement import require_iban, total_of
from paravent.wire.boxes import DETAILS_BYTES, LETTER_BYTES, BoxKind, Letter, LetterKind, SentBox, padded
from paravent.wire.claims import CLAIM_KINDS, Decision, Outcome
from paravent.wire.codec import decode
from paravent.wire.settlement import AccountNotice, BankDetails, Remittance, fingerprint
from paravent.wire.statements import (
    STATEMENT_BYTES_MAX,
    Directory,
    InsurerEntry,
    Signed,
    open_statement,
    sign_statement,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who asks to be paid, on which account."""

    professional: str
    shop: str
    holder: str
    iban: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A remittance beside the decisions that this desk kept: how many lines agree, and are not this desk's.

    ``differing`` names the decisions whose line says another insurer, claim, month or amount.
    """

    remittance: Remittance
    agreeing: int
    elsewhere: int
    differing: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLetters:
    """Letters kept and verified; ``unreadable`` says why of each that is not believed."""

    letters: tuple[Remittance | AccountNotice, ...]
    unreadable: tuple[str, ...]


def seal_details(
    payee: Payee, insurer: InsurerEntry, hub: str, key: SigningKey, letterbox: BoxPublicKey, now: int
) -> tuple[str, SentBox]:
    """Signs and seals where a shop is paid, for one insurer; returns the fingerprint to read aloud, and the box.

    Raises InvalidBankDetails when the IBAN is not one.
    """
    details = BankDetails(
        insurer=insurer.amc, professional=payee.professional, shop=payee.shop, account_holder=payee.holder,
        iban=require_iban(payee.iban), letterbox=letterbox, signed_at=now,
    )  # fmt: skip
    signed = sign_statement(details, Label.BANK_DETAILS, key_id(key.public), key)
    content = padded(signed, DETAILS_BYTES)
    box = hpke.seal(BoxPublicKey(insurer.payments_key), content, Label.BANK_DETAILS_BOX, hub, insurer.amc)
    return fingerprint(signed), SentBox(insurer=insurer.amc, kind=BoxKind.BANK_DETAILS, box=box)


def open_letter(box: bytes, key: BoxKey, hub: str, shop: str) -> Letter:
    """Opens a box for this shop; raises ProofFailure when it was sealed to another of its desks."""
    plain = key.open(box, Label.SHOP_LETTER_BOX, hub, shop, culprit=hub)
    return decode(plain, Letter, bytes_max=LETTER_BYTES)


def read_remittance(statement: Signed, directory: Directory, shop: str) -> Remittance:
    """Returns a remittance to this shop, signed by its insurer, whose lines add up; raises ProofFailure."""
    remittance = open_statement(
        statement, Remittance, Label.REMITTANCE, statement.signer, _issuer(statement.signer, directory)
    )
    if (remittance.insurer, remittance.shop) != (statement.signer, shop):
        raise ProofFailure("a remittance is of another insurer or shop", culprit=statement.signer)
    try:
        total = total_of(remittance.lines)
    except AmountMismatch:
        total = -1
    if total != remittance.total_cents:
        raise ProofFailure(f"the lines of {remittance.reference} do not add up", culprit=statement.signer)
    return remittance


def read_notice(statement: Signed, directory: Directory, shop: str) -> AccountNotice:
    """Returns a notice to this shop, signed by its insurer; raises ProofFailure."""
    issuer = _issuer(statement.signer, directory)
    notice = open_statement(statement, AccountNotice, Label.ACCOUNT_NOTICE, statement.signer, issuer)
    if (notice.insurer, notice.shop) != (statement.signer, shop):
        raise ProofFailure("a notice is of another insurer or shop", culprit=statement.signer)
    return notice


def read_letter(letter: Letter, directory: Directory, shop: str) -> Remittance | AccountNotice:
    """Verifies what a letter says; raises ProofFailure or UnknownInsurer."""
    if letter.kind is LetterKind.REMITTANCE:
        return read_remittance(letter.statement, directory, shop)
    return read_notice(letter.statement, directory, shop)


def read_letters(letters: Iterable[Letter], directory: Directory, shop: str) -> ReadLetters:
    """Verifies each letter apart: one that is not believed hides no other."""
    read: list[Remittance | AccountNotice] = []
    unreadable: list[str] = []
    for letter in letters:
        try:
            read.append(read_letter(letter, directory, shop))
        except ParaventError as error:
            unreadable.append(f"{letter.statement.signer}: {error}")
    return ReadLetters(letters=tuple(read), unreadable=tuple(unreadable))


def agree(remittance: Remittance, decisions: Mapping[bytes, Decision]) -> Agreement:
    """Compares a remittance with the decisions of this desk, by identifier.

    A correction counts for the month of what it corrects, its decision for its own: their months are not compared.
    """
    agreeing, differing = 0, []
    for line in remittance.lines:
        decision = decisions.get(line.decision_id)
        if decision is None:
            continue
        known = (decision.insurer, decision.claim_id, decision.amc_cents)
        same_month = decision.corrects is not None or decision.month == line.month
        if known == (remittance.insurer, line.claim_id, line.cents) and same_month:
            agreeing += 1
        else:
            differing.append(line.decision_id)
    elsewhere = len(remittance.lines) - agreeing - len(differing)
    return Agreement(remittance=remittance, agreeing=agreeing, elsewhere=elsewhere, differing=tuple(differing))


def claims_decided(signed: Iterable[Signed]) -> dict[bytes, Decision]:
    """Names the accepted claims among kept decisions, which were verified when they were kept."""
    found = (decode(one.payload, Decision, bytes_max=STATEMENT_BYTES_MAX) for one in signed)
    return {
        decision.decision_id: decision for decision in found
        if decision.kind in CLAIM_KINDS and decision.outcome is Outcome.ACCEPTED
    }  # fmt: skip


def _issuer(signer: str, directory: Directory) -> VerifyKey:
    entry = directory.insurer(signer)
    if entry is None:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    return VerifyKey(entry.issuer_key)
