"""Checking an evidence dossier offline (docs/protocol.md section 16): pure.

``paravent verify`` runs this; ``standalone/verify_dossier.py`` does the same and shares no line with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paravent.breach.dossier import DOSSIER, FORMAT, INDEX, index_of, tar_of
from paravent.breach.dossier_files_check import require_dated, require_named
from paravent.breach.entries import Bundled, Entry, Placed, Stamped, read_leaf
from paravent.crypto.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, verify_cosignature
from paravent.crypto.log import verify_consistency, verify_inclusion
from paravent.crypto.merkle import leaf_hash
from paravent.crypto.note import NoteKey, decode_base64, parse_note
from paravent.errors import MalformedMessage, ProofFailure

DOSSIER_BYTES_MAX = 4 * 1024 * 1024 * 1024
_LOG_FILES = frozenset({"log/checkpoint.note", "log/entries.jsonl", "log/history.jsonl"})
VerifyStamp = Callable[[bytes, bytes], int]
"""Verifies (answer, note) against the authority that the reader pins; returns the instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the reader pins: the key of the log, those of its cosigners, and who verifies stamps."""

    log: NoteKey
    cosigners: tuple[NoteKey, ...]
    stamp: VerifyStamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDossier:
    """What a dossier proves: its case and entries, who cosigned, and when it existed at the latest."""

    case: str
    entries: int
    files: int
    cosigners: tuple[str, ...]
    stamped_at: tuple[int, ...]


def check_dossier(content: bytes, trust: Trust) -> CheckedDossier:
    """Checks a dossier; raises ProofFailure, or MalformedMessage.

    1. the tar is in its one form; 2. every file is in the index, and none beside; 3. the newest checkpoint is the
    log's, each signature on it is of a pinned key; 4. every entry stands in the log, in order, none missing;
    5. earlier checkpoints are of the same log; 6. the last entry commits to the index and to which they are;
    7. stamps are of checkpoints of it; 8. each document and each file is the one that its entry named when it was
    written; 9. what the register of measures said before the incident was said before it.
    """
    # 1. tar
    files = _members(content)
    # 2. index
    outside = {name: body for name, body in files.items() if name not in _LOG_FILES and name != INDEX}
    if _LOG_FILES - files.keys() or files.get(INDEX) != index_of(outside):
        raise ProofFailure("a file is missing, added or altered", culprit=DOSSIER)
    # 3. checkpoint
    newest, cosigners = _checkpoint(files["log/checkpoint.note"], trust)
    # 4. entries
    placed = _entries(files["log/entries.jsonl"], newest)
    # 5. history
    earlier = _history(files["log/history.jsonl"], newest, trust)
    known = {newest.size: newest} | earlier
    # 6. commitment
    _require_bundled(placed, files[INDEX], tuple(earlier))
    # 7. stamps
    stamped = _stamps(placed, files, known, trust)
    # 8. files
    require_named(placed, outside)
    # 9. measures
    require_dated(placed, outside)
    case = placed[0].entry.case
    _require_about(files, case)
    return CheckedDossier(case=case, entries=len(placed), files=len(outside), cosigners=cosigners, stamped_at=stamped)


def _members(content: bytes) -> dict[str, bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            files = {}
            for member in tar:
                body = tar.extractfile(member)
                files[member.name] = b"" if body is None else body.read()
        same = tar_of(files) == content
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        raise MalformedMessage("a dossier is an uncompressed tar") from error
    if not same:
        raise MalformedMessage("a dossier is a tar in its one form")
    return files


def _checkpoint(encoded: bytes, trust: Trust) -> tuple[Checkpoint, tuple[str, ...]]:
    checkpoint, note = open_checkpoint(encoded, trust.log, culprit=trust.log.name)
    pinned = {(key.name, key.key_id): key for key in trust.cosigners}
    found = []
    for signature in note.signatures[1:]:
        key = pinned.get((signature.name, signature.key_id))
        if key is None:
            raise ProofFailure("a signature is of a key that is not pinned", culprit=signature.name)
        verify_cosignature(note, key, now=2**62, age_seconds_max=2**62, culprit=key.name)
        found.append(key.name)
    if (note.signatures[0].name, note.signatures[0].key_id) != (trust.log.name, trust.log.key_id) or found != sorted(
        found
    ):
        raise ProofFailure("the signatures are not in their one order", culprit=DOSSIER)
    return checkpoint, tuple(found)


def _lines(encoded: bytes, fields: set[str]) -> list[dict[str, object]]:
    found = []
    for line in encoded.splitlines(keepends=True):
        try:
            values = json.loads(line)
            written = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        except (ValueError, RecursionError) as error:
            raise MalformedMessage("a line of the log is not JSON") from error
        if written != line or not isinstance(values, dict) or values.keys() != fields:
            raise MalformedMessage("a line of the log is not in its one form")
        found.append(values)
    return found


def _entries(encoded: bytes, newest: Checkpoint) -> list[Placed]:
    placed: list[Placed] = []
    for line in _lines(encoded, {"position", "leaf", "path"}):
        leaf, position = decode_base64(str(line["leaf"])), line["position"]
        if type(position) is not int or not isinstance(line["path"], list):
            raise MalformedMessage("a line of the log has another form")
        verify_inclusion(
            leaf_hash(leaf), index=position, size=newest.size, root=newest.root,
            path=[decode_base64(str(node)) for node in line["path"]], culprit=DOSSIER,
        )  # fmt: skip
        placed.append(Placed(position=position, entry=read_leaf(leaf)))
    _require_whole([each.entry for each in placed])
    return placed


def _require_whole(entries: Sequence[Entry]) -> None:
    if not entries or [each.number for each in entries] != list(range(len(entries))):
        raise ProofFailure("an entry of the case is missing, repeated or moved", culprit=DOSSIER)
    if len({each.case for each in entries}) != 1:
        raise ProofFailure("an entry is of another case", culprit=DOSSIER)


def _require_bundled(placed: Sequence[Placed], index: bytes, earlier: tuple[int, ...]) -> None:
    last = placed[-1].entry
    expected = Bundled(index_sha256=hashlib.sha256(index).digest(), entries=last.number, earlier=earlier)
    if last.said != expected:
        raise ProofFailure("the last entry does not commit to these files and checkpoints", culprit=DOSSIER)


def _history(encoded: bytes, newest: Checkpoint, trust: Trust) -> dict[int, Checkpoint]:
    lines = _lines(encoded, {"size", "note", "proof"})
    found = [_checkpoint(decode_base64(str(line["note"])), trust)[0] for line in lines]
    for line, old, new in zip(lines, found, [*found[1:], newest][: len(found)], strict=True):
        if line["size"] != old.size or not isinstance(line["proof"], list):
            raise MalformedMessage("a line of the log has another form")
        verify_consistency(
            old.size, new.size, old_root=old.root, new_root=new.root,
            proof=[decode_base64(str(node)) for node in line["proof"]], culprit=DOSSIER,
        )  # fmt: skip
    return {checkpoint.size: checkpoint for checkpoint in found}


def _stamps(
    placed: Sequence[Placed], files: Mapping[str, bytes], known: Mapping[int, Checkpoint], trust: Trust
) -> tuple[int, ...]:
    found = []
    for each in placed:
        said = each.entry.said
        if not isinstance(said, Stamped):
            continue
        note, answer = files.get(f"stamps/{said.size}.note", b""), files.get(f"stamps/{said.size}.tsr", b"")
        if hashlib.sha256(answer).digest() != said.sha256 or parse_checkpoint(parse_note(note).text) != known.get(
            said.size
        ):
            raise ProofFailure("a stamp is of another checkpoint", culprit=DOSSIER)
        if trust.stamp is None:
            raise ProofFailure("the dossier is stamped: give the certificate of the authority", culprit=DOSSIER)
        found.append(trust.stamp(answer, note))
    return tuple(found)


def _require_about(files: Mapping[str, bytes], case: str) -> None:
    about = _about(files)
    if (about.get("format"), about.get("case")) != (FORMAT, case):
        raise ProofFailure("the dossier is of another case or format", culprit=DOSSIER)


def declared(content: bytes) -> Mapping[str, object]:
    """Reads what a dossier says of itself: the keys it claims, which prove nothing until somebody pins them."""
    return _about(_members(content))


def _about(files: Mapping[str, bytes]) -> Mapping[str, object]:
    try:
        values = json.loads(files.get("about.json", b""))
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("about.json is not JSON") from error
    if not isinstance(values, dict):
        raise MalformedMessage("about.json has another form")
    return values
