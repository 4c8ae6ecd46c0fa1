"""A whole platform in one process, without HTTP: every party's pure functions, one clock, one seed.

Three key servers, a hub, two insurers and one device, with an epoch dealt, a batch published and a
handful of synthetic persons. The steps of a check are apart, so that a test can lie between two of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests import engines

from paravent.access.devices import Device
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import Authenticated, HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto import oprf, sealing, status
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import build_levels, root_of
from paravent.crypto.sealing import Row
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.desk.entitled import Entitled, Judgement, judge_row
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer, verify_bundle
from paravent.desk.number_lane import Blinding, KnownRecord, Opening
from paravent.drill.members import members_of
from paravent.drill.population import Population, synthesise, write_member_file
from paravent.hub import publication, rows
from paravent.hub import store as hub_store
from paravent.hub.acts import Adjudicator
from paravent.hub.state import HubIdentity
from paravent.hub.statements import GUARANTEES, STATUS_LIST, verify_statement
from paravent.hub.vault import DatabaseKey
from paravent.insurer import epoch as epochs
from paravent.insurer import store as insurer_store
from paravent.insurer.config import InsurerKeys
from paravent.insurer.epoch import Dealer, DrawnBatch, DrawnEpoch, Recipient
from paravent.insurer.members import Member, right_of
from paravent.insurer.sealing import SealingKeys, decoy, seal
from paravent.keyserver import deal, evaluation, opening
from paravent.keyserver import store as server_store
from paravent.keyserver.state import ServerIdentity, WitnessKey
from paravent.keyserver.witness import Scribe
from paravent.optics.guarantee import Guarantee, GuaranteeTables
from paravent.optics.store import every_shipped_rules
from paravent.person.bindings import lookup_input
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir
from paravent.wire.claims import Decision
from paravent.wire.codec import Message, decode, encode
from paravent.wire.cosignatures import cosign
from paravent.wire.number_lane import EvaluationAnswer, OpeningAnswer, RowAnswer
from paravent.wire.optics_terms import Band
from paravent.wire.publication import Publication, from_records, to_record
from paravent.wire.statements import (
    Announced,
    BreachDeskEntry,
    Cosigned,
    CustodianEntry,
    Directory,
    EpochBundle,
    HubEntry,
    InsurerEntry,
    KeyServerEntry,
    ManifestHead,
    Signed,
    StatusList,
    cosigned,
    open_statement,
    sign_statement,
)

AMC, OTHER_AMC = "99000001", "99000002"
HORIZON = {AMC: "Mutuelle Horizon", OTHER_AMC: "Prévoyance Lumière"}
NOW = 1_781_524_800  # 2026-06-15 12:00 UTC
YEAR, MONTH = 2026, 202606
DAY = 86_400
SERVERS, THRESHOLD = 3, 2
EPOCH = 1
PERSONS = {AMC: 6, OTHER_AMC: 3}
DECOYS = 3
NOT_DUE = 1  # the member of each insurer whose equipment is payable again in NOT_DUE_MONTH only
NOT_DUE_MONTH = 202704


@dataclass(slots=True)
class KeyServer:
    """One key server: who it is, what it keeps."""

    identity: ServerIdentity
    store: server_store.Store
    scribe: Scribe = field(init=False)


@dataclass(slots=True)
class Insurer:
    """One insurer with its members, what it drew and what it published."""

    amc: str
    keys: InsurerKeys
    entry: InsurerEntry
    store: insurer_store.Store
    members: list[Member]
    tables: GuaranteeTables
    batch: DrawnBatch
    epoch: DrawnEpoch
    announced: dict[int, Announced] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    counter: int = 0

    @property
    def dealer(self) -> Dealer:
        """The insurer as it deals."""
        return Dealer(insurer=self.amc, issuer_key=self.keys.issuer)

    def sign(self, statement: Message, label: Label) -> Signed:
        """Signs a statement with the issuer key."""
        return sign_statement(statement, label, self.amc, self.keys.issuer)


@dataclass(slots=True)
class World:
    """Every party; ``rng`` is seeded, ``now`` is the clock that a test may move."""

    home: Path
    rng: Rng
    directory: Directory
    servers: dict[int, KeyServer]
    hub: HubIdentity
    hub_store: hub_store.Store
    insurers: dict[str, Insurer]
    device_key: SigningKey
    device: Device
    custodians: tuple[BoxKey, ...]
    breach_key: SigningKey
    now: int = NOW

    # --- set-up -------------------------------------------------------------------------------

    @classmethod
    def build(cls, home: Path, *, seed: int = 1, limits: QuotaLimits | None = None) -> World:
        """Creates every party, deals one epoch and publishes one batch for each insurer."""
        rng = random.Random(seed).randbytes
        limits = limits or QuotaLimits()
        servers = {index: _key_server(home, index, limits, rng) for index in range(1, SERVERS + 1)}
        hub = HubIdentity(
            name="hub", base_url="http://hub.example:8000", signing_key=SigningKey.generate(rng),
            database_key=DatabaseKey(rng(32)),
        )  # fmt: skip
        keys = {
            amc: InsurerKeys(
                issuer=SigningKey.generate(rng), claims=BoxKey.generate(rng), payments=BoxKey.generate(rng)
            )
            for amc in HORIZON
        }
        custodians = tuple(BoxKey.generate(rng) for _ in range(3))
        breach_key = SigningKey.generate(rng)
        directory = Directory(
            version=1, issued_at=NOW,
            hub=HubEntry(name=hub.name, address=hub.base_url, verify_key=hub.signing_key.public),
            keyservers=tuple(_server_entry(index, server) for index, server in servers.items()),
            insurers=tuple(_insurer_entry(amc, keys[amc]) for amc in HORIZON),
            custodians=tuple(
                CustodianEntry(name=f"custodian-{number}", box_key=key.public)
                for number, key in enumerate(custodians, start=1)
            ),
            breach_desk=BreachDeskEntry(name="breach-desk", verify_key=breach_key.public),
        )  # fmt: skip
        for server in servers.values():
            identity = server.identity
            server.scribe = Scribe(server=identity.name, witness_key=identity.witness_key, directory=directory, rng=rng)
        insurers = {}
        for entry in directory.insurers:
            path = _folder(home, f"insurer-{entry.amc}") / "members.csv"
            write_member_file(path, _population(entry.amc, seed + int(entry.amc)), entry.amc)
            members = members_of(path, entry.amc)
            insurers[entry.amc] = _insurer(path.parent, entry, keys[entry.amc], members, directory, rng)
        device_key = SigningKey.generate(rng)
        device = Device(public=device_key.public, professional="80000000001", shop="580000001")
        world = cls(
            home=home, rng=rng, directory=directory, servers=servers, hub=hub,
            hub_store=open_hub(_folder(home, "hub"), limits, rng), insurers=insurers,
            device_key=device_key, device=device, custodians=custodians, breach_key=breach_key,
        )  # fmt: skip
        world.enrol(device)
        for amc in insurers:
            world.deal_epoch(amc)
            world.publish(amc)
            world.hand_over(amc)
        return world

    def close(self) -> None:
        """Closes every store."""
        for server in self.servers.values():
            server.store.close()
        for insurer in self.insurers.values():
            insurer.store.close()
        self.hub_store.close()

    def enrol(self, device: Device) -> None:
        """Enrols a device everywhere."""
        for server in self.servers.values():
            server.store.enrol(device, self.now)
        self.hub_store.enrol(device, self.now)

    def deal_epoch(self, amc: str) -> None:
        """Deals the insurer's epoch to every server."""
        insurer = self.insurers[amc]
        receipts = tuple(
            deal.take_epoch(
                epochs.epoch_box(insurer.dealer, insurer.epoch, index, self.recipient(index)),
                server.identity, self.directory, server.store, self.now,
            )
            for index, server in self.servers.items()
        )  # fmt: skip
        insurer.announced[0] = Announced(statement=insurer.epoch.signed, receipts=receipts)

    def deal_batch(self, amc: str, number: int) -> None:
        """Draws a batch and deals it to every server."""
        insurer = self.insurers[amc]
        insurer.batch = epochs.draw_batch(insurer.dealer, insurer.epoch.file, number, self.now, self.rng)
        receipts = tuple(
            deal.take_batch(
                epochs.batch_box(insurer.dealer, insurer.batch, index, self.recipient(index)),
                server.identity, self.directory, server.store,
            )
            for index, server in self.servers.items()
        )  # fmt: skip
        insurer.announced[number] = Announced(statement=insurer.batch.signed, receipts=receipts)

    def publish(self, amc: str, number: int = 1, *, rows_max: int | None = None) -> None:
        """Deals a batch, seals members into it and makes it the live manifest of the hub."""
        insurer = self.insurers[amc]
        self.deal_batch(amc, number)
        insurer.rows = self._sealed(insurer)[:rows_max]
        announced = self.announce(insurer)
        current = self.hub_store.newest(amc)
        _, head = publication.verify_publication(
            announced, insurer.entry, self.directory, None if current is None else current.head
        )
        bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
        opened = self.hub_store.open_publication(bundle, head)
        chunk = list(from_records(b"".join(map(to_record, insurer.rows)), amc, head.epoch))
        publication.check_batches(chunk, head)
        self.hub_store.add_rows(opened, 0, chunk)
        levels = publication.build_tree(self.hub_store.staged_digests(opened, head), head)
        self.hub_store.go_live(opened, head, levels)

    def sealing_keys(self, insurer: Insurer) -> SealingKeys:
        """What the insurer seals its current batch with."""
        return SealingKeys(
            insurer=insurer.amc, epoch=EPOCH, batch=insurer.batch.file.batch, issuer_key=insurer.keys.issuer,
            lookup_key=insurer.epoch.lookup_key, opening_keys=insurer.batch.keys,
        )  # fmt: skip

    def _sealed(self, insurer: Insurer) -> list[Row]:
        numbers = insurer.store.register.rights([member.member_id for member in insurer.members], self.rng)
        keys = self.sealing_keys(insurer)
        sealed = [
            seal(keys, identity, right_of(member, numbers[member.member_id]), self.rng)
            for member in insurer.members for identity in member.identities
        ]  # fmt: skip
        sealed += [decoy(insurer.amc, EPOCH, insurer.batch.file.batch, self.rng) for _ in range(DECOYS)]
        return sorted(sealed, key=lambda row: row.handle)

    def announce(self, insurer: Insurer) -> Publication:
        """Signs the head of the insurer's rows and announces it with its receipts."""
        insurer.counter += 1
        number = insurer.batch.file.batch
        head = ManifestHead(
            insurer=insurer.amc, epoch=EPOCH, counter=insurer.counter, count=len(insurer.rows),
            root=root_of(build_levels(manifest_leaf(row.handle, row.digest()) for row in insurer.rows)),
            issued_at=self.now, live_batches=(number,),
        )  # fmt: skip
        return Publication(
            insurer=insurer.amc,
            epoch=insurer.announced[0],
            base=None,
            batches=(insurer.announced[number],),
            head=self.cosigned(insurer.sign(head, Label.MANIFEST_HEAD)),
        )

    def cosigned(self, head: Signed, *indices: int) -> Cosigned:
        """Puts the cosignatures of some servers, or of all, beside a head; none of them keeps it."""
        identities = [self.servers[index].identity for index in indices or self.servers]
        return cosigned(
            head, (cosign(head, Label.MANIFEST_HEAD, who.name, who.signing_key) for who in identities)
        )  # fmt: skip

    def hand_over(self, amc: str, *, revoked: Sequence[str] = ()) -> None:
        """Hands the guarantees and the current status list to the hub."""
        insurer = self.insurers[amc]
        for member in revoked:
            insurer.store.register.revoke(member, self.now)
        indices, bits = insurer.store.register.revoked()
        statuses = StatusList(
            insurer=amc, counter=insurer.store.next_counter("status-list"), issued_at=self.now,
            bits=status.encode(indices, bits),
        )  # fmt: skip
        for kind, signed in (
            (STATUS_LIST, insurer.sign(statuses, Label.STATUS_LIST)),
            (GUARANTEES, insurer.sign(insurer.tables, Label.GUARANTEES)),
        ):
            counter = verify_statement(signed, kind, insurer.entry)
            self.hub_store.keep_statement(amc, kind, counter, signed)

    # --- who --------------------------------------------------------------------------------

    def entry(self, index: int) -> KeyServerEntry:
        """The directory's entry of a key server."""
        return self.directory.keyservers[index - 1]

    def recipient(self, index: int) -> Recipient:
        """A key server as deals are sealed to it."""
        server = self.servers[index]
        return Recipient(name=server.identity.name, box_key=server.store.box_key.public)

    def covered(self, position: int = 0, amc: str = AMC) -> PersonIdentity:
        """The first identity of a member; all but ``NOT_DUE`` have equipment payable this month."""
        return self.insurers[amc].members[position].identities[0]

    def stranger(self, number: int = 1) -> PersonIdentity:
        """An identity that nobody published."""
        return PersonIdentity.from_card(
            name="NEMO Personne", birth_date="19700101", nir=Nir.from_thirteen(f"1700175999{number:03d}")
        )

    def read(self, signed: Signed) -> Decision:
        """Verifies a decision of the hub."""
        hub = self.directory.hub
        return open_statement(signed, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))

    def adjudicator(self) -> Adjudicator:
        """The hub's adjudicator."""
        return Adjudicator(identity=self.hub, directory=self.directory, rules=every_shipped_rules())

    # --- requests ---------------------------------------------------------------------------

    def signed(
        self,
        base_url: str,
        path: str,
        message: Message,
        *,
        nonce: str | None = None,
        key: SigningKey | None = None,
    ) -> tuple[HttpRequest, Authenticated]:
        """Signs a request with the device key: what a server receives and what it will read in it."""
        body = encode(message)
        headers, caller = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=key or self.device_key, now=self.now,
            nonce=nonce or new_nonce(self.rng),
        )  # fmt: skip
        request = HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers,
            body=body,
        )  # fmt: skip
        return request, caller

    # --- the steps of a check -----------------------------------------------------------------

    def bundle(self, amc: str = AMC) -> EpochBundle:
        """What the hub serves of an insurer's epoch."""
        manifest = self.hub_store.newest(amc)
        assert manifest is not None
        return manifest.bundle

    def epoch(self, amc: str = AMC) -> VerifiedEpoch:
        """What the desk believes of an insurer's epoch."""
        return self.verify(self.bundle(amc), amc)

    def verify(self, bundle: EpochBundle, amc: str = AMC) -> VerifiedEpoch:
        """Verifies a bundle as a desk that refuses a single operator."""
        return verify_bundle(bundle, amc, self.directory, now=self.now, single_operator_allowed=False)

    def blind(self, identity: PersonIdentity, amc: str = AMC) -> Blinding:
        """Step 7.1."""
        return Blinding.start(self.epoch(amc), lookup_input(amc, EPOCH, identity), self.rng)

    def evaluate(self, blinding: Blinding, index: int) -> tuple[VerifiedServer, EvaluationAnswer, bytes]:
        """Step 7.2 at one server: what ``Blinding.take`` is given."""
        server = self.servers[index]
        request, caller = self.signed(server.identity.base_url, "/v1/evaluations", blinding.message())
        return blinding.epoch.servers[index], self.evaluated(server, request), caller.digest

    def evaluated(self, server: KeyServer, request: HttpRequest) -> EvaluationAnswer:
        """What a server makes of a request of step 7.2."""
        admitted = evaluation.admit(request, server.identity, server.store, self.now)
        with server.store.commit():
            evaluation.spend(admitted, server.store, self.now)
        return evaluation.answer(admitted, server.identity, self.rng)

    def known(self, identity: PersonIdentity, amc: str = AMC, indices: Sequence[int] = (1, 2)) -> KnownRecord:
        """Steps 7.1 to 7.3."""
        blinding = self.blind(identity, amc)
        for index in indices:
            blinding.take(*self.evaluate(blinding, index))
        return blinding.finish()

    def known_to_insurer(self, identity: PersonIdentity, amc: str = AMC) -> KnownRecord:
        """The same with the insurer's own key: no server is asked, no quota spent."""
        output = oprf.evaluate(lookup_input(amc, EPOCH, identity), self.insurers[amc].epoch.lookup_key)
        key = sealing.handle_key(output, amc, EPOCH)
        handle = sealing.handle_of(amc, EPOCH, key.public)
        return KnownRecord(epoch=self.epoch(amc), output=output, handle_key=key, handle=handle, evaluators=frozenset())

    def fetch(self, record: KnownRecord) -> RowAnswer:
        """Step 7.4 at the hub, through the wire's encoding."""
        nonce = new_nonce(self.rng)
        message = record.row_message(self.hub.name, nonce, self.device.keyid)
        request, _ = self.signed(self.hub.base_url, "/v1/rows", message, nonce=nonce)
        return decode(encode(self.fetched(request)), RowAnswer)

    def fetched(self, request: HttpRequest) -> Message:
        """What the hub makes of a request of step 7.4."""
        admitted = rows.admit(request, self.hub, self.hub_store, self.now)
        with self.hub_store.commit():
            rows.spend(admitted, self.hub_store, self.now)
        return rows.answer(admitted, self.hub_store)

    def row(self, record: KnownRecord) -> Row:
        """Step 7.4 whole."""
        return record.take_row(self.fetch(record), self.hub.name, now=self.now, counter_min=0)[1]

    def opening(self, record: KnownRecord) -> Opening:
        """Starts step 7.5."""
        return Opening(record=record, row=self.row(record), answer_key=BoxKey.generate(self.rng))

    def open_at(self, started: Opening, index: int) -> tuple[VerifiedServer, OpeningAnswer, str, bytes]:
        """Step 7.5 at one server: what ``Opening.take`` is given."""
        server = self.servers[index]
        nonce = new_nonce(self.rng)
        message = started.message(started.record.epoch.servers[index], nonce, self.device.keyid)
        request, caller = self.signed(server.identity.base_url, "/v1/openings", message, nonce=nonce)
        return started.record.epoch.servers[index], self.opened(server, request), nonce, caller.digest

    def opened(self, server: KeyServer, request: HttpRequest) -> OpeningAnswer:
        """What a server makes of a request of step 7.5."""
        admitted = opening.admit(request, server.identity, server.store, self.now)
        with server.store.commit():
            position = opening.witness(admitted, server.scribe, server.store, self.now)
        return opening.answer(admitted, position, server.identity)

    def names(self) -> dict[int, str]:
        """Server names by index."""
        return {index: server.identity.name for index, server in self.servers.items()}

    def judgement(self, **changes: object) -> Judgement:
        """What the desk judges with: the status lists that the hub has."""
        values = {
            "directory": self.directory, "now": self.now, "degraded_days_max": 7,
            "status_list": lambda amc: self.hub_store.statement(amc, STATUS_LIST),
        }  # fmt: skip
        return Judgement(**(values | changes))  # type: ignore[arg-type]

    def check(self, identity: PersonIdentity, amc: str = AMC, indices: Sequence[int] = (1, 2)) -> Entitled:
        """Runs a whole number-lane check with a pair of servers."""
        started = self.opening(self.known(identity, amc, indices))
        for index in indices:
            started.take(*self.open_at(started, index))
        opened = started.finish()
        assert opened is not None
        entitlement, desk_part, lies = opened
        assert lies == []
        row = started.row
        label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
        return judge_row((entitlement, desk_part), identity.holder, amc, label, self.judgement())


