"""Key servers and hub of a simulation: the parties' own logic and stores, without HTTP (docs/protocol.md 7 to 12).

What ``app.py`` does with a request is done here by hand, step by step, so that a step can be the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.access.requests import HttpRequest
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.drill.simulation.crash import Gate, Home
from paravent.hub import rows
from paravent.hub.acts import Adjudicator
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store as HubStore
from paravent.insurer.epoch import Recipient
from paravent.keyserver import evaluation, opening
from paravent.keyserver.state import ServerIdentity, WitnessKey
from paravent.keyserver.store import Store as KeyServerStore
from paravent.keyserver.witness import Scribe
from paravent.optics.store import every_shipped_rules
from paravent.wire.codec import Message
from paravent.wire.statements import Directory, KeyServerEntry

EVALUATIONS, OPENINGS, ROWS, ACTS = "/v1/evaluations", "/v1/openings", "/v1/rows", "/v1/acts"


@dataclass(slots=True)
class SimulatedServer:
    """One key server: who it is, what it keeps, how its clock stands from the true one (seconds)."""

    index: int
    identity: ServerIdentity
    home: Home
    limits: QuotaLimits
    rng: Rng
    store: KeyServerStore
    scribe: Scribe | None = None
    up: bool = True
    skew: int = 0

    @classmethod
    def create(cls, folder: Path, index: int, limits: QuotaLimits, rng: Rng, address: str = "") -> SimulatedServer:
        """Creates a key server with fresh keys."""
        identity = ServerIdentity(
            name=f"keyserver-{index}", base_url=address or f"http://keyserver-{index}.example:8000",
            signing_key=SigningKey.generate(rng), witness_key=WitnessKey(rng(32)),
        )  # fmt: skip
        home = Home(folder / identity.name)
        home.folder.mkdir(parents=True)
        store = KeyServerStore(home.folder, limits, rng)
        return cls(index=index, identity=identity, home=home, limits=limits, rng=rng, store=store)

    @property
    def name(self) -> str:
        """The name of the server."""
        return self.identity.name

    def entry(self) -> KeyServerEntry:
        """Returns its entry for the directory."""
        identity, index = self.identity, self.index
        return KeyServerEntry(
            name=identity.name, address=identity.base_url, verify_key=identity.signing_key.public,
            operator=f"operator-{index}", host=f"host-{index}", administrator=f"administrator-{index}",
        )  # fmt: skip

    def recipient(self) -> Recipient:
        """Returns to whom deals are sealed."""
        return Recipient(name=self.name, box_key=self.store.box_key.public)

    def join(self, directory: Directory) -> None:
        """Starts writing its log for the parties of a directory; hourly keys of before are forgotten."""
        self.scribe = Scribe(server=self.name, witness_key=self.identity.witness_key, directory=directory, rng=self.rng)

    def restart(self, folder: Path, directory: Directory, now: int) -> None:
        """Goes on from a folder, with nothing of its memory; what its log says was spent is counted again."""
        self.store.close()
        self.home.folder = folder
        self.store = KeyServerStore(folder, self.limits, self.rng)
        self.store.recount(now + self.skew)
        self.join(directory)

    def take(self, path: str, request: HttpRequest, now: int, gate: Gate) -> Message:
        """Answers a request as ``keyserver.app`` does; ``gate`` stands where a process can die."""
        now += self.skew
        if path == EVALUATIONS:
            asked = evaluation.admit(request, self.identity, self.store, now)
            gate.commit(self.store, lambda: evaluation.spend(asked, self.store, now))
            return evaluation.answer(asked, self.identity, self.rng)
        admitted = opening.admit(request, self.identity, self.store, now)
        scribe = self.scribe
        if scribe is None:
            raise RuntimeError("this server has joined no directory")
        position = gate.commit(self.store, lambda: opening.witness(admitted, scribe, self.store, now))
        return opening.answer(admitted, position, self.identity)


@dataclass(slots=True)
class SimulatedHub:
    """The hub: who it is, what it keeps."""

    identity: HubIdentity
    home: Home
    limits: QuotaLimits
    rng: Rng
    store: HubStore
    up: bool = True

    @property
    def name(self) -> str:
        """The name of the hub."""
        return self.identity.name

    def restart(self, folder: Path, _: Directory, now: int) -> None:
        """Goes on from a folder, with nothing of its memory."""
        self.store.close()
        self.home.folder = folder
        self.store = HubStore(folder, self.limits, self.rng)
        self.store.forget(now)

    def take(self, path: str, request: HttpRequest, now: int, directory: Directory, gate: Gate) -> Message:
        """Answers a request as ``hub.app`` does."""
        if path == ROWS:
            asked = rows.admit(request, self.identity, self.store, now)
            gate.commit(self.store, lambda: rows.spend(asked, self.store, now))
            return rows.answer(asked, self.store)
        adjudicator = Adjudicator(identity=self.identity, directory=directory, rules=every_shipped_rules())
        act = adjudicator.admit(request, self.store, now)
        return gate.commit(self.store, lambda: adjudicator.decide(act, self.store, now, self.rng))
