"""``paravent insurer`` accounts, account, confirm-account, reject-account: where shops are paid (docs/operating.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.errors import InvalidBankDetails
from paravent.insurer import config, confirmation
from paravent.insurer.accounts import find_account, paper_account
from paravent.insurer.settlement_store import Account
from paravent.insurer.store import Store


def add_account_verbs(group: click.Group) -> None:
    """Adds the verbs about shops' accounts to an insurer's group."""

    @verb(group, "List the accounts of shops, with the fingerprint to compare before one is confirmed.")
    def accounts(home: Path) -> Said:
        """Lists accounts."""
        with Store(home) as store:
            found = store.settlements.accounts()
        lines = [f"{one.number:4} {one.shop}  {one.fingerprint}  {_state(one)}" for one in found]
        return Said(text="\n".join(lines) or "no account yet", values={"accounts": [
            {"number": one.number, "shop": one.shop, "fingerprint": one.fingerprint, "state": _state(one)}
            for one in found
        ]})  # fmt: skip

    @verb(group, "Enter a shop's account from its own bank statement (RIB); sealed at once to the payments key.")
    @click.argument("shop")
    @click.option("--holder", required=True, help="Name of the account's holder.")
    @click.option("--iban", prompt=True, help="Prompted for when absent.")
    @dry_run_option
    def account(home: Path, shop: str, holder: str, iban: str, dry_run: bool) -> Said:
        """Enters an account."""
        settings, keys = config.load(home), config.read_keys(home)
        hub = read_directory(home, settings.directory).hub.name
        with Store(home) as store:
            known = store.settlements.accounts()
            new = paper_account(settings.amc, keys, hub, shop, holder, iban, known, cli.now())
            if not dry_run:
                with store.commit():
                    store.settlements.keep_account(new)
        text = f"{shop}: {new.fingerprint}, to be confirmed with the shop" + (". Nothing was kept." if dry_run else "")
        return Said(text=text, values={"shop": shop, "fingerprint": new.fingerprint, "kept": not dry_run})

    @verb(group, "Confirm an account whose fingerprint was read with the shop over another channel.")
    @click.argument("number", type=int)
    @click.argument("fingerprint")
    @dry_run_option
    def confirm_account(home: Path, number: int, fingerprint: str, dry_run: bool) -> Said:
        """Confirms an account."""
        settings, keys = config.load(home), config.read_keys(home)
        hub = read_directory(home, settings.directory).hub.name
        with Store(home) as store:
            found = find_account(store.settlements.accounts(), number)
            if found.fingerprint.replace(" ", "") != fingerprint.replace(" ", "").lower():
                raise InvalidBankDetails("this is not the fingerprint of that account: confirm nothing")
            found = confirmation.confirm_account(store, keys, hub, settings.amc, number, cli.now(), dry_run=dry_run)
        day = datetime.fromtimestamp(found.usable_from, UTC).strftime("%Y-%m-%d")
        return Said(text=f"account {number} of {found.shop} is paid from {day}", values={
            "number": number, "usable_from": found.usable_from, "confirmed": not dry_run,
        })  # fmt: skip

    @verb(group, "Reject an account for good: the shop says that it is not its own.")
    @click.argument("number", type=int)
    @dry_run_option
    def reject_account(home: Path, number: int, dry_run: bool) -> Said:
        """Rejects an account."""
        with Store(home) as store:
            found = find_account(store.settlements.accounts(), number)
            if not dry_run:
                with store.commit():
                    store.settlements.reject(number, cli.now())
        return Said(text=f"account {number} of {found.shop} is never paid", values={"rejected": not dry_run})


def _state(account: Account) -> str:
    if account.rejected_at is not None:
        return "rejected"
    if account.confirmed_at is None:
        return "to-confirm"
    return "in-use" if account.usable(cli.now()) else "waiting"
