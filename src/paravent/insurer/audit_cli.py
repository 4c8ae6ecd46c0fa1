"""``paravent insurer audit`` officer, commit, reveal, draw, judge: the medical audit (docs/operating.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.access.store import read_secret, write_secret
from paravent.crypto.hpke import BoxKey, require_public_key
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import EpochNotLive, InvalidConfiguration, ProofFailure
from paravent.insurer import config
from paravent.insurer.audit import Verdict, drawn_claims, judge, mix_by_shop, open_boxes, repeated_documents
from paravent.insurer.box_client import pull_boxes
from paravent.insurer.client import pull_events
from paravent.insurer.store import Store
from paravent.optics.audit import commitment_to, detection, outliers, require_successor
from paravent.optics.months import Month, month_of
from paravent.person.store import shipped_lens_rules
from paravent.wire.audit import AuditBook, AuditMonth
from paravent.wire.codec import decode
from paravent.wire.publication import PublicationState
from paravent.wire.statements import STATEMENT_BYTES_MAX, Directory, Signed, open_statement, sign_statement

AUDIT = "audit"
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FALSE_CLAIMS = (1, 5, 10, 50, 100)


def add_audit_verbs(group: click.Group) -> None:
    """Adds the medical audit to an insurer's group."""
    audit = click.Group("audit", help="The medical audit: commit to a seed, reveal it, draw, judge.")
    group.add_command(audit)

    @verb(audit, "Create the medical officer's own key, outside the insurer's home; needs none.", home_required=False)
    @click.option("--key", type=_FILE, required=True, help="Private key file to create: the officer's alone.")
    @click.option("--public", type=_FILE, required=True, help="Public key file to write, for audit commit.")
    def officer(home: Path | None, key: Path, public: Path) -> Said:  # noqa: ARG001 - every verb takes a home
        """Creates the officer's key."""
        made = BoxKey.generate(cli.rng)
        write_secret(key, made.reveal())
        public.write_text(made.public.hex() + "\n", encoding="ascii")
        return Said(text=f"{key}: keep it off the insurer's machine", values={"public": str(public)})

    @verb(audit, "Commit to the seed of a month to come (YYYYMM), and publish the commitment at the hub.")
    @click.argument("month", type=int)
    @click.option("--rate", type=click.IntRange(1, 1_000), default=20, show_default=True, help="Claims in a thousand.")
    @click.option("--officer", type=_EXISTING, required=True, help="The officer's public key file.")
    @dry_run_option
    def commit(home: Path, month: int, rate: int, officer: Path, dry_run: bool) -> Said:
        """Commits."""
        settings = config.load(home)
        key = require_public_key(bytes.fromhex(officer.read_text(encoding="ascii").strip()))
        # A seed whose commitment was never published, the hub being away, is committed to again.
        seed = read_secret(_seed(home, month), 32) if _seed(home, month).exists() else cli.rng(32)
        added = AuditMonth(
            month=Month(number=month).number, rate_per_mille=rate, officer_key=key,
            commitment=commitment_to(seed, settings.amc, month), seed=None,
        )  # fmt: skip
        former = _former(home, settings, ask=not dry_run)
        # The hub may have this very commitment of a run that ended before it kept that: it is not added twice.
        others = (audit for audit in former.months if audit != added)
        book = _next(former, tuple(sorted((*others, added), key=lambda audit: audit.month)))
        require_successor(former, book, month_of(cli.now()))
        if not dry_run:
            # The seed is on disk before anybody has its commitment: lost, the month could never be revealed.
            if not _seed(home, month).exists():
                write_secret(_seed(home, month), seed)
            _publish(home, settings, book)
        return Said(text=_power(month, rate), values={"month": month, "rate_per_mille": rate, "committed": not dry_run})

    @verb(audit, "Reveal the seed of a month that is over: desks then see which of their claims are drawn.")
    @click.argument("month", type=int)
    @dry_run_option
    def reveal(home: Path, month: int, dry_run: bool) -> Said:
        """Reveals."""
        settings = config.load(home)
        former = _former(home, settings, ask=not dry_run)
        found = _month(former, month)
        shown = AuditMonth(
            month=month, rate_per_mille=found.rate_per_mille, officer_key=found.officer_key,
            commitment=found.commitment, seed=read_secret(_seed(home, month), 32),
        )  # fmt: skip
        book = _next(former, tuple(shown if audit.month == month else audit for audit in former.months))
        require_successor(former, book, month_of(cli.now()))
        if not dry_run:
            _publish(home, settings, book)
        return Said(text=f"{month}: seed revealed" + (" (dry run)" if dry_run else ""), values={
            "month": month, "revealed": not dry_run,
        })  # fmt: skip

    _add_reading_verbs(audit)


