"""Requests of a case to an insurer: by the breach desk alone, for one insurer, answered to the case that made them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from paravent.breach import case as cases
from paravent.breach import remedy
from paravent.breach.entries import Opened, Origin, Switched
from paravent.breach.measured import Measured
from paravent.breach.store import Store
from paravent.crypto.signing import SigningKey
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import InvalidConfiguration, ProofFailure, UnknownParty
from paravent.insurer import remedy as insurer_remedy
from paravent.wire.case import Remedy, RemedyAsked, RemedyDone
from paravent.wire.codec import decode, encode
from paravent.wire.statements import BreachDeskEntry, Directory, Signed

TAKE_DONE = Measured.take_done
CASE, AMC, OTHER = "2026-001", "99000001", "99000002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A platform whose directory lists a breach desk, and an open case."""

    platform: SimulatedPlatform
    directory: Directory
    key: SigningKey
    store: Store

    def asked(self, insurer: str = AMC) -> RemedyAsked:
        return RemedyAsked(
            case=CASE, insurer=insurer, remedy=Remedy.ROTATE, epoch=1, end_former=True, labels=(), asked_at=1
        )

    def request(self) -> Signed:
        """Asks, and records it in the case."""
        signed = remedy.ask(self.asked(), self.directory, self.key)
        said = Switched(target="rotate", effect="e", sha256=self.store.keep_file(encode(signed)))
        self.store.add(CASE, said, role="operator", now=2)
        return signed

    def done(self, signed: Signed, key: SigningKey | None = None) -> bytes:
        return encode(
            insurer_remedy.sign_done(
                signed, self.asked(), epoch=2, revoked=0, unknown=0, now=3,
                key=key or self.platform.insurers[AMC].keys.issuer,
            )
        )  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    platform = SimulatedPlatform.build(tmp_path, Shape(persons=6), 4)
    key = SigningKey.generate(random.Random(1).randbytes)
    desk = BreachDeskEntry(name="breach-desk", verify_key=key.public)
    with Store(tmp_path / "breach") as store:
        said = Opened(title="t", facts="f", origin=Origin.DRILL, aware_at=1, aware_role="dpo")
        store.add(CASE, said, role="dpo", now=1, new=True)
        directory = msgspec.structs.replace(platform.directory, breach_desk=desk)
        yield Scene(platform=platform, directory=directory, key=key, store=store)
    platform.close()


def test_the_breach_desk_alone_asks(scene: Scene) -> None:
    signed = scene.request()
    assert insurer_remedy.read_request(signed, scene.directory, AMC) == scene.asked()
    stranger = SigningKey.generate(random.Random(2).randbytes)
    listed = BreachDeskEntry(name="breach-desk", verify_key=stranger.public)
    forged = remedy.ask(scene.asked(), msgspec.structs.replace(scene.directory, breach_desk=listed), stranger)
    with pytest.raises(ProofFailure):
        insurer_remedy.read_request(forged, scene.directory, AMC)
    with pytest.raises(UnknownParty):
        insurer_remedy.read_request(signed, scene.platform.directory, AMC)
    with pytest.raises(InvalidConfiguration, match="another insurer"):
        insurer_remedy.read_request(signed, scene.directory, OTHER)
    with pytest.raises(InvalidConfiguration, match="does not list"):
        remedy.ask(scene.asked(), scene.directory, stranger)
    with pytest.raises(InvalidConfiguration, match="no such insurer"):
        remedy.ask(scene.asked("99999999"), scene.directory, scene.key)


def defective(self: Measured, signed: Signed, case: str, directory: Directory) -> RemedyDone:
    """Takes whatever an insurer says that it did."""
    done = decode(signed.payload, RemedyDone)
    self.requests.add(done.request)
    return TAKE_DONE(self, signed, case, directory)


def test_what_was_done_answers_a_request_of_the_case(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    done = scene.done(scene.request())
    placed = cases.keep_measure(scene.store, CASE, "done", done, scene.directory, 4)
    assert "période 2" in getattr(placed.entry.said, "summary", "")
    unasked = scene.done(remedy.ask(msgspec.structs.replace(scene.asked(), asked_at=9), scene.directory, scene.key))
    with pytest.raises(ProofFailure, match="did not make"):
        cases.keep_measure(scene.store, CASE, "done", unasked, scene.directory, 4)
    another = scene.done(scene.request(), scene.platform.insurers[OTHER].keys.issuer)
    with pytest.raises(ProofFailure):
        cases.keep_measure(scene.store, CASE, "done", another, scene.directory, 4)
    # The control: had the case made any request, what nobody asked for would be taken.
    monkeypatch.setattr(Measured, "take_done", defective)
    assert cases.keep_measure(scene.store, CASE, "done", unasked, scene.directory, 4).entry.case == CASE


def test_each_effect_is_stated_in_both_languages(scene: Scene) -> None:
    rotation = remedy.effect(scene.asked())
    later = remedy.effect(msgspec.structs.replace(scene.asked(), end_former=False))
    revocation = remedy.effect(msgspec.structs.replace(scene.asked(), remedy=Remedy.REVOKE, labels=(b"a", b"b")))
    assert len(rotation) == len(later) + 1
    assert "2 opened records" in revocation[0][1]
    assert all(french != english for french, english in [*rotation, *revocation])
