"""The verb by which a verifier cosigns the log of the breach desk, from a file (docs/protocol.md section 16)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.log_memory_store import LogMemory
from paravent.access.log_watch import Cosigner, Seen, cosigned, take_checkpoint
from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.note import Note, parse_note
from paravent.errors import BadInput, UnknownParty
from paravent.wire.log import CheckpointAnswer
from paravent.wire.statements import Directory

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FILE = click.Path(path_type=Path, dir_okay=False)


class CosigningStore(Protocol):
    """The store of a verifier as this verb needs it."""

    @property
    def memory(self) -> LogMemory:
        """What was cosigned here."""

    def commit(self) -> AbstractContextManager[None]:
        """Begins a transaction."""


def cosign_breach_desk(
    answer: CheckpointAnswer, directory: Directory, cosigner: Cosigner, store: CosigningStore, now: int
) -> tuple[int, Note]:
    """Cosigns a checkpoint that extends the last one cosigned here; returns its size, and the note with the line added.

    Raises UnknownParty when the directory has no breach desk, ProofFailure naming it when its log does not follow on.
    """
    desk = directory.breach_desk
    if desk is None:
        raise UnknownParty("the directory lists no breach desk")
    # One transaction, and on disk before it is signed: two checkpoints that fork are never both cosigned.
    with store.commit():
        seen = store.memory.seen(desk.name)
        require_continued(answer, seen)
        checkpoint, note = take_checkpoint(answer, desk, seen)
        store.memory.see(desk.name, Seen(size=checkpoint.size, root=checkpoint.root, note=note.encode()))
    return checkpoint.size, note.signed_also(*cosigned(checkpoint, note, cosigner, now).signatures)


def require_continued(answer: CheckpointAnswer, seen: Seen) -> None:
    """Raises BadInput on a longer log that does not say how it goes on from what was cosigned here: it is asked again.

    A log of the same size or a shorter one needs no such proof: it is judged, and a fork is a fault of the desk.
    """
    size = parse_checkpoint(parse_note(answer.note).text).size
    if seen.size and size > seen.size and not answer.proof:
        raise BadInput(
            f"written for a first time, and {seen.size} leaves were cosigned here: write it with --for this party"
        )


def add_cosign_verb(
    group: click.Group,
    store: Callable[[Path], AbstractContextManager[CosigningStore]],
    read: Callable[[Path], tuple[Directory, Cosigner]],
) -> None:
    """Adds to a verifier's group: cosign."""

    @verb(group, "Cosign the breach desk's log from a file, when it extends the last one that was cosigned here.")
    @click.argument("file", type=_EXISTING)
    @click.option("--out", type=_FILE, required=True, help="The note with this party's cosignature, for the desk.")
    @dry_run_option
    def cosign(home: Path, file: Path, out: Path, dry_run: bool) -> Said:
        directory, cosigner = read(home)
        answer = cli.read_file(file, CheckpointAnswer)
        with store(home) as opened:
            desk = directory.breach_desk
            if dry_run and desk is not None:
                seen = opened.memory.seen(desk.name)
                require_continued(answer, seen)
                checkpoint, _ = take_checkpoint(answer, desk, seen)
                return Said(text="it follows on; nothing was signed", values={"size": checkpoint.size, "signed": False})
            size, note = cosign_breach_desk(answer, directory, cosigner, opened, cli.now())
        out.write_bytes(note.encode())
        return Said(
            text=f"{size} leaves cosigned; the next checkpoint is written with --for {cosigner.name}",
            values={"size": size, "signed": True, "cosigner": cosigner.name},
        )
