"""Publishing bulletins at the hub, and asking how many shops acknowledged them (docs/protocol.md section 11)."""

from __future__ import annotations

from paravent.access.peer_client import PeerClient
from paravent.breach.bulletins.store import Store
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import InvalidConfiguration, ProofFailure, StaleData
from paravent.wire.bulletins import BulletinCounts, BulletinHead, BulletinList, BulletinState
from paravent.wire.claims import PullRequest
from paravent.wire.codec import decode
from paravent.wire.statements import Directory, Signed, open_statement, sign_statement


class BulletinClient:
    """The breach desk towards the hub, with the key that the directory lists."""

    def __init__(self, directory: Directory, key: SigningKey, rng: Rng) -> None:
        """Signs with ``key``; raises InvalidConfiguration when the directory lists no breach desk."""
        if directory.breach_desk is None:
            raise InvalidConfiguration("the directory lists no breach desk: sign it again with --breach-desk")
        self._name = directory.breach_desk.name
        self._hub = directory.hub
        self._key = key
        self._client = PeerClient(key, rng)

    def sign(self, head: BulletinHead) -> Signed:
        """Signs the head of a list."""
        return sign_statement(head, Label.BULLETIN_HEAD, self._name, self._key)

    async def counts(self, after: int = 0) -> BulletinCounts:
        """Asks for the acknowledgements of the bulletins after a number; raises ProofFailure naming the hub."""
        signed, sent = await self._client.ask(self._hub, "/v1/bulletins/counts", PullRequest(after=after), Signed)
        key = VerifyKey(self._hub.verify_key)
        counted = open_statement(signed, BulletinCounts, Label.BULLETIN_COUNTS, self._hub.name, key)
        if counted.request != sent.digest:
            raise ProofFailure("its counts answer another request", culprit=self._hub.name)
        return counted

    async def publish(self, store: Store) -> int:
        """Sends what the hub lacks, under the head kept here; returns how many bulletins it serves then.

        Raises StaleData when the hub has more than is kept here: this home was put back from an old backup.
        """
        final = decode(_head_of(store).payload, BulletinHead)
        served = (await self.counts()).count
        if served > final.count:
            raise StaleData("the hub serves bulletins that this home does not know: put its latest backup back")
        while True:
            page = store.list.after(served)
            bulletins = () if page is None else page.bulletins
            served += len(bulletins)
            head = BulletinHead(count=served, digest=store.digest_at(served), issued_at=final.issued_at)
            await self._client.post(
                self._hub, "/v1/bulletins", BulletinList(head=self.sign(head), bulletins=bulletins), BulletinState
            )
            if served == final.count:
                return served


def _head_of(store: Store) -> Signed:
    head = store.list.head()
    if head is None:
        raise InvalidConfiguration("no bulletin was written here yet")
    return head
