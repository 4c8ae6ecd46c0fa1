"""Who cosigned one's own log, and when (docs/protocol.md section 12): pure."""

from __future__ import annotations

from collections.abc import Iterable

from paravent.access.doctor.facts import Trust, Witnessed
from paravent.crypto.checkpoint import open_checkpoint, verify_cosignature
from paravent.crypto.note import NoteKey
from paravent.errors import ParaventError, ProofFailure, StaleData
from paravent.wire.statements import Directory


def witnessed(note: bytes | None, log: NoteKey, cosigners: Iterable[NoteKey], threshold: int, now: int) -> Witnessed:
    """Reads the cosignatures of a log's newest note that verify; one that does not is not counted."""
    if note is None:
        return Witnessed(size=0, cosigned_at={}, threshold=threshold)
    try:
        checkpoint, opened = open_checkpoint(note, log, culprit=log.name)
    except ParaventError:
        return Witnessed(size=0, cosigned_at={}, threshold=threshold)
    found = {}
    for key in cosigners:
        try:
            found[key.name] = verify_cosignature(opened, key, now=now, age_seconds_max=now, culprit=key.name)
        except (ProofFailure, StaleData):
            continue
    return Witnessed(size=checkpoint.size, cosigned_at=found, threshold=threshold)


def trust_in(directory: Directory | None) -> Trust | None:
    """Reads what key servers declare; t is two, the least that any epoch has, so that it is judged at its worst."""
    if directory is None or len(directory.keyservers) < _THRESHOLD_MIN:
        return None
    declared = tuple((entry.operator, entry.host, entry.administrator) for entry in directory.keyservers)
    return Trust(declared=declared, threshold=_THRESHOLD_MIN)


_THRESHOLD_MIN = 2
