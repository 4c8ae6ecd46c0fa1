"""Playing a worked case from the alarm to the dossier: what ``docs/cases`` holds (docs/protocol.md section 16)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paravent.access.quotas import QuotaLimits
from paravent.breach import bundling, notifying
from paravent.breach import case as cases
from paravent.breach.config import BreachConfig
from paravent.breach.dossier_cli import about_of
from paravent.breach.exposure import Exposure
from paravent.breach.log import origin_key, with_cosignatures
from paravent.breach.rules_store import shipped_duties, shipped_references
from paravent.breach.store import Store
from paravent.breach.trust import TrustFile, cosigners_of
from paravent.crypto.checkpoint import cosign, parse_checkpoint
from paravent.crypto.note import parse_note
from paravent.crypto.signing import SigningKey
from paravent.drill.cases.attacks import PERSONS, Attack, Played, clear_file, stolen_credential, stolen_hub
from paravent.drill.credentials.scene import Scene, scene
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.wire.codec import encode

CASES: dict[str, Attack] = {
    "stolen-credential": stolen_credential, "stolen-hub": stolen_hub, "clear-file": clear_file,
}  # fmt: skip
CONFIG = BreachConfig(name="breach.demonstration", operator="Opérateur de démonstration")
Stamp = Callable[[bytes], bytes]
"""Stamps a note: the answer of an authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A time-stamping authority: how it stamps, and the certificates (PEM) that a reader pins."""

    stamp: Stamp
    certificate: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A case when all is done: the thief's truth, the exposure, the documents, the dossier and what its reader pins.

    ``seconds`` go from the opening of the case to the last document; ``seconds_from_shares`` from two shares being in.
    """

    played: Played
    exposures: tuple[Exposure, ...]
    documents: dict[str, bytes]
    dossier: bytes
    trust: TrustFile
    seconds: float
    seconds_from_shares: float | None


def work(attacked: Scene, store: Store, attack: Attack, key: SigningKey, authority: Authority | None) -> Worked:
    """Plays an attack, computes, writes, cosigns, stamps, bundles."""
    platform = attacked.platform
    played = attack(attacked, store)
    now, directory = platform.now, platform.directory
    computed = cases.compute(store, played.case, directory, QuotaLimits(), now)
    measured = cases.measure(store, played.case, directory, now)
    view = notifying.view_of(store, played.case, CONFIG, directory, measured, shipped_duties(), now)
    documents, written_at = notifying.write(store, view, shipped_references()), time.perf_counter()
    pinned = TrustFile(
        log=origin_key(CONFIG.name, key).encode(), cosigners=tuple(one.encode() for one in cosigners_of(directory)),
        authority="" if authority is None else authority.certificate, root="" if authority is None else authority.root,
    )  # fmt: skip
    if authority is not None:
        note = cosigned(platform, store, key)
        bundling.keep_stamp(store, played.case, note, authority.stamp(note), now)
    about = about_of(CONFIG, directory.version, pinned)
    bundling.make(store, played.case, CONFIG, key, about, now)
    cosigned(platform, store, key)
    dossier, _ = bundling.make(store, played.case, CONFIG, key, about, now)
    return Worked(
        played=played, exposures=tuple(exposure for exposure, _ in computed), documents=documents, dossier=dossier,
        trust=pinned, seconds=written_at - played.opened_at,
        seconds_from_shares=None if played.shares_at is None else written_at - played.shares_at,
    )  # fmt: skip


def cosigned(platform: SimulatedPlatform, store: Store, key: SigningKey) -> bytes:
    """Has every key server cosign the log of the breach desk; returns the note."""
    size, note = bundling.checkpoint(store, CONFIG, key)
    parsed = parse_note(note)
    head = parse_checkpoint(parsed.text)
    lines = [
        cosign(head, server.name, server.identity.signing_key, now=platform.now)
        for server in platform.servers.values()
    ]  # fmt: skip
    brought = parsed.signed_also(*lines).encode()
    keys = cosigners_of(platform.directory)
    note = with_cosignatures(note, brought, origin_key(CONFIG.name, key), keys, platform.now)
    store.keep_checkpoint(size, note)
    return note


def rows(folder: Path, authority: Authority | None = None) -> Iterator[dict[str, Any]]:
    """Plays every case, writes its documents and its dossier in a folder of its own, and says what it found."""
    for name, attack in CASES.items():
        out = folder / name
        out.mkdir(parents=True)
        with scene(2, (), PERSONS, QuotaLimits()) as attacked, Store(folder / f".{name}") as store:
            key = SigningKey.generate(attacked.platform.rng)
            worked = work(attacked, store, attack, key, authority)
        (out / "dossier.tar").write_bytes(worked.dossier)
        (out / "trust.json").write_bytes(_encode(worked.trust))
        (out / "documents").mkdir()
        for document, content in worked.documents.items():
            (out / "documents" / document).write_bytes(content)
        yield _row(name, worked)


def _row(name: str, worked: Worked) -> dict[str, Any]:
    listed = {one.insurer: frozenset(one.labels) for one in worked.exposures if one.labels}
    true, found = (sum(len(labels) for labels in sets.values()) for sets in (worked.played.truth, listed))
    both = sum(len(labels & listed.get(amc, frozenset())) for amc, labels in worked.played.truth.items())
    return {
        "scenario": f"case-{name}", "platform": "paravent", "opened": worked.played.opened,
        "proved": sum(one.proved for one in worked.exposures), "upper": sum(one.upper for one in worked.exposures),
        "precision": both / found if found else 1.0, "recall": both / true if true else 1.0,
        "documents": len(worked.documents), "seconds": round(worked.seconds, 2),
        "seconds_from_shares": None if worked.seconds_from_shares is None else round(worked.seconds_from_shares, 2),
    }  # fmt: skip


def _encode(trust: TrustFile) -> bytes:
    return encode(trust) + b"\n"