def _add_reading_verbs(audit: click.Group) -> None:
    """Adds what follows a revealed seed: the draw, and the officer's judgement."""

    @verb(audit, "List the claims drawn of a month, the power of the draw, and shops whose mix stands out.")
    @click.argument("month", type=int)
    def draw(home: Path, month: int) -> Said:
        """Draws."""
        settings = config.load(home)
        with Store(home) as store:
            found, claims = _month(_book(store, settings.amc), month), store.claims.audited(month)
        drawn = drawn_claims(claims, found, settings.amc)
        standing = outliers(mix_by_shop(claims))
        lines = [f"{claim.claim_id.hex()}  {claim.shop}" for claim in drawn]
        lines += [
            f"{one.shop}: {one.count} of {one.equipments} equipments in category {one.category},"
            f" by chance once in {1 / max(one.chance, 1e-300):,.0f}: to be looked at, no proof"
            for one in standing
        ]
        lines.append(_power(month, found.rate_per_mille))
        return Said(text="\n".join(lines), values={
            "month": month, "claims": len(claims), "drawn": [claim.claim_id.hex() for claim in drawn],
            "outliers": [{"shop": one.shop, "category": one.category, "chance": one.chance} for one in standing],
        })  # fmt: skip

    @verb(audit, "Open what desks sent with the officer's key, judge each drawn claim, and keep the verdicts.")
    @click.argument("month", type=int)
    @click.option("--key", type=_EXISTING, required=True, help="The officer's private key file.")
    @dry_run_option
    def judge_month(home: Path, month: int, key: Path, dry_run: bool) -> Said:
        """Judges."""
        settings, officer_key = config.load(home), BoxKey(read_secret(key, 96))
        if not dry_run:
            asyncio.run(_receive(home, settings))
        with Store(home) as store:
            judged = judge_month_of(
                store, settings.amc, _month(_book(store, settings.amc), month), officer_key, cli.now(), keep=not dry_run
            )
        verdicts = judged.verdicts
        counts = Counter(verdicts.values())
        lines = [f"{claim.hex()}  {verdict}" for claim, verdict in verdicts.items()]
        lines += ["one document opens: " + ", ".join(claim.hex() for claim in group) for group in judged.repeated]
        total = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
        return Said(text="\n".join([*lines, total]), values={
            "month": month, "judged": {claim.hex(): verdict for claim, verdict in verdicts.items()},
            "repeated": [[claim.hex() for claim in group] for group in judged.repeated],
        })  # fmt: skip

    audit.add_command(audit.commands.pop("judge-month"), "judge")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMonth:
    """Every verdict of a month so far, by claim, and the claims that one document opened, group by group."""

    verdicts: dict[bytes, str]
    repeated: tuple[tuple[bytes, ...], ...]


def judge_month_of(
    store: Store, amc: str, audit: AuditMonth, officer: BoxKey, now: int, *, keep: bool
) -> JudgedMonth:  # fmt: skip
    """Judges what was received, keeps verdicts and deletes the prescriptions of the claims judged.

    An opening of a claim that is not here yet stays, sealed: deleted, an honest shop would fail its audit.
    """
    opened = open_boxes(store.boxes.openings(), audit, amc, officer)
    drawn = drawn_claims(store.claims.audited(audit.month), audit, amc)
    judged = judge(drawn, (opening for _, opening in opened), shipped_lens_rules())
    repeated = repeated_documents(opening for _, opening in opened)
    if not keep:
        former = store.boxes.verdicts(audit.month)
        verdicts = {one.claim_id: former.get(one.claim_id, one.verdict.value) for one in judged}
        return JudgedMonth(verdicts=verdicts, repeated=repeated)
    with store.commit():
        for one in judged:
            store.boxes.keep_verdict(one.claim_id, audit.month, one.verdict.value, now)
        known = {one.claim_id for one in judged}
        store.boxes.drop_openings(box for box, opening in opened if opening.claim_id in known)
    return JudgedMonth(verdicts=store.boxes.verdicts(audit.month), repeated=repeated)


