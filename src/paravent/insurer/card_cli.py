"""``paravent insurer card``, ``revoke``: a member's card on paper and on a telephone (docs/operating.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.errors import InvalidConfiguration, InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.card import PrintedCard, Shape, card_of, card_pdf, printed, qr_png, says_the_same
from paravent.insurer.config import InsurerConfig
from paravent.insurer.members import Line, Member
from paravent.insurer.publication_cli import member_file, published_members, with_publisher
from paravent.insurer.sealing import RightNumbers
from paravent.insurer.store import Store
from paravent.optics.guarantee import GuaranteeTables
from paravent.pages.pdf import Language
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_BLOCK = Path(__file__).parent / "data" / "card-block.toml"


def add_card_verbs(group: click.Group) -> None:
    """Adds the verbs of cards to an insurer's group."""

    @verb(group, "Print a member's card: the one in use, or a new one; a new one revokes the one before.")
    @click.argument("member_id")
    @click.option("--members", type=_EXISTING, default=None, help="Member file; default: the one published last.")
    @click.option("--out", type=_FILE, required=True,
                  help="A4 page to cut out (.pdf), or the code alone (.png, its text beside it in .txt).")  # fmt: skip
    @click.option("--phone", type=_FILE, default=None, help="The card for a telephone, as PDF.")
    @click.option("--reissue", is_flag=True, help="A new card in any case: the one before was lost or photographed.")
    @click.option(
        "--lang", type=click.Choice([one.value for one in Language]), default=Language.FRENCH.value, show_default=True
    )
    @dry_run_option
    def card(
        home: Path, member_id: str, members: Path | None, out: Path, phone: Path | None, reissue: bool, lang: str,
        dry_run: bool,
    ) -> Said:  # fmt: skip
        """Prints a card."""
        settings = config.load(home)
        if out.suffix not in {".pdf", ".png"}:
            raise InvalidConfiguration("--out ends in .pdf or in .png")
        member = _member(home, settings, member_id, members)
        if dry_run:
            return Said(text="a card would be printed; nothing was", values={"issued": False, "revoked": False})
        found, issued, revoked = issue(home, settings, member, anew=reissue)
        if revoked:
            asyncio.run(with_publisher(home, settings, lambda publisher: publisher.publish_status_list()))
        _write(settings, found, out, phone, Language(lang))
        text = f"card written: {out}" + ("; the one before is revoked: the new status list is at the hub" * revoked)
        values = {"file": str(out), "issued": issued, "revoked": revoked}
        if out.suffix == ".png":
            values |= {"picture": str(out), "text": str(out.with_suffix(".txt"))}
        long = _too_long(settings, found)
        note = f"\nlonger than the block of the card is said to hold: {', '.join(long)}" if long else ""
        return Said(text=text + note, values=values | {"too_long": long})

    @verb(group, "Revoke a member's entitlements, or their card alone, and publish the new status list.")
    @click.argument("member_id")
    @click.option("--card", "card_only", is_flag=True, help="The card alone: the number lane goes on.")
    @dry_run_option
    def revoke(home: Path, member_id: str, card_only: bool, dry_run: bool) -> Said:
        """Revokes a member."""
        settings = config.load(home)
        with Store(home) as store:
            if dry_run:
                store.register.require_member(member_id)
                return Said(text=f"{member_id} would be revoked; nothing was.", values={"revoked": False})
            if card_only and not store.register.revoke_card(member_id, cli.now()):
                raise InvalidMemberFile("this member has no card in use")
            if not card_only:
                store.register.revoke(member_id, cli.now())
        asyncio.run(with_publisher(home, settings, lambda publisher: publisher.publish_status_list()))
        return Said(text=f"{member_id} revoked: the new status list is at the hub.", values={"revoked": True})


def issue(home: Path, settings: InsurerConfig, member: Member, *, anew: bool) -> tuple[PrintedCard, bool, bool]:
    """Returns the card in use when it still says what the member file does, or a new one.

    Also returns whether it is new, and whether one was revoked for it. Raises InvalidMemberFile.
    """
    issuer = config.read_keys(home).issuer
    with Store(home) as store:
        known = store.cards.in_use(member.member_id)
        if known is not None and not anew and says_the_same(known, member, {settings.amc: issuer.public}):
            return known, False, False
        tables = decode(store.guarantees().payload, GuaranteeTables, bytes_max=STATEMENT_BYTES_MAX)
        guarantee = tables.find(member.guarantee)
        nullifier = store.register.rights([member.member_id], cli.rng)[member.member_id].nullifier
        index = store.register.next_card_index(member.member_id, cli.rng)
        numbers = RightNumbers(nullifier=nullifier, status_index=index)
        found = printed(card_of(settings.amc, issuer, member, numbers, cli.rng), member, guarantee, cli.now())
        return found, True, store.register.keep_card(index, found)


def _member(home: Path, settings: InsurerConfig, member_id: str, file: Path | None) -> Member:
    """Finds a member in a file; raises InvalidMemberFile when the person does not stand in it."""
    if file is None:
        members = published_members(home)
    else:
        lines = member_file(file, settings, delta=False).lines()
        members = [line.member for line in lines if isinstance(line, Line)]
    found = next((member for member in members if member.member_id == member_id), None)
    if found is None:
        raise InvalidMemberFile("no such member in this file")
    return found


def _write(settings: InsurerConfig, card: PrintedCard, out: Path, phone: Path | None, language: Language) -> None:
    if out.suffix == ".png":
        out.write_bytes(qr_png(card.text))
        out.with_suffix(".txt").write_text(card.text, encoding="ascii")
    else:
        out.write_bytes(card_pdf(settings.amc, settings.name, settings.card, card, language, Shape.PAPER))
    if phone is not None:
        phone.write_bytes(card_pdf(settings.amc, settings.name, settings.card, card, language, Shape.TELEPHONE))


def _too_long(settings: InsurerConfig, card: PrintedCard) -> list[str]:
    """Lists the fields of the block that hold more than its specification is said to allow."""
    limits = msgspec.toml.decode(_BLOCK.read_bytes())["characters_max"]
    fields = {"amc": settings.amc, "member": card.member_id, "convention": settings.card.convention,
              "csr": settings.card.csr}  # fmt: skip
    return [name for name, value in fields.items() if len(value) > limits[name]]
