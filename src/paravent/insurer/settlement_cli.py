"""``paravent insurer`` settle, payment-file, reconcile: paying shops and proving it (docs/operating.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
from msgspec import to_builtins

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.access.store import write_secret
from paravent.crypto.labels import Label
from paravent.errors import InvalidConfiguration
from paravent.insurer import config
from paravent.insurer.books import Settled, open_books, open_payment_file, settle_now
from paravent.insurer.reconciliation import balance_books, require_balanced
from paravent.insurer.store import Store
from paravent.optics.money import format_euros
from paravent.wire.settlement import BalanceLine
from paravent.wire.statements import sign_statement

_FILE = click.Path(path_type=Path, dir_okay=False)


def add_settlement_verbs(group: click.Group) -> None:
    """Adds the verbs of payment to an insurer's group."""

    @verb(group, "Pay what is payable: one remittance for each shop, one SEPA file (pain.001).")
    @click.option("--out", type=_FILE, required=True, help="Payment file to hand to the bank; never overwritten.")
    @click.option("--day", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Execution day; default: tomorrow.")
    @dry_run_option
    def settle(home: Path, out: Path, day: datetime | None, dry_run: bool) -> Said:
        """Settles."""
        settings, keys = config.load(home), config.read_keys(home)
        hub = read_directory(home, settings.directory).hub.name
        if out.exists():
            raise InvalidConfiguration(f"{out} exists: a payment file is never overwritten")
        with Store(home) as store:
            require_balanced(balance_books(open_books(store, keys, settings.amc), settings.amc, cli.now()))
            done = settle_now(store, settings, keys, hub, cli.now(), _day(day), dry_run=dry_run)
        if done.payment_file is not None and not dry_run:
            write_secret(out, done.payment_file)
        return _settled(done, dry_run=dry_run)

    @verb(group, "Write the payment file of a settlement again, byte for byte, when its first copy was lost.")
    @click.argument("number", type=int)
    @click.option("--out", type=_FILE, required=True, help="File to write; never overwritten.")
    def payment_file(home: Path, number: int, out: Path) -> Said:
        """Writes a payment file again."""
        settings, keys = config.load(home), config.read_keys(home)
        if out.exists():
            raise InvalidConfiguration(f"{out} exists: a payment file is never overwritten")
        with Store(home) as store:
            write_secret(out, open_payment_file(store, keys, settings.amc, number))
        return Said(text=f"settlement {number}: {out}", values={"settlement": number, "file": str(out)})

    @verb(group, "Prove that every cent decided was paid, refused, reversed or waits: by day and shop, signed.")
    @click.option("--out", type=_FILE, default=None, help="Where to write the signed report.")
    def reconcile(home: Path, out: Path | None) -> Said:
        """Reconciles."""
        settings, keys = config.load(home), config.read_keys(home)
        with Store(home) as store:
            report = balance_books(open_books(store, keys, settings.amc), settings.amc, cli.now())
        if out is not None:
            cli.write_file(out, sign_statement(report, Label.RECONCILIATION, settings.amc, keys.issuer))
        require_balanced(report)
        return Said(text="\n".join([*map(_balance, report.balances), "équilibré / balanced"]), values={
            "balanced": True, "balances": to_builtins(report.balances), "breaks": [],
        })  # fmt: skip


def _settled(done: Settled, *, dry_run: bool) -> Said:
    lines = [f"{one.shop}  {format_euros(one.total_cents):>14}  {one.reference}" for one in done.remittances]
    lines += [
        f"{shop}  {format_euros(cents):>14}  attend un compte confirmé / waits: no account confirmed"
        for shop, cents in done.without_account.items()
    ]
    total = f"{len(done.remittances)} remises / remittances, {format_euros(done.total_cents)}"
    return Said(text="\n".join([*lines, total + (". Nothing was kept." if dry_run else "")]), values={
        "settlement": done.number, "remittances": len(done.remittances), "total_cents": done.total_cents,
        "without_account": done.without_account, "settled": not dry_run and done.number is not None,
    })  # fmt: skip


def _balance(line: BalanceLine) -> str:
    parts = (
        ("payés / paid", line.paid_cents), ("repris / taken back", -line.deducted_cents),
        ("à payer / pending", line.pending_cents), ("refusés / refused", line.refused_cents),
        ("contestés / disputed", line.disputed_cents), ("annulés / reversed", line.reversed_cents),
    )  # fmt: skip
    said = " ".join(f"{'-' if cents < 0 else '+'} {format_euros(abs(cents))} {name}" for name, cents in parts if cents)
    owed = f", dont à reprendre / of which to take back {format_euros(line.to_take_back_cents)}"
    return f"{line.day} {line.shop}: {format_euros(line.decided_cents)} = {said}" + owed * bool(line.to_take_back_cents)


def _day(given: datetime | None) -> date:
    return datetime.fromtimestamp(cli.now(), UTC).date() + timedelta(days=1) if given is None else given.date()
