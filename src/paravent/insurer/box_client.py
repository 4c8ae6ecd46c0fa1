"""Pulling what desks sent through the hub, and sending letters to shops (docs/protocol.md step 11.17)."""

from __future__ import annotations

import time

from paravent.access.client import SignedClient
from paravent.crypto.signing import VerifyKey
from paravent.errors import ParaventError
from paravent.insurer.accounts import receive
from paravent.insurer.boxes import open_sender, seal_letters
from paravent.insurer.config import InsurerKeys
from paravent.insurer.confirmation import tell_shop
from paravent.insurer.store import Store
from paravent.wire.boxes import (
    BOXES_BYTES_MAX,
    SHOP_BOX_SECONDS,
    Boxes,
    BoxesRequest,
    BoxKind,
    BoxTaken,
    CarriedBox,
    LetterKind,
    ShopBox,
    digest_of,
)
from paravent.wire.recovery import RETURNS_OVERLAP_SECONDS, Recovery
from paravent.wire.statements import Directory, HubEntry


async def pull_boxes(amc: str, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient) -> int:
    """Pulls and keeps every box that waits; returns how many were new. One that does not verify is passed over."""
    hub, new = directory.hub, 0
    taken: tuple[bytes, ...] = ()
    while True:
        answer = await client.post(
            hub.name, hub.address, "/v1/boxes/pull", BoxesRequest(taken=taken), Boxes, bytes_max=BOXES_BYTES_MAX
        )
        new += keep_boxes(answer, amc, keys, hub, store, int(time.time()))
        taken = tuple(digest_of(carried.box) for carried in answer.boxes)
        if not taken:
            return new


def keep_boxes(boxes: Boxes, amc: str, keys: InsurerKeys, hub: HubEntry, store: Store, now: int) -> int:
    """Keeps boxes in one transaction; returns how many were new: only then is the hub told to delete them."""
    new = 0
    with store.commit():
        for carried in boxes.boxes:
            try:
                new += _keep_box(carried, amc, keys, hub, store, now)
            except ParaventError:
                # Whoever sent it, sending it again would not mend it: it must not stand before the others.
                continue
    return new


def _keep_box(carried: CarriedBox, amc: str, keys: InsurerKeys, hub: HubEntry, store: Store, now: int) -> bool:
    if carried.kind is BoxKind.AUDIT_OPENING:
        return store.boxes.keep_opening(carried.box)
    sender, known = open_sender(carried, keys.claims, hub, amc), store.settlements.accounts()
    account = receive(
        carried.box, keys.payments, hub.name, amc, VerifyKey(sender.device_key), sender.shop, known, now
    )  # fmt: skip
    new = store.settlements.keep_account(account)
    if new:
        tell_shop(account, amc, keys, hub.name, store, known)
    return new


def write_letters(hub: str, store: Store, now: int) -> int:
    """Seals to their shops the remittances that were not sent yet; returns how many have a desk to read them."""
    written = 0
    with store.commit():
        accounts = store.settlements.accounts()
        for remittance in store.settlements.remittances():
            if remittance.sent_at is not None:
                continue
            boxes = seal_letters(LetterKind.REMITTANCE, remittance.signed, hub, remittance.shop, accounts)
            for box in boxes:
                store.boxes.keep_letter(remittance.shop, box)
            if boxes:
                store.settlements.keep_sent(remittance.number, now)
                written += 1
    return written


def write_again(recovery: Recovery, amc: str, keys: InsurerKeys, hub: str, store: Store) -> None:
    """Writes again, once for a restoration, the letters that a hub may have lost before their shops fetched them.

    A desk that has one already keeps it once: the statement in it is the same.
    """
    since, restored_at = recovery.wanted_since, recovery.restored_at
    if since is None or restored_at is None or store.exchange.letters_sent_again() >= restored_at:
        return
    first = max(since - RETURNS_OVERLAP_SECONDS, restored_at - SHOP_BOX_SECONDS)
    with store.commit():
        store.settlements.forget_sent(first)
        known = store.settlements.accounts()
        for account in known:
            if account.rejected_at is None and max(account.received_at, account.confirmed_at or 0) >= first:
                tell_shop(account, amc, keys, hub, store, known)
        store.exchange.keep_letters_sent_again(restored_at)


async def send_letters(amc: str, keys: InsurerKeys, directory: Directory, store: Store, client: SignedClient) -> int:
    """Sends what is to reach shops; returns how many boxes the hub took."""
    hub = directory.hub
    recovery = await client.get(hub.name, f"{hub.address}/v1/recovery", Recovery)
    write_again(recovery, amc, keys, hub.name, store)
    write_letters(hub.name, store, int(time.time()))
    waiting = store.boxes.letters()
    for number, shop, box in waiting:
        await client.post(hub.name, hub.address, "/v1/shop-boxes", ShopBox(shop=shop, box=box), BoxTaken)
        with store.commit():
            store.boxes.drop_letter(number)
    return len(waiting)
