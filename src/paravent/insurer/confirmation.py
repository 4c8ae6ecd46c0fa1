"""Confirming where a shop is paid, and telling its desks, over a store (docs/protocol.md section 11, step 11.8)."""

from __future__ import annotations

from paravent.crypto.labels import Label
from paravent.insurer.accounts import accounts_in_use, confirmed, find_account
from paravent.insurer.boxes import notice_of, seal_letters
from paravent.insurer.config import InsurerKeys
from paravent.insurer.settlement_store import Account
from paravent.insurer.store import Store
from paravent.wire.boxes import LetterKind
from paravent.wire.statements import sign_statement


def confirm_account(
    store: Store, keys: InsurerKeys, hub: str, amc: str, number: int, now: int, *, dry_run: bool = False
) -> Account:
    """Confirms an account in one transaction; where its shop is paid elsewhere, it waits from now and desks are told.

    Raises InvalidBankDetails when no such account waits to be confirmed.
    """
    with store.commit():
        known = store.settlements.accounts()
        account = confirmed(find_account(known, number), known, amc, keys.issuer, now)
        if not dry_run:
            store.settlements.keep_confirmed(account)
            if account.shop in accounts_in_use(known, now):
                tell_shop(account, amc, keys, hub, store, known)
    return account


def tell_shop(
    account: Account, amc: str, keys: InsurerKeys, hub: str, store: Store, known: list[Account]
) -> None:  # fmt: skip
    """Writes to the desks that the insurer knows of a shop that other details may be paid, and from when."""
    signed = sign_statement(notice_of(account, amc), Label.ACCOUNT_NOTICE, amc, keys.issuer)
    for box in seal_letters(LetterKind.ACCOUNT, signed, hub, account.shop, known):
        store.boxes.keep_letter(account.shop, box)