def _book(store: Store, amc: str) -> AuditBook:
    signed = store.published(AUDIT)
    if signed is None:
        return AuditBook(insurer=amc, counter=0, issued_at=0, months=())
    return decode(signed.payload, AuditBook, bytes_max=STATEMENT_BYTES_MAX)


def catch_up(store: Store, served: Signed | None, amc: str, issuer: VerifyKey) -> AuditBook:
    """Returns the book to continue: the newest of what this insurer kept and what the hub serves of its own.

    A run that ended between the hub's answer and its own database leaves the newer one at the hub alone.
    """
    kept = _book(store, amc)
    if served is None:
        return kept
    try:
        book = open_statement(served, AuditBook, Label.AUDIT, amc, issuer)
    except ProofFailure:
        return kept  # signed with a former key, or by nobody: what was kept stands
    if book.counter <= kept.counter:
        return kept
    store.keep_published(AUDIT, served)
    return book


def _former(home: Path, settings: config.InsurerConfig, *, ask: bool) -> AuditBook:
    with Store(home) as store:
        if not ask:
            return _book(store, settings.amc)
        return catch_up(store, asyncio.run(_served(home, settings)), settings.amc, config.read_keys(home).issuer.public)


async def _served(home: Path, settings: config.InsurerConfig) -> Signed | None:
    hub = read_directory(home, settings.directory).hub
    async with SignedClient(config.read_keys(home).issuer, cli.rng) as client:
        url = f"{hub.address}/v1/insurers/{settings.amc}/{AUDIT}"
        try:
            return await client.get(hub.name, url, Signed, bytes_max=STATEMENT_BYTES_MAX)
        except EpochNotLive:
            return None  # the first book


async def receive(
    settings: config.InsurerConfig, keys: config.InsurerKeys, directory: Directory, store: Store, client: SignedClient
) -> None:  # fmt: skip
    """Pulls decisions, then openings: each opening that arrives then has its claim here, and is judged with it."""
    await pull_events(settings, keys, directory, store, client)
    await pull_boxes(settings.amc, keys, directory, store, client)


async def _receive(home: Path, settings: config.InsurerConfig) -> None:
    keys, directory = config.read_keys(home), read_directory(home, settings.directory)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            await receive(settings, keys, directory, store, client)


def _next(former: AuditBook, months: tuple[AuditMonth, ...]) -> AuditBook:
    return AuditBook(insurer=former.insurer, counter=former.counter + 1, issued_at=cli.now(), months=months)


def _month(book: AuditBook, month: int) -> AuditMonth:
    found = next((audit for audit in book.months if audit.month == month), None)
    if found is None:
        raise InvalidConfiguration(f"this insurer committed to no audit of {month}")
    return found


def _publish(home: Path, settings: config.InsurerConfig, book: AuditBook) -> Signed:
    keys = config.read_keys(home)
    hub = read_directory(home, settings.directory).hub
    signed = sign_statement(book, Label.AUDIT, settings.amc, keys.issuer)

    async def run() -> None:
        async with SignedClient(keys.issuer, cli.rng) as client:
            await client.post(hub.name, hub.address, f"/v1/statements/{AUDIT}", signed, PublicationState)

    asyncio.run(run())
    with Store(home) as store:
        store.keep_published(AUDIT, signed)
    return signed


def _seed(home: Path, month: int) -> Path:
    return home / config.SECRETS / f"audit-{month}.seed"


def _power(month: int, rate: int) -> str:
    chances = ", ".join(f"{count}: {detection(count, rate):.0%}" for count in _FALSE_CLAIMS)
    return f"{month}: {rate} claims in a thousand; chance to catch at least one of so many false claims: {chances}"
