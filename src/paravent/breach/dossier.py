"""The evidence dossier of a case: one tar that is checked offline (docs/protocol.md section 16): pure.

Deterministic and uncompressed: the same members in the same order give the same bytes, and any other byte is refused.
Under ``log/`` stand the case's entries with their proofs, and every checkpoint; the last entry commits to the index of
all the rest. Nothing in it says of itself that it is to be believed: its reader pins the key of the log.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from paravent.breach import entries
from paravent.breach.entries import Placed
from paravent.breach.log import Tree
from paravent.errors import ProofFailure

DOSSIER = "dossier"
FORMAT = "paravent dossier 1"
INDEX = "index.txt"
_LOG = "log/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A checkpoint as it was stamped, and the authority's answer."""

    size: int
    note: bytes
    answer: bytes


def case_files(
    placed: Sequence[Placed], kept: Mapping[bytes, bytes], stamps: Sequence[Stamp], about: Mapping[str, object]
) -> dict[str, bytes]:
    """Names every file of a case outside the log: documents by name, other evidence by digest, stamps, ``about``."""
    # A document written again has the same name: the last one keeps it, the others stay as evidence.
    newest = {
        each.entry.said.name: each.entry.said.sha256
        for each in placed if isinstance(each.entry.said, entries.Documented)
    }  # fmt: skip
    files = {f"documents/{name}": kept[digest] for name, digest in newest.items()}
    named = set(newest.values())
    files |= {f"evidence/{digest.hex()}": content for digest, content in kept.items() if digest not in named}
    for stamp in stamps:
        files[f"stamps/{stamp.size}.note"], files[f"stamps/{stamp.size}.tsr"] = stamp.note, stamp.answer
    return files | {"about.json": _json({"format": FORMAT, **about})}


def index_of(files: Mapping[str, bytes]) -> bytes:
    """Lists files by digest, in the order of their names."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    return "".join(lines).encode()


def log_files(placed: Sequence[Placed], leaves: Sequence[bytes], checkpoints: Mapping[int, bytes]) -> dict[str, bytes]:
    """Writes the entries with their inclusion in the newest checkpoint, and each checkpoint with its link to the next.

    The first checkpoint that covers the case is its newest here. Raises ProofFailure when there is none.
    """
    position = placed[-1].position if placed else 0
    newest = min((size for size in checkpoints if size > position), default=0)
    if not newest:
        raise ProofFailure("no checkpoint covers the case", culprit="breach desk")
    tree, sizes = Tree(leaves), [*sorted(size for size in checkpoints if 0 < size <= position), newest]
    written = [
        _json({
            "position": each.position, "leaf": _base64(leaves[each.position]),
            "path": [_base64(node) for node in tree.inclusion(each.position, newest)],
        })
        for each in placed
    ]  # fmt: skip
    history = [
        _json({
            "size": old, "note": _base64(checkpoints[old]),
            "proof": [_base64(node) for node in tree.consistency(old, new)],
        })
        for old, new in pairwise(sizes)
    ]  # fmt: skip
    return {
        "log/checkpoint.note": checkpoints[newest], "log/entries.jsonl": b"".join(written),
        "log/history.jsonl": b"".join(history),
    }  # fmt: skip


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Writes the tar: members by name, no date, no owner, two empty blocks at the end."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return content.getvalue()


def _json(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
