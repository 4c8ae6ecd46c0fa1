"""Sending notices and warnings by whatever takes a message (docs/protocol.md section 11, steps 11.12 and 11.18)."""

from __future__ import annotations

from email.message import EmailMessage

from paravent.access.mail_client import Sender
from paravent.errors import ParaventError
from paravent.insurer.notices import write_notice
from paravent.insurer.store import Store
from paravent.insurer.warnings import write_warning


def deliver(store: Store, sender: Sender, insurer: str, address: str, now: int) -> tuple[int, int]:
    """Sends what is due; returns how many were taken and how many were put off.

    What was taken is recorded after: a crash in between sends it again, under the same message identifier.
    """
    taken: list[bool] = []
    for notice in store.outbox.due(now):
        taken.append(_taken(sender, write_notice(notice, insurer, address)))
        with store.commit():
            if taken[-1]:
                store.outbox.keep_sent(notice.number, now)
            else:
                store.outbox.keep_failed(notice, now)
    bulletins = {one.number: one for one in store.bulletins.all()}
    for warned in store.warnings.due(now):
        taken.append(_taken(sender, write_warning(bulletins[warned.bulletin], warned, insurer, address)))
        with store.commit():
            if taken[-1]:
                store.warnings.keep_sent(warned, now)
            else:
                store.warnings.keep_failed(warned, now)
    with store.commit():
        store.outbox.forget(now)
        store.warnings.forget(now)
    return sum(taken), len(taken) - sum(taken)


def _taken(sender: Sender, message: EmailMessage) -> bool:
    """Hands a message over; says whether it was taken."""
    try:
        sender.send(message)
    except ParaventError:
        return False
    return True
