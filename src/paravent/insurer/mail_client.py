"""Sending notices by whatever takes a message (docs/protocol.md section 11, step 11.12)."""

from __future__ import annotations

from paravent.access.mail_client import Sender
from paravent.errors import ParaventError
from paravent.insurer.notices import write_notice
from paravent.insurer.store import Store


def deliver(store: Store, sender: Sender, insurer: str, address: str, now: int) -> tuple[int, int]:
    """Sends what is due; returns how many were taken and how many were put off.

    What was taken is recorded after: a crash in between sends it again, under the same message identifier.
    """
    sent = failed = 0
    for notice in store.outbox.due(now):
        try:
            sender.send(write_notice(notice, insurer, address))
        except ParaventError:
            with store.commit():
                store.outbox.keep_failed(notice, now)
            failed += 1
        else:
            with store.commit():
                store.outbox.keep_sent(notice.number, now)
            sent += 1
    with store.commit():
        store.outbox.forget(now)
    return sent, failed
