"""``paravent breach``: checkpoints, stamps, dossiers; ``paravent verify`` (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

import paravent.breach.config as breach_config
from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach import bundling
from paravent.breach import case as cases
from paravent.breach.case_cli import directory_of
from paravent.breach.dossier_check import Trust, check_dossier, declared
from paravent.breach.entries import Stamped
from paravent.breach.log import origin_key, with_cosignatures
from paravent.breach.registers.cli import registers_option
from paravent.breach.registers.store import answers_in, shipped
from paravent.breach.rules_store import shipped_duties
from paravent.breach.store import Store
from paravent.breach.trust import TrustFile, cosigners_of, trust_of
from paravent.crypto.signing import SigningKey
from paravent.crypto.timestamp_request import draw_nonce, stamp_request
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import decode, encode
from paravent.wire.log import CheckpointAnswer

TRUST_FILE = "trust.json"
TRUST_BYTES_MAX = 1_048_576
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_CASE = click.argument("case")
_AUTHORITY = click.option("--authority", type=_EXISTING, default=None, help="Certificate (PEM) that stamps.")
_ROOT = click.option("--root", type=_EXISTING, default=None, help="Certificate (PEM) above it.")


def add_dossier_verbs(group: click.Group) -> None:  # noqa: C901 - one short function per verb
    """Adds to the group of the breach desk: checkpoint, stamp, dossier."""

    @verb(group, "Write the checkpoint of the desk's log for cosigners, or take back what they cosigned.")
    @click.option("--out", type=_FILE, default=None, help="File for a cosigner.")
    @click.option(
        "--for", "cosigner", default=None, help="Its name, or AMC number: the log goes on from what it cosigned."
    )
    @click.option("--old", type=click.IntRange(0), default=None, help="Size it saw last, when it never came back here.")
    @click.option("--cosigned", type=_EXISTING, multiple=True, help="Note that a cosigner gave back.")
    def checkpoint(
        home: Path, out: Path | None, cosigner: str | None, old: int | None, cosigned: tuple[Path, ...]
    ) -> Said:  # fmt: skip
        settings, key = breach_config.load(home), breach_config.read_key(home)
        with Store(home) as store:
            size, note = bundling.checkpoint(store, settings, key)
            for path in cosigned:
                cosigners = cosigners_of(directory_of(home))
                note = with_cosignatures(note, path.read_bytes(), origin_key(settings.name, key), cosigners, cli.now())
                store.keep_checkpoint(size, note)
            if out is not None:
                seen = bundling.cosigned_by(store, cosigner) if old is None else old
                cli.write_file(out, CheckpointAnswer(note=note, proof=store.tree().consistency(seen, size)))
        return Said(text=note.decode(), values={"size": size, "signatures": note.decode().count("\n\u2014 ")})

    @verb(group, "Write the request for a time-stamp of the checkpoint, or take the authority's answer.")
    @_CASE
    @click.option("--query", type=_FILE, default=None, help="TimeStampReq to write; the note goes beside, in .note.")
    @click.option("--answer", type=_EXISTING, default=None, help="TimeStampResp; the note is beside the query.")
    @click.option("--note", type=_EXISTING, default=None, help="The note that was stamped.")
    @_AUTHORITY
    @_ROOT
    def stamp(
        home: Path, case: str, query: Path | None, answer: Path | None, note: Path | None, authority: Path | None,
        root: Path | None,
    ) -> Said:  # fmt: skip
        settings, key = breach_config.load(home), breach_config.read_key(home)
        with Store(home) as store:
            if query is not None:
                _, written = bundling.checkpoint(store, settings, key)
                query.write_bytes(stamp_request(written, draw_nonce(cli.rng)))
                query.with_suffix(".note").write_bytes(written)
                return Said(text=f"send {query} to the authority", values={"query": str(query)})
            verified = trust_of(_pinned(settings, key, (), authority, root)).stamp
            if answer is None or note is None or verified is None:
                raise InvalidConfiguration("give --query, or --answer with --note, --authority and --root")
            at = verified(answer.read_bytes(), note.read_bytes())
            placed = bundling.keep_stamp(store, case, note.read_bytes(), answer.read_bytes(), cli.now())
        return Said(text=f"stamped at {at}", values={"stamped_at": at, "position": placed.position})

    @verb(group, "Write the evidence dossier of a case: one tar that anybody checks offline.")
    @_CASE
    @click.option("--out", type=_FILE, required=True)
    @click.option("--trust", type=_FILE, default=None, help="Write here what its reader pins.")
    @_AUTHORITY
    @_ROOT
    @registers_option
    @dry_run_option
    def dossier(
        home: Path, case: str, out: Path, trust: Path | None, authority: Path | None, root: Path | None,
        registers: Path | None, dry_run: bool,
    ) -> Said:  # fmt: skip
        settings, key, known = breach_config.load(home), breach_config.read_key(home), directory_of(home)
        pinned = _pinned(settings, key, tuple(one.encode() for one in cosigners_of(known)), authority, root)
        about = about_of(settings, known.version, pinned)
        if dry_run:
            return Said(text="nothing was written", values={"case": case, "written": False})
        with Store(home) as store:
            stamped = any(isinstance(each.entry.said, Stamped) for each in store.entries(case))
            if stamped and not pinned.root:
                raise InvalidConfiguration("this case is stamped: give --authority and --root, which its reader pins")
            cases.keep_safeguards(store, case, shipped(), answers_in(registers or home), cli.now())
            content, last = bundling.make(store, case, settings, key, about, cli.now())
        out.write_bytes(content)
        if trust is not None:
            cli.write_file(trust, pinned)
        return Said(
            text=f"{out}: {len(content)} bytes",
            values={"case": case, "written": True, "entries": last.entry.number + 1},
        )


def _pinned(
    settings: breach_config.BreachConfig, key: SigningKey, cosigners: tuple[str, ...], authority: Path | None,
    root: Path | None,
) -> TrustFile:  # fmt: skip
    """Gathers what a reader pins; the certificates are empty until both are given."""
    certificates = ("", "") if authority is None or root is None else (authority.read_text(), root.read_text())
    return TrustFile(
        log=origin_key(settings.name, key).encode(), cosigners=cosigners, authority=certificates[0],
        root=certificates[1],
    )  # fmt: skip


def about_of(settings: breach_config.BreachConfig, directory_version: int, pinned: TrustFile) -> dict[str, object]:
    """Says what was in force, and which keys the dossier claims."""
    return {
        "operator": settings.operator, "contact": settings.contact, "directory_version": directory_version,
        "duties_valid_from": shipped_duties().valid_from.isoformat(), "log": pinned.log,
        "cosigners": list(pinned.cosigners), "authority": pinned.authority, "root": pinned.root,
    }  # fmt: skip


@click.command(name="verify", help="Check an evidence dossier offline.")
@click.argument("dossier", type=_EXISTING)
@click.option("--trust", type=_EXISTING, default=None, help=f"What you pin; default: {TRUST_FILE} beside the dossier.")
@click.option("--home", type=click.Path(path_type=Path), default=None, help="Not needed: every verb takes a home.")
@click.option("--json", "as_json", is_flag=True, help="Last line of output: one JSON object.")
@cli.clear_errors
def verify(dossier: Path, trust: Path | None, home: Path | None, as_json: bool) -> None:  # noqa: ARG001
    """Checks a dossier."""
    content = dossier.read_bytes()
    beside = dossier.with_name(TRUST_FILE)
    file = trust or (beside if beside.exists() else None)
    pinned = _declared(content) if file is None else _trust(file)
    found = check_dossier(content, pinned)
    by = ", ".join(found.cosigners) or "no other party: whoever holds the key of the log could have written another one"
    text = f"case {found.case}: {found.entries} entries, {found.files} files, cosigned by {by}"
    if file is None:
        text += (
            f"\nNOT PINNED: compare this key with the one you were given by another channel: {pinned.log.encode()}"
            "\nCLÉ NON ÉPINGLÉE : comparez cette clé avec celle reçue par une autre voie."
        )
    click.echo(text, err=as_json)
    if as_json:
        cli.emit({
            "case": found.case, "entries": found.entries, "files": found.files, "cosigners": list(found.cosigners),
            "stamped_at": list(found.stamped_at), "pinned": file is not None, "verified": True,
        })  # fmt: skip


def _trust(path: Path) -> Trust:
    return trust_of(decode(path.read_bytes(), TrustFile, bytes_max=TRUST_BYTES_MAX))


def _declared(content: bytes) -> Trust:
    values = declared(content)
    claimed = {name: values[name] for name in ("log", "cosigners", "authority", "root") if name in values}
    return trust_of(decode(encode(claimed), TrustFile, bytes_max=TRUST_BYTES_MAX))
