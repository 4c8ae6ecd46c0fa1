"""Sending an insurer's acts to the hub, kept first and sent again as they are (docs/protocol.md step 11.6)."""

from __future__ import annotations

import hashlib
import time

from paravent.access.client import SignedClient
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import BadInput, ProofFailure, Refusal, TechnicalFailure, UnansweredAct, Unreachable
from paravent.insurer.store import Store
from paravent.wire.claims import Decision, InsurerAct
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Directory, Signed, open_statement


async def send_act(signed: Signed, directory: Directory, store: Store, client: SignedClient) -> Decision:
    """Sends an act, kept durably first, and returns the hub's verified decision.

    Raises UnansweredAct when no answer came: the same bytes are sent again with the next pull.
    """
    # This insurer signed it: what it says needs no other proof here.
    key = decode(signed.payload, InsurerAct).idempotency_key
    store.exchange.keep_act(key, signed, int(time.time()))
    hub = directory.hub
    try:
        answer = await client.post(hub.name, hub.address, "/v1/insurer-acts", signed, Signed)
    except Unreachable as error:
        raise UnansweredAct(f"{error}; the act is kept as {key.hex()}") from None
    except (BadInput, Refusal):
        # The hub decided nothing and never will on these bytes: there is nothing to send again.
        store.exchange.drop_act(key)
        raise
    decision = open_statement(answer, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
    if decision.request != hashlib.sha256(encode(signed)).digest():
        raise ProofFailure("the decision answers another act", culprit=hub.name)
    store.exchange.keep_decision(key, answer)
    return decision


async def resend_acts(directory: Directory, store: Store, client: SignedClient) -> int:
    """Sends again every act that got no answer; returns how many still have none."""
    waiting = 0
    for signed in store.exchange.undecided_acts():
        try:
            await send_act(signed, directory, store, client)
        except TechnicalFailure:
            waiting += 1
    return waiting
