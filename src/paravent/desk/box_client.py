"""Sending boxes to insurers and pulling those of this shop, through the hub (docs/protocol.md step 11.17)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from paravent.access.client import SignedClient
from paravent.crypto.hpke import BoxKey
from paravent.desk.remittances import open_letter, read_letter, read_letters
from paravent.desk.remittances_store import Letters
from paravent.errors import ParaventError, ProofFailure, TechnicalFailure, UnknownInsurer
from paravent.wire.boxes import BOXES_BYTES_MAX, BoxKind, BoxTaken, Letter, PlacedBox, SentBox, ShopBoxes
from paravent.wire.claims import PullRequest
from paravent.wire.settlement import Remittance
from paravent.wire.statements import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """How many letters are new, and how many this desk opened and could not read: those are passed over."""

    new: int
    unreadable: int


async def send_box(box: SentBox, directory: Directory, client: SignedClient) -> BoxTaken:
    """Sends a box; the same one again is kept once."""
    hub = directory.hub
    return await client.post(hub.name, hub.address, "/v1/boxes", box, BoxTaken)


async def send_openings(
    insurer: str, boxes: Mapping[bytes, bytes], directory: Directory, letters: Letters, client: SignedClient
) -> int:  # fmt: skip
    """Sends the openings of drawn claims that were not sent yet, by claim; returns how many."""
    waiting = {claim: box for claim, box in boxes.items() if claim not in letters.openings_sent()}
    for claim, box in waiting.items():
        await send_box(SentBox(insurer=insurer, kind=BoxKind.AUDIT_OPENING, box=box), directory, client)
        letters.keep_opening_sent(claim)
    return len(waiting)


async def pull_letters(
    shop: str, letterbox: BoxKey, directory: Directory, letters: Letters, client: SignedClient
) -> Pulled:  # fmt: skip
    """Pulls and keeps the letters of this shop that this desk opens; one that cannot be read stops no other."""
    hub, new, unreadable = directory.hub, 0, 0
    while True:
        answer = await client.post(
            hub.name, hub.address, "/v1/shop-boxes/pull", PullRequest(after=letters.last()), ShopBoxes,
            bytes_max=BOXES_BYTES_MAX,
        )  # fmt: skip
        kept = keep_letters(answer, shop, letterbox, directory, letters)
        new, unreadable = new + kept.new, unreadable + kept.unreadable
        if not answer.boxes:
            return Pulled(new=new, unreadable=unreadable)


def keep_letters(boxes: ShopBoxes, shop: str, letterbox: BoxKey, directory: Directory, letters: Letters) -> Pulled:
    """Keeps the letters that this desk reads; the others are behind it for good, and counted."""
    new = unreadable = 0
    for placed in boxes.boxes:
        letter = None
        try:
            letter = readable(placed, shop, letterbox, directory)
        except ParaventError:
            unreadable += 1
        new += letters.keep(letter, placed.number)
    return Pulled(new=new, unreadable=unreadable)


async def received_remittances(
    shop: str, letterbox: BoxKey, directory: Directory, letters: Letters, client: SignedClient
) -> list[Remittance]:  # fmt: skip
    """Returns every remittance received, pulled first; when the hub is away, those that were kept."""
    with suppress(TechnicalFailure):
        await pull_letters(shop, letterbox, directory, letters, client)
    read = read_letters(letters.letters(), directory, shop).letters
    return [one for one in read if isinstance(one, Remittance)]


def readable(placed: PlacedBox, shop: str, letterbox: BoxKey, directory: Directory) -> Letter | None:
    """Returns the letter in a box, or None when it is for another desk of the shop.

    Raises ParaventError when it is for this one and no insurer can have meant it. A letter of an insurer that the
    directory does not know is returned: a newer directory may know it.
    """
    try:
        letter = open_letter(placed.box, letterbox, directory.hub.name, shop)
    except ProofFailure:
        return None
    with suppress(UnknownInsurer):
        read_letter(letter, directory, shop)
    return letter
