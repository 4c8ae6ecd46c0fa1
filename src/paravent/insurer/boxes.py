"""Boxes of desks received, letters to shops sealed (docs/protocol.md section 11, step 11.17): pure."""

from __future__ import annotations

from collections.abc import Iterable

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure
from paravent.insurer.settlement_store import Account
from paravent.wire.boxes import LETTER_BYTES, BoxSender, CarriedBox, Letter, LetterKind, digest_of, padded
from paravent.wire.codec import decode
from paravent.wire.settlement import AccountNotice
from paravent.wire.statements import HubEntry, Signed, open_statement


def open_sender(carried: CarriedBox, key: BoxKey, hub: HubEntry, amc: str) -> BoxSender:
    """Returns whose box it is, as the hub says and signs; raises ProofFailure."""
    plain = key.open(carried.sender, Label.BOX_SENDER_BOX, hub.name, amc, culprit=hub.name)
    sender = open_statement(decode(plain, Signed), BoxSender, Label.BOX_SENDER, hub.name, VerifyKey(hub.verify_key))
    if (sender.insurer, sender.digest) != (amc, digest_of(carried.box)):
        raise ProofFailure("the sender named is that of another box", culprit=hub.name)
    return sender


def letterboxes(accounts: Iterable[Account], shop: str) -> list[bytes]:
    """Lists the box keys of a shop's desks: of accounts confirmed with the shop and never rejected, each once."""
    found = (
        account.letterbox for account in accounts
        if account.shop == shop and account.confirmed_at is not None and account.rejected_at is None
    )  # fmt: skip
    return list(dict.fromkeys(key for key in found if key))


def seal_letters(
    kind: LetterKind, statement: Signed, hub: str, shop: str, accounts: Iterable[Account]
) -> list[bytes]:  # fmt: skip
    """Seals a statement to every desk of a shop that the insurer knows; none when it knows none."""
    content = padded(Letter(kind=kind, statement=statement), LETTER_BYTES)
    return [
        hpke.seal(BoxPublicKey(key), content, Label.SHOP_LETTER_BOX, hub, shop) for key in letterboxes(accounts, shop)
    ]


def notice_of(account: Account, amc: str) -> AccountNotice:
    """Says to a shop that details were received for it; the desks that know it see what none of them sent."""
    return AccountNotice(
        insurer=amc, shop=account.shop, fingerprint=account.fingerprint, received_at=account.received_at,
        usable_from=account.usable_from,
    )  # fmt: skip
