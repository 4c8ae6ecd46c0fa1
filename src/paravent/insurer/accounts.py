"""Bank details of shops: received, confirmed, opened only to pay (docs/protocol.md section 11, step 11.8): pure.

Sending a shop's money to a thief's account is the obvious attack. New details therefore pay nothing until a
person of the insurer has compared their fingerprint with the shop over another channel; where the shop was paid
elsewhere before, they also wait, from their reception and again from their confirmation. What was confirmed is signed:
a changed row of the database is paid nothing. The account in use stays in use meanwhile, and can be told of the change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.errors import InvalidBankDetails, ProofFailure
from paravent.insurer.config import InsurerKeys
from paravent.insurer.settlement_store import Account
from paravent.optics.settlement import require_iban
from paravent.wire.boxes import DETAILS_BYTES, padded
from paravent.wire.codec import decode
from paravent.wire.settlement import AccountConfirmation, BankDetails, fingerprint
from paravent.wire.statements import Signed, open_statement, sign_statement

CHANGE_SECONDS = 7 * 86_400
"""How long new details of a shop that is already paid elsewhere wait, whoever confirms them."""


def receive(
    sealed: bytes, key: BoxKey, hub: str, amc: str, device: VerifyKey, shop: str, known: Iterable[Account], now: int
) -> Account:
    """Reads what a device sent; raises ProofFailure or InvalidBankDetails. Nothing of it is kept in clear."""
    signed = decode(key.open(sealed, Label.BANK_DETAILS_BOX, hub, amc, culprit=hub), Signed)
    details = open_statement(signed, BankDetails, Label.BANK_DETAILS, key_id(device), device)
    if (details.insurer, details.shop) != (amc, shop):
        raise ProofFailure("bank details are of another insurer or shop", culprit=key_id(device))
    require_iban(details.iban)
    hpke.require_public_key(details.letterbox)
    return _received(signed, sealed, key_id(device), shop, details.letterbox, known, now)


def accounts_in_use(accounts: Iterable[Account], now: int) -> dict[str, Account]:
    """Returns where each shop is paid now: the newest of its accounts that may be used."""
    return {account.shop: account for account in accounts if account.usable(now)}


def find_account(accounts: Iterable[Account], number: int) -> Account:
    """Returns an account by its number; raises InvalidBankDetails when there is none."""
    found = next((account for account in accounts if account.number == number), None)
    if found is None:
        raise InvalidBankDetails(f"there is no account {number}")
    return found


def confirmed(account: Account, known: Iterable[Account], amc: str, issuer: SigningKey, now: int) -> Account:
    """Returns an account as confirmed now, signed; where its shop is paid elsewhere, it waits 7 days from now.

    Raises InvalidBankDetails when it was confirmed already, or when the same details were rejected.
    """
    known = tuple(known)
    _require_not_rejected(account.fingerprint, known)
    if account.confirmed_at is not None:
        raise InvalidBankDetails(f"account {account.number} was confirmed already")
    paid = account.shop in accounts_in_use(known, now)
    usable = max(account.usable_from, now + CHANGE_SECONDS * paid)
    made = replace(account, confirmed_at=now, usable_from=usable)
    return replace(made, confirmation=sign_statement(_confirmation(made, amc), Label.ACCOUNT_CONFIRMATION, amc, issuer))


def require_confirmed(account: Account, amc: str, issuer: VerifyKey) -> None:
    """Raises ProofFailure unless the insurer signed that this account of this shop is paid from this time."""
    if account.confirmation is None:
        raise ProofFailure(f"account {account.number} has no signed confirmation", culprit=amc)
    said = open_statement(account.confirmation, AccountConfirmation, Label.ACCOUNT_CONFIRMATION, amc, issuer)
    if said != _confirmation(account, amc):
        raise ProofFailure(f"account {account.number} is not what was confirmed", culprit=amc)


def open_account(account: Account, key: BoxKey, hub: str, amc: str) -> BankDetails:
    """Opens the details of an account, to pay; raises ProofFailure, or InvalidBankDetails when they were replaced."""
    signed = decode(key.open(account.sealed, Label.BANK_DETAILS_BOX, hub, amc, culprit=amc), Signed)
    if fingerprint(signed) != account.fingerprint:
        raise InvalidBankDetails(f"account {account.number} is not the one that was confirmed")
    return decode(signed.payload, BankDetails)


def paper_account(
    amc: str, keys: InsurerKeys, hub: str, shop: str, holder: str, iban: str, known: Iterable[Account], now: int
) -> Account:
    """Seals details given on paper, signed by the insurer itself; they wait and are confirmed like any other."""
    details = BankDetails(
        insurer=amc, professional=shop, shop=shop, account_holder=holder, iban=require_iban(iban), letterbox=b"",
        signed_at=now,
    )  # fmt: skip
    signed = sign_statement(details, Label.BANK_DETAILS, amc, keys.issuer)
    sealed = hpke.seal(keys.payments.public, padded(signed, DETAILS_BYTES), Label.BANK_DETAILS_BOX, hub, amc)
    return _received(signed, sealed, amc, shop, None, known, now)


def _received(
    signed: Signed, sealed: bytes, keyid: str, shop: str, letterbox: bytes | None, known: Iterable[Account], now: int
) -> Account:
    known = tuple(known)
    _require_not_rejected(fingerprint(signed), known)
    paid = shop in accounts_in_use(known, now)
    return Account(
        number=0, shop=shop, keyid=keyid, fingerprint=fingerprint(signed), sealed=sealed, letterbox=letterbox,
        received_at=now, usable_from=now + CHANGE_SECONDS * paid, confirmed_at=None, rejected_at=None,
        confirmation=None,
    )  # fmt: skip


def _require_not_rejected(text: str, known: Iterable[Account]) -> None:
    if any(account.fingerprint == text and account.rejected_at is not None for account in known):
        raise InvalidBankDetails("these bank details were rejected")


def _confirmation(account: Account, amc: str) -> AccountConfirmation:
    return AccountConfirmation(
        insurer=amc, number=account.number, shop=account.shop, fingerprint=account.fingerprint,
        usable_from=account.usable_from,
    )  # fmt: skip
