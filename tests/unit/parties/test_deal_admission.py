"""What a key server computes for whoever did not deal: nothing that a key could tell (protocol.md 3.3, 3.8, 13.5)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient
from tests.unit.parties.world import AMC, DAY, EPOCH, OTHER_AMC, World

from paravent.crypto import hpke
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.insurer import epoch as epochs
from paravent.keyserver import app, deal
from paravent.wire.codec import Message, decode, encode
from paravent.wire.problem import from_problem
from paravent.wire.statements import ManifestHead

PATHS = ("/v1/epochs", "/v1/batches", "/v1/closings", "/v1/heads")
STRANGERS = {
    "nobody": "request-not-authentic", "a stranger": "unknown-insurer", "a device": "unknown-insurer",
    "a key server": "unknown-insurer", "a forger": "request-not-authentic", "another insurer": "proof-failure",
}  # fmt: skip


@dataclass(slots=True)
class Counter:
    """Asks the first server over HTTP, and lists which computations on a dealer's words it began."""

    world: World
    client: TestClient
    begun: list[str]

    def ask(self, path: str, who: str) -> str:
        """Sends a deal that is right in itself; returns the code of the refusal, or nothing."""
        world, message = self.world, dealt(self.world, path)
        base_url = world.servers[1].identity.base_url
        keys = {
            "the dealer": world.insurers[AMC].keys.issuer, "another insurer": world.insurers[OTHER_AMC].keys.issuer,
            "a device": world.device_key, "a key server": world.servers[2].identity.signing_key,
        }  # fmt: skip
        key = keys["the dealer"] if who == "a forger" else keys.get(who, SigningKey.generate(world.rng))
        request, _ = world.signed(base_url, path, message, key=key)
        headers = {} if who == "nobody" else dict(request.headers)
        if who == "a forger":
            headers["signature"] = f"pv=:{'A' * 86}==:"
        answer = self.client.post(path, content=encode(message), headers=headers)
        return "" if answer.status_code == 200 else from_problem(answer.content, party="").code


def dealt(world: World, path: str) -> Message:
    """What the first insurer would send to a path: it is right, whoever sends it."""
    insurer, to = world.insurers[AMC], world.recipient(1)
    if path == "/v1/epochs":
        return epochs.epoch_box(insurer.dealer, insurer.epoch, 1, to)
    if path == "/v1/batches":
        batch = epochs.draw_batch(insurer.dealer, insurer.epoch.file, 9, world.now, world.rng)
        return epochs.batch_box(insurer.dealer, batch, 1, to)
    if path == "/v1/closings":
        return epochs.closing(insurer.dealer, EPOCH, 1, ends_at=world.now + DAY, deletes_at=world.now + DAY)
    live = world.bundle().head
    return insurer.sign(decode(live.payload, ManifestHead), Label.MANIFEST_HEAD)


@pytest.fixture
def counter(world: World, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """The first server, whose boxes and statements of dealers are noted as they are opened."""
    begun: list[str] = []

    def noted(name: str, original: object) -> object:
        def run(*given: object, **named: object) -> object:
            begun.append(name)
            return original(*given, **named)  # type: ignore[operator]

        return run

    for owner, name in (
        (hpke.BoxKey, "open"), (deal, "open_statement"), (deal, "open_closing"), (deal, "decode_element"),
        (deal, "decode_scalar"), (deal, "verify_share"), (deal, "public_share"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))
    monkeypatch.setattr(app, "_now", lambda: world.now)
    server = world.servers[1]
    built = app.build(server.identity, world.directory, server.store)
    return Counter(world, TestClient(built, base_url=server.identity.base_url), begun)


def strangers_make_nothing_open(counter: Counter) -> None:
    """Every stranger is refused on every path, before anything of a dealer's is opened."""
    for path in PATHS:
        for who, code in STRANGERS.items():
            assert (path, who, counter.ask(path, who)) == (path, who, code)
            assert (path, who, counter.begun) == (path, who, [])


def test_strangers_make_a_server_open_nothing(counter: Counter) -> None:
    strangers_make_nothing_open(counter)


def test_its_dealer_is_answered(counter: Counter) -> None:
    for path in PATHS:
        assert (path, counter.ask(path, "the dealer")) == (path, "")
    assert {"open", "open_statement", "open_closing", "decode_element", "verify_share"} <= set(counter.begun)


@pytest.mark.parametrize("taken_out", ["who signed", "who is named"])
def test_a_check_taken_out_is_noticed(taken_out: str, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    if taken_out == "who signed":
        entry = counter.world.insurers[AMC].entry
        monkeypatch.setattr(deal, "authenticate_insurer", lambda *_, **__: (entry, None))
    else:
        monkeypatch.setattr(deal, "_require_own", lambda *_: None)
    with pytest.raises(AssertionError):
        strangers_make_nothing_open(counter)


def test_who_asks_for_the_box_key_costs_one_signature_a_second(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed: list[Label] = []
    sign = SigningKey.sign

    def noted(key: SigningKey, label: Label, *fields: bytes | int | str) -> bytes:
        signed.append(label)
        return sign(key, label, *fields)

    monkeypatch.setattr(SigningKey, "sign", noted)
    server = counter.world.servers[1]
    answers = {counter.client.get("/v1/box-key").content for _ in range(5)}
    assert (len(answers), signed) == (1, [Label.BOX_KEY])
    server.store._rotate_box_key()
    assert counter.client.get("/v1/box-key").content not in answers
