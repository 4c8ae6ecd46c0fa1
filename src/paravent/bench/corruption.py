"""One bit changed in a file that a party relies on: backups, logs, shares, opening keys, sealed deals, rows, keys.

Each file is real, of a platform that has served. What is read of it after the change is an error that is declared, or
exactly what was read before it (a bit that means nothing, as the last ones of base64): anything else is undetected.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paravent.bench.measures import Figures, Measure, Sizes, asking
from paravent.breach.log_check import check_log
from paravent.crypto.hpke import BoxKey
from paravent.drill.simulation.parties import SimulatedServer
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.drill.simulation.steps import Simulation
from paravent.errors import ParaventError, TechnicalFailure
from paravent.hub.backup_store import verify_file, write_file
from paravent.hub.publication import build_tree
from paravent.hub.vault import DatabaseKey
from paravent.insurer.epoch import Dealer, Recipient, batch_box, draw_batch, draw_epoch, epoch_box
from paravent.keyserver import deal
from paravent.keyserver.cosigning import own_checkpoint
from paravent.keyserver.store import OpeningKeyFile, ShareFile, read_dealt
from paravent.wire.codec import decode, encode
from paravent.wire.deal import DealBox
from paravent.wire.log import LogExport, LogLine
from paravent.wire.publication import from_records, to_record

BYTES_MAX, QUICK_BYTES_MAX = 20_000, 150
"""A file of more bytes is sampled: so many of them, the same ones each time."""

_SEED = 31
_PERSONS = 12
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionFigures:
    """``changed`` bits of ``of_bytes``, in each of the bytes when ``exhaustive``; ``harmless`` ones change nothing."""

    file: str
    of_bytes: int
    changed: int
    exhaustive: bool
    detected: int
    harmless: int
    undetected: int
    unforeseen: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file and how its party reads it: what it relies on, or the error that it raises."""

    name: str
    content: bytes
    read: Callable[[bytes], object]


def measure(home: Path, bytes_max: int = BYTES_MAX) -> Iterator[CorruptionFigures]:
    """Changes every kind of file; raises TechnicalFailure at the first change that is not noticed."""
    with closing(_served(home)) as simulation:
        for kept in kinds(simulation.platform, home):
            figures = change_each(kept, bytes_max)
            yield figures
            if figures.undetected or figures.unforeseen:
                raise TechnicalFailure(f"a damaged file is relied on, or ends in a fault: {figures}")