def _population(amc: str, seed: int) -> Population:
    """Synthetic persons under one insurer, with the same terms but for one who must wait."""
    made = synthesise(PERSONS[amc], (amc,), seed, YEAR)
    months = (NOT_DUE_MONTH if place == NOT_DUE else 202601 for place in range(PERSONS[amc]))
    persons = tuple(
        replace(person, guarantee="OPT-CONFORT", renewal_months=24, free_from=month)
        for person, month in zip(made.persons, months, strict=True)
    )
    return replace(made, persons=persons)


def _folder(home: Path, name: str) -> Path:
    folder = home / name
    folder.mkdir(parents=True)
    return folder


def open_hub(home: Path, limits: QuotaLimits, rng: Rng) -> hub_store.Store:
    """Opens the hub's store on the engine under test; the same home is the same database."""
    return hub_store.Store(home, limits, rng, engines.connect(home / hub_store.DATABASE))


def _key_server(home: Path, index: int, limits: QuotaLimits, rng: Rng) -> KeyServer:
    identity = ServerIdentity(
        name=f"keyserver-{index}", base_url=f"http://keyserver-{index}.example:8000",
        signing_key=SigningKey.generate(rng), witness_key=WitnessKey(rng(32)),
    )  # fmt: skip
    return KeyServer(identity, server_store.Store(_folder(home, identity.name), limits, rng))


