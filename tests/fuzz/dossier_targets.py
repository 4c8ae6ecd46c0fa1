"""The evidence dossier, read by the package and by the stand-alone verifier, which have to agree on each.

An input is a description: entries, files, and where earlier checkpoints lie. The dossier is built from it with a true
index, proofs and signatures, so that what lies behind them is reached. Stamps stand in it; authorities have a target
of their own, and none is asked here.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from paravent.breach import entries
from paravent.breach.dossier import FORMAT, INDEX, index_of, tar_of
from paravent.breach.dossier_check import Trust, check_dossier
from paravent.breach.entries import Category, Documented, Entry, Noted, Opened, Origin, Safeguards, Stamped, read_leaf
from paravent.breach.log import Tree
from paravent.crypto.checkpoint import cosign, cosigner_key, log_key, parse_checkpoint
from paravent.crypto.labels import Label, enc
from paravent.crypto.note import parse_note
from paravent.crypto.signing import Seed, SigningKey
from paravent.errors import MalformedMessage, ParaventError
from paravent.wire.codec import read_object
from tests.fuzz.shapes import JSON, TAR
from tests.fuzz.target import Target

SCRIPT = Path(__file__).parents[2] / "standalone" / "verify_dossier.py"
LOG, COSIGNER = "breach.demonstration", "keyserver-1"
KEY, COSIGNER_KEY = (SigningKey(Seed(bytes([place]) * 32)) for place in (7, 8))
CASE, DAY, AT = "2026-001", "2026-06-15", 1_781_524_800
ANSWER = {"kind": "no", "owner": "x", "day": DAY, "proof": ""}
STATEMENT = json.dumps({"before": DAY, "day": DAY, "measures": [
    {"reference": "anssi-1", "title": "x", "before": None, "now": ANSWER},
]})  # fmt: skip


def standalone() -> ModuleType:
    """Loads the script as a module of its own."""
    spec = importlib.util.spec_from_file_location("verify_dossier", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def _answer(_answer: bytes, _note: bytes) -> int:
    return AT


class Verifiers:
    """Both verifiers under one trust, stamps believed."""

    def __init__(self, script: ModuleType) -> None:
        """Pins the keys of this file for the package and for a script."""
        log, cosigner = log_key(LOG, KEY), cosigner_key(COSIGNER, COSIGNER_KEY)
        self._trust = Trust(log=log, cosigners=(cosigner,), stamp=_answer)
        self._script = script
        self._script.verify_stamp = lambda *_: None  # type: ignore[attr-defined]
        self._pinned = {"log": script.key_of(log.encode()), "cosigners": [script.key_of(cosigner.encode())]}

    def read(self, content: bytes) -> Any:
        """Checks a dossier by the package; raises AssertionError when the script decides otherwise."""
        alone = self._alone(content)
        try:
            found = check_dossier(content, self._trust)
        except ParaventError:
            # What an entry says in words that the script does not use is the package's to judge.
            assert alone or not self._entries_are_read(content), "the script accepts what the package refuses"
            raise
        assert not alone, f"the package accepts what the script refuses: {alone}"
        return found

    def _alone(self, content: bytes) -> str:
        """Says why the script refuses, empty when it accepts; what it does not foresee comes out."""
        try:
            self._script.check(content, self._pinned)
        except self._script.REFUSALS as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _entries_are_read(self, content: bytes) -> bool:
        lines = TAR.apart(content)["log/entries.jsonl"].splitlines()
        try:
            for line in lines:
                read_leaf(base64.b64decode(json.loads(line)["leaf"]))
        except MalformedMessage:
            return False
        return True


# --- a dossier from its description ------------------------------------------------------------------


def described() -> dict[str, Any]:
    """Describes a whole dossier: every kind of entry that a verifier looks into, and two checkpoints before it."""
    statement = STATEMENT.encode()
    said: list[entries.Event] = [
        Opened(title="t", facts="f", origin=Origin.HAND, aware_at=AT, aware_role="DPO"),
        Noted(category=Category.FACT, text="x"),
        Safeguards(before=DAY, day=DAY, sha256=hashlib.sha256(statement).digest()),
        Documented(name="cnil.txt", sha256=hashlib.sha256(b"document").digest()),
        Stamped(size=2, sha256=hashlib.sha256(b"answer").digest(), note_sha256=bytes(32)),
    ]
    made = [
        Entry(case=CASE, number=number, at=AT, role="DPO", said=one)  # type: ignore[arg-type]
        for number, one in enumerate(said)
    ]
    return {
        "entries": [json.loads(_body(one.leaf())) for one in made],
        "files": {
            "about.json": json.dumps({"format": FORMAT, "case": CASE}), "documents/cnil.txt": "document",
            f"evidence/{hashlib.sha256(statement).hexdigest()}": STATEMENT, "stamps/2.tsr": "answer",
        },
        "checkpoints": [2, 4], "noted": {"stamps/2.note": 2}, "last": {}, "before": ["another case's leaf"],
    }  # fmt: skip


def built(tree: Mapping[str, Any]) -> bytes:
    """Builds the dossier of a description, with a true index, log and signatures."""
    written = [json.dumps(one, ensure_ascii=False).encode() for one in tree["entries"]]
    others = [str(one).encode() for one in tree["before"]]
    leaves = [*others, *(enc(Label.CASE_ENTRY, body) for body in written)]
    sizes = [size for size in tree["checkpoints"] if type(size) is int and 0 < size <= len(leaves)]
    files = {str(name): _bytes(body) for name, body in tree["files"].items()}
    files |= {str(name): _note(leaves[:size]) for name, size in tree["noted"].items() if type(size) is int}
    last = {
        "case": CASE, "number": len(written), "at": AT, "role": "DPO", "supersedes": None,
        "said": {
            "event": "bundled", "index_sha256": base64.b64encode(hashlib.sha256(index_of(files)).digest()).decode(),
            "entries": len(written), "earlier": sizes,
        },
    }  # fmt: skip
    leaves.append(enc(Label.CASE_ENTRY, json.dumps({**last, **tree["last"]}).encode()))
    return tar_of({**files, INDEX: index_of(files), **_log(leaves, sizes, len(others))})


def _log(leaves: Sequence[bytes], sizes: Sequence[int], first: int) -> dict[str, bytes]:
    whole = Tree(leaves)
    placed = [
        {"position": at, "leaf": _text(leaves[at]), "path": [_text(one) for one in whole.inclusion(at, len(leaves))]}
        for at in range(first, len(leaves))
    ]
    history = [
        {"size": old, "note": _text(_note(leaves[:old])), "proof": [_text(one) for one in whole.consistency(old, new)]}
        for old, new in zip(sizes, [*sizes[1:], len(leaves)], strict=True)
    ]
    return {
        "log/checkpoint.note": _note(leaves), "log/entries.jsonl": _lines(placed), "log/history.jsonl": _lines(history),
    }  # fmt: skip


def _note(leaves: Sequence[bytes]) -> bytes:
    note = parse_note(Tree(leaves).checkpoint(LOG, KEY))
    checkpoint = parse_checkpoint(note.text)
    return checkpoint.signed(*note.signatures, cosign(checkpoint, COSIGNER, COSIGNER_KEY, now=AT)).encode()


def _lines(values: Sequence[Mapping[str, object]]) -> bytes:
    lines = [json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for one in values]
    return "".join(f"{line}\n" for line in lines).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(body: object) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass")


def _body(leaf: bytes) -> bytes:
    return leaf[leaf.index(b"{") :]


# --- the targets -------------------------------------------------------------------------------------


def described_dossier() -> Target:
    """What stands behind proofs and signatures."""
    verifiers = Verifiers(standalone())

    def read(data: bytes) -> Any:
        tree: Any = read_object(data)
        try:
            content = built(tree)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise MalformedMessage("this describes no dossier") from error
        return verifiers.read(content)

    return Target(seeds=(json.dumps(described()).encode(),), shape=JSON, read=read, slow=True)


def small_dossier() -> Target:
    """The bytes of the tar, its notes, its lines and its proofs."""
    return Target(seeds=(built(described()),), shape=TAR, read=Verifiers(standalone()).read, slow=True)


TARGETS: tuple[Callable[[], Target], ...] = (described_dossier, small_dossier)
