"""Settling and opening the books, over a store (docs/protocol.md section 11, steps 11.9 and 11.10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from paravent.crypto import hpke
from paravent.crypto.labels import Label
from paravent.errors import InvalidConfiguration
from paravent.insurer.accounts import accounts_in_use, open_account, require_confirmed
from paravent.insurer.config import InsurerConfig, InsurerKeys
from paravent.insurer.payment_file import Payer, Transfer, pays, write_payment_file
from paravent.insurer.reconciliation import Books
from paravent.insurer.settlement import Draft, draft, remittances
from paravent.insurer.settlement_store import Account, KeptSettlement
from paravent.insurer.store import Store
from paravent.optics.settlement import require_iban
from paravent.wire.settlement import BankDetails, Remittance
from paravent.wire.statements import sign_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a run did, or would do; ``number`` is None when there was nothing to pay."""

    number: int | None
    remittances: tuple[Remittance, ...]
    payment_file: bytes | None
    without_account: dict[str, int]

    @property
    def total_cents(self) -> int:
        """What the bank is asked to pay."""
        return sum(one.total_cents for one in self.remittances)


def settle_now(
    store: Store, settings: InsurerConfig, keys: InsurerKeys, hub: str, now: int, day: date, *, dry_run: bool
) -> Settled:
    """Settles everything payable in one transaction, payment file included.

    Raises InvalidConfiguration without an account to debit, ProofFailure when one to pay is not what was confirmed.
    Raises StaleData when an act that the hub accepted was not pulled.
    """
    with store.commit():
        store.exchange.require_acts_pulled()
        books = store.settlements
        in_use = accounts_in_use(books.accounts(), now)
        drafted = draft(store.claims.all(), books.lines(), in_use.__contains__)
        if not drafted.drafts:
            return Settled(number=None, remittances=(), payment_file=None, without_account=drafted.without_account)
        for shop in _shops(drafted.drafts):
            require_confirmed(in_use[shop], settings.amc, keys.issuer.public)
        opened = {shop: open_account(in_use[shop], keys.payments, hub, settings.amc) for shop in _shops(drafted.drafts)}
        number, first = books.next_numbers()
        made = remittances(drafted.drafts, settings.amc, first, lambda shop: opened[shop].iban[-4:], now)
        content = _payment_file(settings, number, made, opened, day)
        if not dry_run:
            _keep(store, settings.amc, keys, KeptSettlement(
                number=number, made_at=now, total_cents=sum(one.total_cents for one in made),
                payment_file=None if content is None else _sealed(content, keys, settings.amc, number),
            ), made, in_use)  # fmt: skip
    return Settled(
        number=number, remittances=tuple(made), payment_file=content, without_account=drafted.without_account
    )


def open_books(store: Store, keys: InsurerKeys, amc: str) -> Books:
    """Reads every record of money, payment files opened."""
    books = store.settlements
    return Books(
        claims=store.claims.all(), lines=books.lines(), remittances=books.remittances(),
        settlements=books.settlements(),
        file_pays={
            kept.number: pays(open_payment_file(store, keys, amc, kept.number), kept.total_cents)
            for kept in books.settlements() if kept.payment_file is not None
        },
    )  # fmt: skip


def open_payment_file(store: Store, keys: InsurerKeys, amc: str, number: int) -> bytes:
    """Opens the payment file of a settlement; raises InvalidConfiguration when it has none."""
    found = next((kept for kept in store.settlements.settlements() if kept.number == number), None)
    if found is None or found.payment_file is None:
        raise InvalidConfiguration(f"settlement {number} has no payment file")
    return keys.payments.open(found.payment_file, Label.PAYMENT_FILE_BOX, amc, number, culprit=amc)


def _payment_file(
    settings: InsurerConfig, number: int, made: list[Remittance], opened: dict[str, BankDetails], day: date
) -> bytes | None:
    """Writes the transfers of a settlement; None when deductions leave nothing to transfer."""
    transfers = [
        Transfer(
            holder=opened[one.shop].account_holder, iban=opened[one.shop].iban, cents=one.total_cents,
            reference=one.reference,
        )
        for one in made if one.total_cents > 0
    ]  # fmt: skip
    if not transfers:
        return None
    if not settings.settlement_iban:
        raise InvalidConfiguration("settlement_iban is missing: the account that pays")
    payer = Payer(name=settings.name, iban=require_iban(settings.settlement_iban), bic=settings.settlement_bic)
    return write_payment_file(payer, transfers, f"PV-{settings.amc}-S{number}", day)


def _keep(
    store: Store, amc: str, keys: InsurerKeys, settlement: KeptSettlement, made: list[Remittance],
    in_use: dict[str, Account],
) -> None:  # fmt: skip
    store.settlements.keep_settlement(settlement, [
        (one, in_use[one.shop].number, sign_statement(one, Label.REMITTANCE, amc, keys.issuer)) for one in made
    ])  # fmt: skip


def _sealed(content: bytes, keys: InsurerKeys, amc: str, number: int) -> bytes:
    return hpke.seal(keys.payments.public, content, Label.PAYMENT_FILE_BOX, amc, number)


def _shops(drafts: tuple[Draft, ...]) -> set[str]:
    return {made.shop for made in drafts}
