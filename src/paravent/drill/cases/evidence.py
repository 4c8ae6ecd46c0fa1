"""What the parties of a simulated platform hand over for a case: each by its own code (docs/protocol.md section 16)."""

from __future__ import annotations

from paravent.breach import case as cases
from paravent.breach.store import Store as BreachStore
from paravent.breach.unsealing import unseal
from paravent.crypto.checkpoint import cosign, parse_checkpoint
from paravent.drill.simulation.insurer import SimulatedInsurer
from paravent.drill.simulation.parties import SimulatedServer
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.hub.counts import counts
from paravent.insurer import case as insurer_case
from paravent.insurer.journal_client import keep_leaf
from paravent.keyserver.cosigning import own_checkpoint
from paravent.wire.codec import encode
from paravent.wire.log import LogExport, LoggedLeaf, LogLine, concerns

ENTRIES_MAX = 1_000_000
HOUR_SECONDS = 3_600


def log_evidence(platform: SimulatedPlatform, server: SimulatedServer) -> bytes:
    """Exports a server's log with a checkpoint that every other server cosigned."""
    note = own_checkpoint(server.identity, server.store.log)
    checkpoint = parse_checkpoint(note.text)
    peers = [other for other in platform.servers.values() if other.name != server.name]
    note = note.signed_also(
        *(cosign(checkpoint, peer.name, peer.identity.signing_key, now=platform.now) for peer in peers)
    )
    export = LogExport(server=server.name, note=note.encode(), stamped_note=None, stamp=None)
    lines = [
        LogLine(server=server.name, index=index, entry=entry)
        for index, entry in server.store.log.entries(0, ENTRIES_MAX)
    ]
    return b"\n".join([encode(export), *(encode(line) for line in lines)]) + b"\n"


def hub_counts(platform: SimulatedPlatform) -> bytes:
    """Counts what the hub holds."""
    hub = platform.hub
    return encode(counts(platform.directory, hub.store, hub.identity, platform.now))


def read_logs(platform: SimulatedPlatform, insurer: SimulatedInsurer) -> None:
    """Lets an insurer read its part of every log."""
    for server in platform.servers.values():
        log = server.store.log
        size = log.size()
        root = log.root(size)
        own = [(index, entry) for index, entry in log.entries(0, ENTRIES_MAX) if concerns(entry, insurer.amc)]
        paths = log.inclusions((index for index, _ in own), size)
        with insurer.store.commit():
            for (index, entry), path in zip(own, paths, strict=True):
                keep_leaf(
                    LoggedLeaf(index=index, entry=entry, path=path), size=size, root=root, server=server.name,
                    amc=insurer.amc, key=insurer.keys.claims, journal=insurer.store.journal,
                )  # fmt: skip


def measure_logs(platform: SimulatedPlatform, store: BreachStore, case: str, now: int) -> None:
    """Measures every log and the hub's counts."""
    for server in platform.servers.values():
        cases.keep_measure(store, case, "log", log_evidence(platform, server), platform.directory, now)
    cases.keep_measure(store, case, "counts", hub_counts(platform), platform.directory, now)


def open_window(platform: SimulatedPlatform, store: BreachStore, case: str, window: tuple[int, int], now: int) -> None:
    """Opens who asked, with the shares of the first and the third custodian."""
    measured = [
        line
        for server in platform.servers.values()
        for line in cases.read_log(log_evidence(platform, server))[1]
    ]  # fmt: skip
    first, last = (at // HOUR_SECONDS for at in window)
    keys = [platform.custodians[0], platform.custodians[2]]
    opened = unseal(measured, keys, platform.directory, first_hour=first, last_hour=last)
    cases.keep_openings(store, case, opened, (first, last), ("custodian-1", "custodian-3"), now)


def answer_questions(platform: SimulatedPlatform, store: BreachStore, case: str, now: int) -> None:
    """Asks every insurer for the labels of the stolen devices, and takes what it signs."""
    for question in cases.questions(store, case, platform.directory, now):
        insurer = platform.insurers[question.insurer]
        read_logs(platform, insurer)
        signed = insurer_case.answer(question, insurer.amc, insurer.store.journal, insurer.keys.issuer)
        cases.keep_measure(store, case, "answer", encode(signed), platform.directory, now)
