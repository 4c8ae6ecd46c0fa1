"""Making the dossier of a case from the store (docs/protocol.md section 16)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from paravent.breach import dossier, entries
from paravent.breach.case import OPERATOR
from paravent.breach.config import BreachConfig
from paravent.breach.entries import Bundled, Placed, Stamped
from paravent.breach.store import Store
from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.note import parse_note
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration


def checkpoint(store: Store, config: BreachConfig, key: SigningKey) -> tuple[int, bytes]:
    """Returns the note of the log as it stands, with the cosignatures that it has already."""
    size = store.size()
    note = store.checkpoints().get(size)
    if note is None:
        note = store.tree().checkpoint(config.name, key)
        store.keep_checkpoint(size, note)
    return size, note


def cosigned_by(store: Store, name: str | None) -> int:
    """Returns the size of the newest checkpoint that a party cosigned and sent back; 0 when there is none."""
    notes = {size: parse_note(note) for size, note in store.checkpoints().items()}
    return max((size for size, note in notes.items() if name in {line.name for line in note.signatures[1:]}), default=0)


def keep_stamp(store: Store, case: str, note: bytes, answer: bytes, now: int) -> Placed:
    """Keeps an authority's answer, verified beforehand, for a note that this log has made."""
    size = parse_checkpoint(parse_note(note).text).size
    if size not in store.checkpoints():
        raise InvalidConfiguration("this note is of no checkpoint of this log")
    said = Stamped(size=size, sha256=store.keep_file(answer), note_sha256=store.keep_file(note))
    return store.add(case, said, role=OPERATOR, now=now)


def make(
    store: Store, case: str, config: BreachConfig, key: SigningKey, about: Mapping[str, object], now: int
) -> tuple[bytes, Placed]:
    """Makes the dossier; when nothing was added since the last one, the same, with the cosignatures since."""
    placed = store.entries(case)
    last, said = placed[-1], placed[-1].entry.said
    if isinstance(said, Bundled):
        files = _files(store, placed[:-1], about)
        if said == _said(store, files, last.entry.number, last.position):
            return _tar(store, config, key, placed, files), last
    files = _files(store, placed, about)
    added = store.add(case, _said(store, files, last.entry.number + 1, store.size()), role=OPERATOR, now=now)
    return _tar(store, config, key, [*placed, added], files), added


def _said(store: Store, files: Mapping[str, bytes], number: int, position: int) -> Bundled:
    return Bundled(
        index_sha256=hashlib.sha256(dossier.index_of(files)).digest(), entries=number,
        earlier=tuple(size for size in store.checkpoints() if 0 < size <= position),
    )  # fmt: skip


def _files(store: Store, placed: list[Placed], about: Mapping[str, object]) -> dict[str, bytes]:
    case = placed[0].entry.case
    return dossier.case_files(placed, _kept(store, placed), _stamps(store, placed), {"case": case, **about})


def _tar(
    store: Store, config: BreachConfig, key: SigningKey, placed: list[Placed], files: Mapping[str, bytes]
) -> bytes:
    if max(store.checkpoints(), default=0) <= placed[-1].position:
        checkpoint(store, config, key)
    log = dossier.log_files(placed, store.leaves(), store.checkpoints())
    return dossier.tar_of({**files, **log, dossier.INDEX: dossier.index_of(files)})


def _kept(store: Store, placed: list[Placed]) -> dict[bytes, bytes]:
    """Gathers the files that entries name; one that was erased is left out, its digest stays."""
    digests = []
    for each in placed:
        match each.entry.said:
            case (
                entries.Artefact(sha256=sha256) | entries.Measured(sha256=sha256) | entries.Unsealed(sha256=sha256)
                | entries.Documented(sha256=sha256) | entries.Switched(sha256=sha256)
                | entries.Safeguards(sha256=sha256) | entries.Computed(labels_sha256=sha256)
            ):  # fmt: skip
                digests.append(sha256)
            case _:
                pass
    return {digest: store.file(digest) for digest in dict.fromkeys(digests)}


def _stamps(store: Store, placed: list[Placed]) -> list[dossier.Stamp]:
    return [
        dossier.Stamp(
            size=each.entry.said.size, note=store.file(each.entry.said.note_sha256),
            answer=store.file(each.entry.said.sha256),
        )
        for each in placed if isinstance(each.entry.said, Stamped)
    ]  # fmt: skip