def _server_entry(index: int, server: KeyServer) -> KeyServerEntry:
    identity = server.identity
    return KeyServerEntry(
        name=identity.name, address=identity.base_url, verify_key=identity.signing_key.public,
        operator=f"operator-{index}", host=f"host-{index}", administrator=f"administrator-{index}",
    )  # fmt: skip


def _insurer_entry(amc: str, keys: InsurerKeys) -> InsurerEntry:
    return InsurerEntry(
        amc=amc, name=HORIZON[amc], issuer_key=keys.issuer.public, claims_key=keys.claims.public,
        payments_key=keys.payments.public, synthetic=True,
    )  # fmt: skip


def _insurer(
    home: Path, entry: InsurerEntry, keys: InsurerKeys, members: list[Member], directory: Directory, rng: Rng
) -> Insurer:
    dealer = Dealer(insurer=entry.amc, issuer_key=keys.issuer)
    dates = (NOW - DAY, NOW + 365 * DAY)
    drawn = epochs.draw_epoch(dealer, EPOCH, directory.keyservers, THRESHOLD, dates, rng)
    return Insurer(
        amc=entry.amc, keys=keys, entry=entry, store=insurer_store.Store(home), members=members,
        tables=_tables(entry.amc), epoch=drawn, batch=epochs.draw_batch(dealer, drawn.file, 1, NOW, rng),
    )  # fmt: skip


def _tables(amc: str) -> GuaranteeTables:
    guarantees = tuple(
        Guarantee(
            code=code, label=code, responsible=True, frame_max_cents=frame,
            class_b_cents=dict(zip(Band, amounts, strict=True)),
        )
        for code, frame, amounts in (
            ("OPT-CONFORT", 10_000, (30_000, 40_000, 50_000, 45_000, 55_000, 60_000)),
            ("OPT-ESSENTIEL", 5_000, (10_000, 15_000, 20_000, 17_500, 22_500, 25_000)),
        )
    )  # fmt: skip
    return GuaranteeTables(insurer=amc, counter=1, issued_at=NOW, guarantees=guarantees)
