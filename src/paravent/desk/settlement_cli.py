"""``paravent desk`` bank-details, remittances: where this shop is paid, and what it was paid (docs/operating.md)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import to_builtins

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.desk import config
from paravent.desk.remittances import Agreement, Payee, agree, claims_decided, read_letters, seal_details
from paravent.errors import UnknownInsurer
from paravent.optics.money import format_euros
from paravent.wire.codec import encode
from paravent.wire.settlement import AccountNotice, LineKind, Remittance
from paravent.wire.statements import Directory, InsurerEntry

_FOLDER = click.Path(path_type=Path, file_okay=False)


def add_settlement_verbs(group: click.Group) -> None:
    """Adds the verbs of payment to the desk's group."""

    @verb(group, "Say to insurers where this shop is paid: signed by this device, sealed to each one's payments key.")
    @click.option("--holder", required=True, help="Name of the account's holder.")
    @click.option("--iban", prompt=True, help="Prompted for when absent.")
    @click.option("--insurer", "insurers", multiple=True, help="Only to this AMC number; default: to all.")
    @dry_run_option
    def bank_details(home: Path, holder: str, iban: str, insurers: tuple[str, ...], dry_run: bool) -> Said:
        """Sends bank details."""
        sent = asyncio.run(_send_details(home, holder, iban, insurers, dry_run=dry_run))
        lines = [f"{amc}  {text}" for amc, text in sent.items()]
        lines.append("Lisez l'empreinte à chaque assureur, qui la demande / read each insurer its fingerprint")
        return Said(text="\n".join(lines), values={"fingerprints": sent, "sent": not dry_run})

    @verb(group, "List what insurers paid this shop: each remittance signed, added up, compared with its decisions.")
    @click.option("--out", type=_FOLDER, default=None, help="Folder for each remittance: JSON, text and PDF.")
    def remittances(home: Path, out: Path | None) -> Said:
        """Lists remittances."""
        found, notices, unreadable = asyncio.run(_pull(home))
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            for one in found:
                _write(one, out / one.remittance.reference)
        lines = [*map(_line, found), *(_notice(notice, own=own) for notice, own in notices)]
        lines += [f"! lettre illisible / unreadable letter: {reason}" for reason in unreadable]
        return Said(text="\n".join(lines) or "aucune remise / no remittance", values={
            "remittances": [
                {**to_builtins(one.remittance), "agreeing": one.agreeing, "elsewhere": one.elsewhere,
                 "differing": [decision.hex() for decision in one.differing]}
                for one in found
            ],
            "notices": [{**to_builtins(notice), "own": own} for notice, own in notices],
            "unreadable": unreadable,
        })  # fmt: skip


def _write(found: Agreement, path: Path) -> None:
    """Writes a remittance as it was signed, as a text, and as a document to keep with the books."""
    # Imported here so that only a printed remittance loads the typesetter.
    from paravent.pages.pdf import Language, Letterhead, render_pdf

    one = found.remittance
    rows = [
        ("paiement / payment" if line.kind is LineKind.PAYMENT else "reprise / taken back", line.claim_id.hex(),
         line.professional, str(line.month), format_euros(line.cents))
        for line in one.lines
    ]  # fmt: skip
    head = Letterhead(
        title=f"Avis de paiement {one.reference}", language=Language.FRENCH, issuer=(f"AMC {one.insurer}",),
        recipient=(f"Établissement {one.shop}",), reference=one.reference,
        day=datetime.fromtimestamp(one.issued_at, UTC).date(),
        notices=("Signature de l'assureur vérifiée par ce poste ; le relevé de la banque fait foi du virement.",),
    )  # fmt: skip
    content = {
        "paragraphs": [f"Virement de {format_euros(one.total_cents)} sur le compte terminé par {one.account_ends}."],
        "table": {"columns": ["Nature", "Dossier", "Professionnel", "Mois", "Montant"], "rows": rows},
    }
    path.with_name(f"{path.name}.json").write_bytes(encode(one))
    path.with_name(f"{path.name}.txt").write_text(
        "\n".join([_line(found), *("  ".join(row) for row in rows)]) + "\n", encoding="utf-8"
    )
    path.with_name(f"{path.name}.pdf").write_bytes(render_pdf("letter", head, content, created_at=one.issued_at))


def _line(found: Agreement) -> str:
    one = found.remittance
    day = datetime.fromtimestamp(one.issued_at, UTC).strftime("%Y-%m-%d")
    return (
        f"{day}  {one.reference}  {format_euros(one.total_cents)}  compte / account …{one.account_ends}"
        f"  {found.agreeing} lignes conformes / lines agree, {found.elsewhere} d'autres postes / of other desks"
        + "".join(
            f"\n  ! autre que la décision / unlike decision {decision.hex()}: appelez l'assureur / call the insurer"
            for decision in found.differing
        )
    )


def _notice(notice: AccountNotice, *, own: bool) -> str:
    warning = (
        "" if own else "  ! pas envoyé par ce poste / not sent by this desk: appelez l'assureur / call the insurer"
    )
    return f"{notice.insurer}  compte reçu / account received  {notice.fingerprint}{warning}"


async def _send_details(
    home: Path, holder: str, iban: str, insurers: tuple[str, ...], *, dry_run: bool
) -> dict[str, str]:  # fmt: skip
    from paravent.access.client import SignedClient
    from paravent.desk.box_client import send_box
    from paravent.desk.store import Store

    settings, key = config.load(home), config.device_key(home)
    directory = read_directory(home, settings.directory)
    payee = Payee(professional=settings.professional, shop=settings.shop, holder=holder, iban=iban)
    letterbox, sent = config.letterbox_key(home, cli.rng), {}
    with Store(home) as store:
        async with SignedClient(key, cli.rng) as client:
            for entry in _chosen(directory, insurers):
                text, box = seal_details(payee, entry, directory.hub.name, key, letterbox.public, cli.now())
                if not dry_run:
                    store.letters.keep_details_sent(text)
                    await send_box(box, directory, client)
                sent[entry.amc] = text
    return sent


def _chosen(directory: Directory, insurers: tuple[str, ...]) -> list[InsurerEntry]:
    chosen = [entry for entry in directory.insurers if not insurers or entry.amc in insurers]
    if len(chosen) < len(set(insurers)) or not chosen:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    return chosen


async def _pull(home: Path) -> tuple[list[Agreement], list[tuple[AccountNotice, bool]], list[str]]:
    from paravent.access.client import SignedClient
    from paravent.desk.box_client import pull_letters
    from paravent.desk.store import Store

    settings, key = config.load(home), config.device_key(home)
    directory = read_directory(home, settings.directory)
    letterbox = config.letterbox_key(home, cli.rng)
    with Store(home) as store:
        async with SignedClient(key, cli.rng) as client:
            pulled = await pull_letters(settings.shop, letterbox, directory, store.letters, client)
        read = read_letters(store.letters.letters(), directory, settings.shop)
        decided, own = claims_decided(store.decided()), store.letters.details_sent()
    found = [agree(one, decided) for one in read.letters if isinstance(one, Remittance)]
    notices = [(one, one.fingerprint in own) for one in read.letters if isinstance(one, AccountNotice)]
    return found, notices, [*read.unreadable, *["passed over when it was pulled"] * pulled.unreadable]
