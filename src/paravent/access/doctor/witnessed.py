"""Who cosigned one's own log, and when (docs/protocol.md section 12): pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from paravent.access.doctor.facts import Trust, Witnessed
from paravent.crypto.checkpoint import open_checkpoint, verify_cosignature
from paravent.crypto.note import NoteKey
from paravent.errors import ParaventError, ProofFailure, StaleData
from paravent.wire.statements import Directory

_THRESHOLD_MIN = 2
# Tag and length of a GeneralizedTime (X.690), then YYYYMMDDHHMMSS, a fraction perhaps, and Z.
_GENERALIZED_TIME = re.compile(rb"\x18[\x0f-\x1f](\d{14})(?:\.\d+)?Z")


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


def stamped_at(answer: bytes) -> int | None:
    """Reads the instant that a time-stamping authority wrote (RFC 3161), without verifying it: ``check-log`` does.

    It is the first GeneralizedTime of the answer: what stands before it holds none, and the certificates come after.
    """
    found = _GENERALIZED_TIME.search(answer)
    if found is None:
        return None
    try:
        return int(datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def trust_in(directory: Directory | None, thresholds: Iterable[int] = ()) -> Trust | None:
    """Reads what key servers declare, to be judged by the least t of the epochs known here, or by two."""
    if directory is None or len(directory.keyservers) < _THRESHOLD_MIN:
        return None
    declared = tuple((entry.operator, entry.host, entry.administrator) for entry in directory.keyservers)
    return Trust(declared=declared, threshold=min(thresholds, default=_THRESHOLD_MIN))
