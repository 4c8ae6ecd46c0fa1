"""Readers of the protocol: cards, requests, deals, rows, manifests, statements, logs, backups, sign-ins."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.access.config import DirectoryPin, open_directory
from paravent.access.enrolment import Begun, Enroller, EnrolmentKey, _state_mac, read_state
from paravent.access.openid import KeyList, ProviderAnswer, to_base64url, verify_login
from paravent.access.requests import HttpRequest, claimed_keyid, verify_request
from paravent.crypto import checkpoint, hpke, sealing
from paravent.crypto.checkpoint import Checkpoint, cosigner_key, log_key, open_checkpoint, parse_checkpoint
from paravent.crypto.entitlement import (
    DeskPart,
    HubPart,
    issue,
    read_entitlement,
    verify_desk_part,
    verify_entitlement,
)
from paravent.crypto.labels import Label
from paravent.crypto.note import NoteKey, parse_note
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.crypto.timestamp import verify_stamp
from paravent.crypto.timestamp_request import StampNonce, stamp_request
from paravent.desk.entitled import judge_card
from paravent.desk.epoch import verify_bundle, verify_head
from paravent.drill.authority import LocalAuthority
from paravent.hub import backup, follow_up, publication, returns, statements
from paravent.hub.insurer_acts import InsurerAdjudicator
from paravent.keyserver import deal, evaluation
from paravent.pages.screens.app import read_form
from paravent.wire.bulletins import BulletinList, KnownList, follow, open_list
from paravent.wire.card import read_card
from paravent.wire.claims import ActDetail, DecisionsRequest, InsurerAct, read_detail
from paravent.wire.codec import decode, encode
from paravent.wire.deal import BatchDeal, DealBox, EpochDeal
from paravent.wire.log import KeyEntry, OpeningEntry
from paravent.wire.number_lane import EvaluationAnswer, RowAnswer
from paravent.wire.problem import from_problem, to_problem
from paravent.wire.publication import Publication, from_records, to_record
from paravent.wire.recovery import ReturnedAct
from paravent.wire.statements import EpochBundle, Signed
from tests.fuzz import platforms
from tests.fuzz.platforms import request, shop, signed, world
from tests.fuzz.shapes import CARD, CBOR, DER, FIELDS, FORM, JSON, LINES, MSGPACK, TOKEN
from tests.fuzz.target import Target
from tests.unit.access import provider
from tests.unit.parties.test_desk_entitled import card
from tests.unit.parties.world import AMC, EPOCH

_MADE_AT = 1_781_524_800


def _text(data: bytes) -> str:
    """What a scanner or a browser hands over as text."""
    return data.decode("utf-8", "replace")


# --- cards and entitlements -----------------------------------------------------------------------


def _row_parts(position: int = 0) -> tuple[bytes, bytes]:
    started = world().opening(world().known_to_insurer(world().covered(position)))
    for index in (1, 2):
        started.take(*world().open_at(started, index))
    opened = started.finish()
    assert opened is not None
    return opened[0], opened[1]


def qr_card() -> Target:
    judgement, holder = world().judgement(), world().covered().holder
    seeds = tuple(card(world(), position).encode() for position in (0, 2))
    return Target(seeds=seeds, shape=CARD, read=lambda data: judge_card(read_card(_text(data)), holder, judgement))


def cose_entitlement() -> Target:
    key = SigningKey.generate(world().rng)

    def same(data: bytes, part: HubPart) -> None:
        # All but the signature, which is 64 bytes after two of length: it is not verified here.
        assert data.startswith(issue(part, key)[:-66])

    return Target(seeds=(_row_parts()[0], _row_parts(2)[0]), shape=CBOR, read=read_entitlement, same=same)


def desk_part() -> Target:
    entitlement, part = _row_parts()
    hub_part = read_entitlement(entitlement)

    def read(data: bytes) -> DeskPart:
        return verify_desk_part(replace(hub_part, desk_digest=hashlib.sha256(data).digest()), data)

    def same(data: bytes, found: DeskPart) -> None:
        assert found.encode() == data

    return Target(seeds=(part,), shape=CBOR, read=read, same=same)


# --- requests --------------------------------------------------------------------------------------


def signed_request() -> Target:
    made = request(b'{"insurer":"99000001"}', world().hub.base_url, "/v1/rows", world().device_key)
    head = [made.method, made.authority, made.target_uri, *(f"{name}: {value}" for name, value in made.headers.items())]

    def read(data: bytes) -> str:
        lines, _, body = data.partition(b"\n\n")
        method, authority, target, *fields = [*_text(lines).split("\n"), "", "", ""]
        headers = dict(field.split(": ", 1) for field in fields if ": " in field)
        found = HttpRequest(method=method, authority=authority, target_uri=target, headers=headers, body=body)
        claimed_keyid(found)
        key, now = world().device_key.public, world().now
        return verify_request(found, key=key, authority=made.authority, now=now).nonce

    seed = "\n".join(head).encode() + b"\n\n" + made.body
    return Target(seeds=(seed,), shape=LINES, read=read)


def _behind(
    body: bytes, base_url: str, path: str, admit: Callable[[HttpRequest], Any], key: SigningKey | None = None
) -> Target:
    """A handler behind a signature: whatever body was drawn is signed, so that the handler reads it."""
    signer = key or world().device_key
    return Target(seeds=(body,), shape=JSON, read=lambda data: admit(request(data, base_url, path, signer)), slow=True)


def evaluation_request() -> Target:
    server = world().servers[1]
    body = encode(world().blind(world().covered()).message())
    return _behind(
        body, server.identity.base_url, "/v1/evaluations",
        lambda made: evaluation.admit(made, server.identity, server.store, world().now),
    )  # fmt: skip


def act() -> Target:
    body = encode(shop().reservation())
    return _behind(
        body, world().hub.base_url, "/v1/acts",
        lambda made: world().adjudicator().admit(made, world().hub_store, world().now),
    )  # fmt: skip


def decisions_request() -> Target:
    return _behind(
        encode(DecisionsRequest(claim=bytes(16), act=None)), world().hub.base_url, "/v1/decisions",
        lambda made: follow_up.admit(made, world().hub_store, world().hub, world().now),
    )  # fmt: skip


# --- deals, rows, manifests ------------------------------------------------------------------------


def _dealt(payload: bytes) -> DealBox:
    """Signs and seals a deal as the insurer does, whatever is in it."""
    insurer, server = world().insurers[AMC], world().servers[1]
    content = encode(signed(payload, Label.DEAL, AMC, insurer.keys.issuer))
    key = server.store.box_key.public
    return DealBox(insurer=AMC, box=hpke.seal(key, content, Label.DEAL_BOX, AMC, server.identity.name))


def _epoch_deal() -> EpochDeal:
    insurer = world().insurers[AMC]
    return EpochDeal(epoch_file=insurer.epoch.signed, index=1, share=insurer.epoch.shares[1].reveal())


def epoch_deal() -> Target:
    server = world().servers[1]

    def read(data: bytes) -> Signed:
        return deal.take_epoch(_dealt(data), server.identity, world().directory, server.store, world().now)

    return Target(seeds=(encode(_epoch_deal()),), shape=JSON, read=read, slow=True)


def epoch_file() -> Target:
    insurer, server = world().insurers[AMC], world().servers[1]

    def read(data: bytes) -> Signed:
        file = signed(data, Label.EPOCH, AMC, insurer.keys.issuer)
        made = encode(EpochDeal(epoch_file=file, index=1, share=_epoch_deal().share))
        return deal.take_epoch(_dealt(made), server.identity, world().directory, server.store, world().now)

    return Target(seeds=(insurer.epoch.signed.payload,), shape=JSON, read=read, slow=True)


def batch_deal() -> Target:
    insurer, server = world().insurers[AMC], world().servers[1]
    keys = tuple(
        {"servers": list(members), "key": base64.b64encode(key.reveal()).decode()}
        for members, key in sorted(insurer.batch.keys.items()) if 1 not in members
    )  # fmt: skip
    seed = json.dumps({"batch_file": json.loads(encode(insurer.batch.signed)), "keys": keys}).encode()
    decode(seed, BatchDeal)

    def read(data: bytes) -> Signed:
        return deal.take_batch(_dealt(data), server.identity, world().directory, server.store)

    return Target(seeds=(seed,), shape=JSON, read=read, slow=True)


def row_plaintext() -> Target:
    """What stands in a row, sealed by a dishonest insurer."""
    output, opening, handle = OprfOutput(bytes(64)), bytes(96), Handle(bytes(32))
    label = sealing.open_label(AMC, EPOCH, 1, handle)
    key, commitment = sealing._row_key(bytes(32), opening, output, label)
    issuers = world().directory.issuers()

    def read(data: bytes) -> DeskPart:
        plain = data[: sealing.PLAINTEXT_BYTES].ljust(sealing.PLAINTEXT_BYTES, b"\0")
        stored = bytes(32) + commitment + ChaCha20Poly1305(key).encrypt(bytes(12), plain, label)
        parts = sealing.open_row(Row(insurer=AMC, epoch=EPOCH, batch=1, handle=handle, stored=stored), output, opening)
        return verify_desk_part(verify_entitlement(parts[0], issuers), parts[1])

    return Target(seeds=(sealing._pad(*_row_parts()),), shape=FIELDS, read=read)


def row_records() -> Target:
    rows = world().insurers[AMC].rows

    def same(data: bytes, found: list[Row]) -> None:
        assert b"".join(map(to_record, found)) == data

    return Target(
        seeds=(b"".join(map(to_record, rows[:3])),), same=same,
        read=lambda data: list(from_records(data, AMC, EPOCH)),
    )  # fmt: skip


def row_answer() -> Target:
    known = world().known_to_insurer(world().covered())
    absent = world().known_to_insurer(world().stranger())

    def read(data: bytes) -> Any:
        answer = decode(data, RowAnswer)
        chosen = absent if answer.row is None else known
        return chosen.take_row(answer, world().hub.name, now=world().now, counter_min=0)

    seeds = (encode(world().fetch(known)), encode(world().fetch(absent)))
    return Target(seeds=seeds, shape=JSON, read=read)


def evaluation_answer() -> Target:
    blinding = world().blind(world().covered())
    server, answer, digest = world().evaluate(blinding, 1)

    def read(data: bytes) -> None:
        started = replace(blinding)
        started.take(server, decode(data, EvaluationAnswer), digest)

    return Target(seeds=(encode(answer),), shape=JSON, read=read)


def opening_content() -> Target:
    """What the box of an opening answer holds, signed by a dishonest key server."""
    started = world().opening(world().known_to_insurer(world().covered()))
    server, answer, nonce, digest = world().open_at(started, 1)
    plain = started.take(server, answer, nonce, digest)
    key, name = world().servers[1].identity.signing_key, server.entry.name

    def read(data: bytes) -> Signed:
        content = encode(signed(data, Label.OPENING, name, key))
        context = (name, AMC, EPOCH, nonce)
        box = hpke.seal(started.answer_key.public, content, Label.OPENING_BOX, *context)
        return started.take(server, type(answer)(box=box), nonce, digest)

    return Target(seeds=(plain.payload,), shape=JSON, read=read, slow=True)


def manifest_head() -> Target:
    epoch, issuer = world().epoch(), world().insurers[AMC].keys.issuer
    head = world().bundle().head.alone()

    def read(data: bytes) -> Any:
        made = signed(data, Label.MANIFEST_HEAD, AMC, issuer)
        return verify_head(made, replace(epoch, head=made.digest()), now=world().now, counter_min=0)

    return Target(seeds=(head.payload,), shape=JSON, read=read)


def epoch_bundle() -> Target:
    def read(data: bytes) -> Any:
        bundle = decode(data, EpochBundle, bytes_max=2**20)
        return verify_bundle(bundle, AMC, world().directory, now=world().now, single_operator_allowed=False)

    return Target(seeds=(encode(world().bundle()),), shape=JSON, read=read)


def publication_message() -> Target:
    insurer = world().insurers[AMC]

    def read(data: bytes) -> Any:
        announced = decode(data, Publication, bytes_max=2**20)
        return publication.verify_publication(announced, insurer.entry, world().directory, None)

    return Target(seeds=(encode(world().announce(insurer)),), shape=JSON, read=read)


# --- statements ------------------------------------------------------------------------------------


def _statement(kind: str, label: Label) -> Target:
    insurer = world().insurers[AMC]
    served = world().hub_store.statement(AMC, kind)
    assert served is not None

    def read(data: bytes) -> int:
        return statements.verify_statement(signed(data, label, AMC, insurer.keys.issuer), kind, insurer.entry)

    return Target(seeds=(served.payload,), shape=JSON, read=read)


def status_list() -> Target:
    return _statement(statements.STATUS_LIST, Label.STATUS_LIST)


def guarantee_tables() -> Target:
    return _statement(statements.GUARANTEES, Label.GUARANTEES)


def directory() -> Target:
    key = SigningKey.generate(world().rng)
    pin = DirectoryPin(signer="directory", key=key.public.hex())

    def read(data: bytes) -> Any:
        statement = signed(data, Label.DIRECTORY, "directory", key)
        content = {"payload": statement.payload, "signer": statement.signer, "signature": statement.signature}
        return open_directory(encode(content | {"cosignatures": []}), pin)

    return Target(seeds=(encode(world().directory),), shape=JSON, read=read)


def insurer_act() -> Target:
    insurer = world().insurers[AMC]
    adjudicator = InsurerAdjudicator(identity=world().hub, directory=world().directory)
    known: dict[str, Any] = {
        "insurer": AMC, "kind": "release", "idempotency_key": base64.b64encode(bytes(16)).decode(),
        "decision_id": base64.b64encode(bytes(16)).decode(), "issued_at": _MADE_AT,
        "nullifier": base64.b64encode(bytes(16)).decode(), "claim_id": None, "ground": "audit",
    }  # fmt: skip
    seed = json.dumps({name: known.get(name) for name in InsurerAct.__struct_fields__}).encode()

    def read(data: bytes) -> Any:
        body = encode(signed(data, Label.INSURER_ACT, AMC, insurer.keys.issuer))
        made = request(body, world().hub.base_url, "/v1/insurer-acts", insurer.keys.issuer)
        return adjudicator.admit(made, world().now)

    return Target(seeds=(seed,), shape=JSON, read=read, slow=True)


def _returned() -> ReturnedAct:
    made = shop().reservation()
    decision = shop().send(made)
    detail = ActDetail(
        act=made, device_key=shop().device.public, professional=shop().device.professional, shop=shop().device.shop,
        decision=decision, padding="",
    )  # fmt: skip
    return ReturnedAct(number=None, detail=encode(detail))


def returned_act() -> Target:
    reader = returns.Returns(identity=world().hub, directory=world().directory)

    def read(data: bytes) -> Any:
        return reader.of_device(decode(data, ReturnedAct), shop().device)

    return Target(seeds=(encode(_returned()),), shape=JSON, read=read)


def act_detail() -> Target:
    return Target(seeds=(_returned().detail,), shape=JSON, read=read_detail)


def bulletins() -> Target:
    text = {
        "title": "Hameçonnage",
        "what": "Un faux courriel.",
        "recognise": ["L'adresse."],
        "act": ["Ne cliquez pas."],
    }
    bulletin = json.dumps({
        "number": 1, "audience": "opticians", "attack": "phishing", "urgent": False, "issued_at": _MADE_AT,
        "author": "RSSI", "fr": text, "en": text, "sources": [],
    }, ensure_ascii=False).encode()  # fmt: skip
    seed = json.dumps({
        "head": json.dumps({"count": 1, "issued_at": _MADE_AT}), "bulletins": [base64.b64encode(bulletin).decode()],
    }).encode()  # fmt: skip
    desk = world().directory.breach_desk
    assert desk is not None
    name = desk.name

    def uploaded(data: bytes) -> BulletinList:
        """Signs a head over the bulletins as they were drawn."""
        drawn = json.loads(data)
        contents = tuple(base64.b64decode(one) for one in drawn["bulletins"])
        digest = bytes(32)
        for one in contents:
            digest = follow(digest, one)
        head = json.dumps(json.loads(drawn["head"]) | {"digest": base64.b64encode(digest).decode()}).encode()
        return BulletinList(head=signed(head, Label.BULLETIN_HEAD, name, world().breach_key), bulletins=contents)

    def read(data: bytes) -> Any:
        try:
            made = uploaded(data)
        except (ValueError, TypeError, KeyError, RecursionError):
            # What cannot even be signed reaches no reader.
            return None
        upload = decode(encode(made), BulletinList, bytes_max=2**20)
        return open_list(upload.head, upload.bulletins, KnownList(count=0, digest=bytes(32)), world().directory)

    return Target(seeds=(seed,), shape=JSON, read=read)


def problem() -> Target:
    from paravent.errors import NotCovered, ProofFailure

    seeds = tuple(encode(to_problem(one)) for one in (NotCovered("no"), ProofFailure("no", culprit="x")))
    return Target(
        seeds=seeds, shape=JSON, read=lambda data: from_problem(data, party="a hub").code
    )  # fmt: skip


# --- logs and stamps -------------------------------------------------------------------------------


def opening_entry() -> Target:
    entry = OpeningEntry(
        commitment=bytes(32), hour=490_000, request=bytes(32), professional=bytes(32), subject=bytes(32), insurer=AMC,
        insurer_key=3, insurer_part=bytes(200), custodian_key=4, custodian_part=bytes(150),
    )  # fmt: skip

    def same(_: bytes, found: OpeningEntry) -> None:
        assert OpeningEntry.decode(found.encode()) == found

    return Target(seeds=(entry.encode(),), shape=FIELDS, read=OpeningEntry.decode, same=same)


def key_entry() -> Target:
    entry = KeyEntry(recipient="custodians", hour=490_000, boxes=(bytes(200), bytes(210), bytes(220)))

    def same(_: bytes, found: KeyEntry) -> None:
        assert KeyEntry.decode(found.encode()) == found

    return Target(seeds=(entry.encode(),), shape=FIELDS, read=KeyEntry.decode, same=same)


_ORIGIN = "keyserver-1/log"
_HEAD = Checkpoint(origin=_ORIGIN, size=7, root=bytes(range(32)))
_LOG, _PEER = (SigningKey.generate(random.Random(seed).randbytes) for seed in (1, 2))
_NOTE = _HEAD.signed(checkpoint.sign(_HEAD, _LOG)).signed_also(checkpoint.cosign(_HEAD, "hub", _PEER, now=_MADE_AT))


def note() -> Target:
    def same(data: bytes, found: Any) -> None:
        assert found.encode() == data

    return Target(seeds=(_NOTE.encode(),), shape=LINES, read=parse_note, same=same)


def checkpoint_note() -> Target:
    key, peer = log_key(_ORIGIN, _LOG), cosigner_key("hub", _PEER)

    def read(data: bytes) -> Any:
        head, found = open_checkpoint(data, key, culprit="log")
        checkpoint.verify_cosignature(found, peer, now=_MADE_AT, age_seconds_max=60, culprit="hub")
        return head

    return Target(seeds=(_NOTE.encode(),), shape=LINES, read=read)


def checkpoint_text() -> Target:
    return Target(seeds=(_NOTE.text.encode(),), shape=LINES, read=lambda data: parse_checkpoint(_text(data)))


def note_key() -> Target:
    return Target(
        seeds=(log_key(_ORIGIN, _LOG).encode().encode(),), read=lambda data: NoteKey.parse(_text(data)),
        same=lambda data, found: _require(found.encode() == _text(data)),
    )  # fmt: skip


def _require(holds: bool) -> None:
    assert holds


def time_stamp() -> Target:
    authority, text = LocalAuthority(platforms.folder() / "authority"), b"keyserver-1/log\n7\n"
    answer = authority.answer(stamp_request(text, StampNonce(7)))

    def read(data: bytes) -> int:
        return verify_stamp(data, text, authority.pinned, culprit="authority")

    return Target(seeds=(answer,), shape=DER, read=read)


# --- backups ---------------------------------------------------------------------------------------

_BOX_KEY = hpke.BoxKey.generate(random.Random(5).randbytes)


def _backup(tables: Iterable[tuple[str, list[tuple[Any, ...]]]]) -> bytes:
    pieces = backup.write_backup(
        ((name, iter(rows)) for name, rows in tables), [], world().hub, _BOX_KEY.public,
        migrations=1, now=_MADE_AT, rng=random.Random(6).randbytes,
    )  # fmt: skip
    return b"".join(pieces)


def _restored(data: bytes) -> Any:
    reader = backup.BackupReader(io.BytesIO(data).read, _BOX_KEY)
    for _ in reader.rows():
        pass
    return reader.summary(world().hub.name, world().hub.signing_key.public)


def backup_file() -> Target:
    seed = _backup([("record", [(b"name", b"sealed")] * 3), ("event", [(1, AMC, None)])])
    return Target(seeds=(seed,), read=_restored, slow=True)


def backup_chunk() -> Target:
    """The plaintext of a chunk, sealed by who holds the public key alone."""
    import msgspec

    seed = msgspec.msgpack.encode(("record", [[b"name", b"sealed"], [1, None]]))
    return Target(seeds=(seed,), shape=MSGPACK, read=backup._chunk)


# --- sign-ins --------------------------------------------------------------------------------------

_PROVIDER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_JWK = {"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": to_base64url(_PROVIDER.public_key().public_bytes_raw())}


def _token(header: bytes, payload: bytes) -> bytes:
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    return body + b"." + base64.urlsafe_b64encode(_PROVIDER.sign(body)).rstrip(b"=")


_HEADER = json.dumps({"alg": "Ed25519", "kid": "o"}).encode()


def _login(token: bytes, userinfo: bytes, keys: KeyList) -> Any:
    return verify_login(
        ProviderAnswer(id_token=token, userinfo=userinfo), keys, provider.PARTY, nonce=provider.NONCE, now=provider.NOW
    )


def openid_token() -> Target:
    keys, info = KeyList(keys=(_JWK,)), json.dumps(provider.sector()).encode()
    seed = _token(_HEADER, json.dumps(provider.claims()).encode())
    return Target(seeds=(seed,), shape=TOKEN, read=lambda data: _login(data, info, keys))


def openid_claims() -> Target:
    keys, info = KeyList(keys=(_JWK,)), json.dumps(provider.sector()).encode()
    seed = json.dumps(provider.claims()).encode()
    return Target(seeds=(seed,), shape=JSON, read=lambda data: _login(_token(_HEADER, data), info, keys))


def openid_userinfo() -> Target:
    from paravent.access.openid import identify

    token, keys = _token(_HEADER, json.dumps(provider.claims()).encode()), KeyList(keys=(_JWK,))

    def read(data: bytes) -> Any:
        answer = ProviderAnswer(id_token=token, userinfo=data)
        return identify(
            answer, keys, provider.PARTY, nonce=provider.NONCE, shop=provider.SHOP, used=lambda _: False,
            now=provider.NOW,
        )  # fmt: skip

    return Target(seeds=(json.dumps(provider.sector()).encode(),), shape=JSON, read=read)


def openid_keys() -> Target:
    from paravent.access.openid_client import _read as read_json

    token, info = _token(_HEADER, json.dumps(provider.claims()).encode()), json.dumps(provider.sector()).encode()
    seed = encode(KeyList(keys=(_JWK, *provider.key_list(provider.RSA, provider.ELLIPTIC).keys)))
    return Target(seeds=(seed,), shape=JSON, read=lambda data: _login(token, info, read_json(data, KeyList)), slow=True)


def enrolment_state() -> Target:
    enroller = Enroller(name="hub", base_url="https://hub", key=EnrolmentKey(bytes(32)), party=provider.PARTY)
    seed = encode(Begun(
        enrolment=bytes(16), device_key=bytes(32), shop="580000001", salt_commitment=bytes(32), begun_at=_MADE_AT,
        return_port=8000,
    ))  # fmt: skip

    def read(data: bytes) -> Any:
        mac = _state_mac(data[:60_000], enroller)
        return read_state(to_base64url(mac + data), enroller, _MADE_AT)

    return Target(seeds=(seed,), shape=JSON, read=read)


def form() -> Target:
    seed = b"csrf=abc&name=Martin+Zo%C3%A9&birth_date=03%2F02%2F2015&nir=1+90"
    return Target(seeds=(seed,), shape=FORM, read=read_form)


TARGETS: tuple[Callable[[], Target], ...] = (
    qr_card, cose_entitlement, desk_part, signed_request, evaluation_request, act, decisions_request, epoch_deal,
    epoch_file, batch_deal, row_plaintext, row_records, row_answer, evaluation_answer, opening_content, manifest_head,
    epoch_bundle, publication_message, status_list, guarantee_tables, directory, insurer_act, returned_act, act_detail,
    bulletins, problem, opening_entry, key_entry, note, checkpoint_note, checkpoint_text, note_key, time_stamp,
    backup_file, backup_chunk, openid_token, openid_claims, openid_userinfo, openid_keys, enrolment_state, form,
)  # fmt: skip
