"""Bank details of shops: received, confirmed, opened only to pay (docs/protocol.md section 11, step 11.8): pure.

Sending a shop's money to a thief's account is the obvious attack. New details therefore pay nothing until a
person of the insurer has compared their fingerprint with the shop over another channel; where the shop was paid
elsewhere before, they also wait. The account in use stays in use meanwhile, and can be told of the change.
"""

from __future__ import annotations

from collections.abc import Iterable

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import InvalidBankDetails, ProofFailure
from paravent.insurer.config import InsurerKeys
from paravent.insurer.settlement_store import Account
from paravent.optics.settlement import require_iban
from paravent.wire.boxes import DETAILS_BYTES, padded
from paravent.wire.codec import decode
from paravent.wire.settlement import BankDetails, fingerprint
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
    paid = shop in accounts_in_use(known, now)
    return Account(
        number=0, shop=shop, keyid=keyid, fingerprint=fingerprint(signed), sealed=sealed, letterbox=letterbox,
        received_at=now, usable_from=now + CHANGE_SECONDS * paid, confirmed_at=None, rejected_at=None,
    )  # fmt: skip