def change_each(kept: Kept, bytes_max: int) -> CorruptionFigures:
    """Changes one bit of each byte, or of a sample of them, and reads the file each time."""
    dice, started, known = random.Random(_SEED), time.perf_counter(), kept.read(kept.content)
    size = len(kept.content)
    places = range(size) if size <= bytes_max else sorted(dice.sample(range(size), bytes_max))
    ends = {"detected": 0, "harmless": 0, "undetected": 0, "unforeseen": 0}
    for place in places:
        changed = bytearray(kept.content)
        changed[place] ^= 1 << dice.randrange(8)
        ends[_end(kept, bytes(changed), known)] += 1
    return CorruptionFigures(
        file=kept.name, of_bytes=size, changed=len(places), exhaustive=len(places) == size, **ends,
        seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def _end(kept: Kept, changed: bytes, known: object) -> str:
    try:
        found = kept.read(changed)
    except ParaventError:
        return "detected"
    except Exception:  # noqa: BLE001 - an error that nobody declared is what is looked for
        return "unforeseen"
    return "harmless" if found == known else "undetected"


# --- a platform that has served -------------------------------------------------------------------


def _served(home: Path) -> Simulation:
    """Runs a platform in which some were checked and some bought."""
    platform = SimulatedPlatform.build(home / "platform", Shape(persons=_PERSONS), _SEED)
    simulation = Simulation.build(platform, _SEED)
    for person in range(_PERSONS):
        simulation.step(("check", 0, person, person, "none", 0))
        simulation.step(("sale", 0, person, "none", 0))
    return simulation


def kinds(platform: SimulatedPlatform, home: Path) -> Iterator[Kept]:
    """Lists the files."""
    server = platform.servers[1]
    secrets = server.home.folder / "secrets"
    share, opening = next(secrets.glob("share-*.json")), next(secrets.glob("opening-*.json"))
    yield Kept(
        name="share of a key server", content=share.read_bytes(), read=lambda found: read_dealt(found, ShareFile, "")
    )
    yield Kept(
        name="opening keys of a key server", content=opening.read_bytes(),
        read=lambda found: read_dealt(found, OpeningKeyFile, ""),
    )  # fmt: skip
    yield from _deals(platform, server)
    yield from _log(platform, server)
    yield _rows(platform)
    yield _backup(platform, home / "hub.backup")
    record = platform.hub.store.claims.any_record()

    def opens(found: bytes) -> bytes:
        DatabaseKey(found).require_opens(record)
        return found

    yield Kept(name="database key of the hub", content=platform.hub.identity.database_key.reveal(), read=opens)


def _deals(platform: SimulatedPlatform, server: SimulatedServer) -> Iterator[Kept]:
    """Draws an epoch and a batch, sealed to a key server: each is the deal as it travels, or waits."""
    insurer = next(iter(platform.insurers.values()))
    dealer = Dealer(insurer=insurer.amc, issuer_key=insurer.keys.issuer)
    dates = (platform.now - _DAY, platform.now + 300 * _DAY)
    drawn = draw_epoch(dealer, insurer.number + 7, platform.directory.keyservers, 2, dates, platform.rng)
    to = Recipient(name=server.name, box_key=server.store.box_key.public)
    epoch = epoch_box(dealer, drawn, server.index, to)
    deal.take_epoch(epoch, server.identity, platform.directory, server.store, platform.now)
    batch = batch_box(dealer, draw_batch(dealer, drawn.file, 1, platform.now, platform.rng), server.index, to)

    def take_epoch(found: bytes) -> object:
        return deal.take_epoch(
            decode(found, DealBox), server.identity, platform.directory, server.store, platform.now
        ).payload

    def take_batch(found: bytes) -> object:
        return deal.take_batch(decode(found, DealBox), server.identity, platform.directory, server.store).payload

    yield Kept(name="sealed deal of an epoch", content=encode(epoch), read=take_epoch)
    yield Kept(name="sealed deal of a batch", content=encode(batch), read=take_batch)


def _log(platform: SimulatedPlatform, server: SimulatedServer) -> Iterator[Kept]:
    """Exports the log of a key server: its leaves, and the checkpoint beside them."""
    log = server.store.log
    leaves = b"".join(
        encode(LogLine(server=server.name, index=index, entry=entry)) + b"\n"
        for index, entry in log.entries(0, log.size())
    )
    export = encode(LogExport(
        server=server.name, note=own_checkpoint(server.identity, log).encode(), stamped_note=None, stamp=None
    ))  # fmt: skip

    def checked(lines: bytes, checkpoint: bytes) -> object:
        read = [decode(line, LogLine) for line in lines.splitlines()]
        return check_log(read, decode(checkpoint, LogExport), platform.directory, None, platform.now), read

    yield Kept(name="exported log: leaves", content=leaves, read=lambda found: checked(found, export))
    yield Kept(name="exported log: checkpoint", content=export, read=lambda found: checked(leaves, found))


def _rows(platform: SimulatedPlatform) -> Kept:
    """Seals rows as they are uploaded, and reads them as the hub does: each is in the tree of the signed head."""
    insurer = next(iter(platform.insurers.values()))
    manifest = platform.hub.store.newest(insurer.amc)
    if manifest is None:
        raise TechnicalFailure("nothing is published")
    placed = platform.hub.store.staged_digests(manifest.number, manifest.head)
    rows = [platform.hub.store.row(manifest, handle) for handle, _ in placed]
    content = b"".join(to_record(found.row) for found in rows if found is not None)

    def read(found: bytes) -> object:
        taken = list(from_records(found, insurer.amc, manifest.head.epoch))
        return build_tree(((row.handle, row.digest()) for row in taken), manifest.head)

    return Kept(name="sealed rows", content=content, read=read)


def _backup(platform: SimulatedPlatform, path: Path) -> Kept:
    key, hub = BoxKey.generate(os.urandom), platform.hub
    write_file(
        path, hub.store.database, hub.store.heads(), hub.identity, key.public, now=platform.now, rng=os.urandom
    )  # fmt: skip

    def read(found: bytes) -> object:
        path.write_bytes(found)
        return verify_file(path, key, hub.identity.name, hub.identity.signing_key.public)

    return Kept(name="backup of the hub", content=path.read_bytes(), read=read)


def _measured(folder: Path, sizes: Sizes) -> Iterator[Figures]:
    return measure(folder, QUICK_BYTES_MAX if sizes.quick else BYTES_MAX)


MEASURE = Measure(
    name="corruption",
    asked_by=asking("--corruption", "Change a bit of each byte of each kind of file instead, and have it read."),
    rows=_measured,
)
