"""The tampering matrix: each alteration of a dossier is refused by both verifiers, which share no code."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fuzz.dossier_targets import standalone
from tests.write_cases import authority_in

from paravent.access.quotas import QuotaLimits
from paravent.breach import bundling
from paravent.breach.dossier import INDEX, index_of, tar_of
from paravent.breach.dossier_check import check_dossier
from paravent.breach.log import Tree
from paravent.breach.store import Store
from paravent.breach.trust import TrustFile, trust_of
from paravent.crypto.signing import Seed, SigningKey
from paravent.drill.cases.attacks import PERSONS, stolen_hub
from paravent.drill.cases.run import CONFIG, Authority, Worked, work
from paravent.drill.credentials.scene import scene
from paravent.errors import ParaventError
from paravent.wire.codec import encode

SCRIPT = Path(__file__).parents[3] / "standalone" / "verify_dossier.py"
KEY, OTHER = (SigningKey(Seed(bytes([place]) * 32)) for place in (7, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A stamped dossier, an older one of the same case, and what would make other ones."""

    worked: Worked
    older_note: bytes
    other_authority: Authority
    sibling: Authority
    forked: bytes
    other_log: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("dossier")
    with scene(2, (), PERSONS, QuotaLimits()) as attacked, Store(folder / "breach") as store:
        worked = work(attacked, store, stolen_hub, KEY, authority_in(folder / "authority"))
        older = next(iter(store.checkpoints().values()))
        # A fork: the same log but for its last leaf, signed by the same key.
        leaves = store.leaves()
        forked = Tree([*leaves[:-1], b"another"]).checkpoint(CONFIG.name, KEY)
        other = Tree(leaves).checkpoint(CONFIG.name, OTHER)
        yield Made(
            worked=worked, older_note=older, other_authority=authority_in(folder / "other"), forked=forked,
            sibling=authority_in(folder / "sibling", under=folder / "authority"), other_log=other,
        )  # fmt: skip


def members(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: extracted.read() for member in tar if (extracted := tar.extractfile(member))}


def refused(content: bytes, trust: TrustFile, folder: Path) -> tuple[bool, bool]:
    """Says whether the package and the stand-alone script refuse a dossier."""
    try:
        check_dossier(content, trust_of(trust))
    except ParaventError:
        package = True
    else:
        package = False
    dossier, pinned = folder / "dossier.tar", folder / "trust.json"
    dossier.write_bytes(content)
    pinned.write_bytes(encode(trust))
    done = subprocess.run([sys.executable, SCRIPT, dossier, "--trust", pinned], capture_output=True, check=False)
    assert done.returncode in {0, 1}
    assert b"Traceback" not in done.stderr
    return package, done.returncode == 1


def test_a_whole_dossier_is_accepted_by_both(made: Made, tmp_path: Path) -> None:
    assert refused(made.worked.dossier, made.worked.trust, tmp_path) == (False, False)
    found = check_dossier(made.worked.dossier, trust_of(made.worked.trust))
    assert found.case == made.worked.played.case
    assert found.cosigners == ("keyserver-1", "keyserver-2", "keyserver-3")
    assert len(found.stamped_at) == 1


def indexed(files: Mapping[str, bytes]) -> bytes:
    """Makes a tar with an index that is true of its files."""
    outside = {name: body for name, body in files.items() if not name.startswith("log/") and name != INDEX}
    return tar_of({**files, INDEX: index_of(outside)})


def stamped_by(authority: Authority, files: Mapping[str, bytes]) -> bytes:
    """Makes a tar whose stamps are another authority's; its entries still name the first ones."""
    return indexed(
        {
            name: authority.stamp(files[name.replace(".tsr", ".note")]) if name.endswith(".tsr") else body
            for name, body in files.items()
        }
    )


def _lines(files: dict[str, bytes], change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    lines = files["log/entries.jsonl"].splitlines(keepends=True)
    return tar_of({**files, "log/entries.jsonl": b"".join(change(lines))})


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0], *lines[2:]]


def _edited_entry(lines: list[bytes]) -> list[bytes]:
    line = json.loads(lines[0])
    leaf = base64.b64decode(line["leaf"]).replace(b"Base et sauvegardes", b"Base et sauvegardez")
    line["leaf"] = base64.b64encode(leaf).decode()
    return [json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n", *lines[1:]]


Tamper = Callable[[Made, dict[str, bytes]], bytes]
MATRIX: dict[str, Tamper] = {
    "a document edited": lambda _, files: tar_of(
        {**files, "documents/06-communique-de-presse.txt": files["documents/06-communique-de-presse.txt"] + b"!"}
    ),
    "a document edited and the index with it": lambda _, files: indexed(
        {**files, "documents/06-communique-de-presse.txt": b"Rien."}
    ),
    "a document removed and the index with it": lambda _, files: indexed(
        {name: body for name, body in files.items() if name != "documents/06-communique-de-presse.txt"}
    ),
    "what the register of measures said edited and the index with it": lambda _, files: indexed(
        {name: body.replace(b'"kind":"no"', b'"kind":"declared"') for name, body in files.items()}
    ),
    "a file added": lambda _, files: tar_of({**files, "evidence/new": b"x"}),
    "a file added and the index with it": lambda _, files: indexed({**files, "evidence/new": b"x"}),
    "an entry edited": lambda _, files: _lines(files, _edited_entry),
    "the first entry removed": lambda _, files: _lines(files, lambda lines: lines[1:]),
    "an entry removed": lambda _, files: _lines(files, lambda lines: [*lines[:3], *lines[4:]]),
    "the last entry removed": lambda _, files: _lines(files, lambda lines: lines[:-1]),
    "an entry repeated": lambda _, files: _lines(files, lambda lines: [lines[0], *lines]),
    "two entries in another order": lambda _, files: _lines(files, _swap),
    "an older checkpoint replayed": lambda made, files: tar_of({**files, "log/checkpoint.note": made.older_note}),
    "a fork": lambda made, files: tar_of({**files, "log/checkpoint.note": made.forked}),
    "another key of the log": lambda made, files: tar_of({**files, "log/checkpoint.note": made.other_log}),
    "a cosignature of an unknown key": lambda _, files: tar_of(
        {**files, "log/checkpoint.note": files["log/checkpoint.note"].replace(b"keyserver-2", b"keyserver-9")}
    ),
    "history removed": lambda _, files: tar_of({**files, "log/history.jsonl": b""}),
    "the stamp of another authority": lambda made, files: stamped_by(made.other_authority, files),
    "the stamp removed": lambda _, files: indexed(
        {name: body for name, body in files.items() if not name.startswith("stamps/")}
    ),
    "a date in the tar": lambda _, files: _dated(files),
    "compressed": lambda made, _: __import__("gzip").compress(made.worked.dossier),
    "cut": lambda made, _: made.worked.dossier[:-512],
    "longer": lambda made, _: made.worked.dossier + bytes(512),
    "empty": lambda *_: b"",
}


def _dated(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(body), 1
            tar.addfile(member, io.BytesIO(body))
    return content.getvalue()


@pytest.mark.parametrize("name", MATRIX)
def test_every_tampering_is_refused_by_both(name: str, made: Made, tmp_path: Path) -> None:
    altered = MATRIX[name](made, members(made.worked.dossier))
    assert altered != made.worked.dossier
    assert refused(altered, made.worked.trust, tmp_path) == (True, True)


def test_the_authority_and_the_log_are_those_that_the_reader_pins(made: Made, tmp_path: Path) -> None:
    trust = made.worked.trust
    other = made.other_authority
    swapped = TrustFile(log=trust.log, cosigners=trust.cosigners, authority=other.certificate, root=other.root)
    assert refused(made.worked.dossier, swapped, tmp_path) == (True, True)
    unpinned = TrustFile(log=trust.log, cosigners=trust.cosigners)
    assert refused(made.worked.dossier, unpinned, tmp_path) == (True, True)
    unknown = TrustFile(log=trust.log, cosigners=(), authority=trust.authority, root=trust.root)
    assert refused(made.worked.dossier, unknown, tmp_path) == (True, True)


def test_an_authority_of_the_same_root_is_not_the_pinned_one(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its chain leads to the pinned root; the control is the script without the command that looks who signed."""
    trust, sibling = made.worked.trust, made.sibling
    assert sibling.root == trust.root
    swapped = TrustFile(log=trust.log, cosigners=trust.cosigners, authority=sibling.certificate, root=trust.root)
    assert refused(made.worked.dossier, swapped, tmp_path) == (True, True)
    files = members(made.worked.dossier)
    (note,) = (body for name, body in files.items() if name.startswith("stamps/") and name.endswith(".note"))
    script = standalone()
    with pytest.raises(ValueError, match="not of the pinned authority"):
        script.verify_stamp(sibling.stamp(note), note, {"authority": trust.authority, "root": trust.root})
    monkeypatch.setattr(script, "STAMP_COMMANDS", script.STAMP_COMMANDS[:1])
    script.verify_stamp(sibling.stamp(note), note, {"authority": trust.authority, "root": trust.root})


def test_any_changed_byte_is_refused(made: Made, tmp_path: Path) -> None:
    """Every kind of place: headers, padding, bodies, the end; one bit each, drawn from a seed."""
    content, dice = made.worked.dossier, random.Random(5)
    places = [0, 100, 124, 136, 148, 156, 257, 345, 500, len(content) - 1, len(content) - 10_000]
    start = content.index(b"stamps/")
    places += [start, start + 512, start + 700]
    places += [dice.randrange(len(content)) for _ in range(12)]
    for place in places:
        altered = bytearray(content)
        altered[place] ^= 1 << dice.randrange(8)
        assert refused(bytes(altered), made.worked.trust, tmp_path) == (True, True), place


def test_the_last_entry_commits_to_the_index_and_the_tar_has_one_form(made: Made) -> None:
    files = members(made.worked.dossier)
    assert tar_of(files) == made.worked.dossier
    last = json.loads(files["log/entries.jsonl"].splitlines()[-1])
    said = json.loads(base64.b64decode(last["leaf"]).split(b"paravent/1/case-entry", 1)[1][2:])["said"]
    assert base64.b64decode(said["index_sha256"]) == hashlib.sha256(files[INDEX]).digest()


def test_a_dossier_made_again_is_the_same(tmp_path: Path) -> None:
    with scene(2, (), 48, QuotaLimits()) as attacked, Store(tmp_path / "breach") as store:
        worked = work(attacked, store, stolen_hub, KEY, None)
        size = store.size()
        about = {"log": "x"}
        first, _ = bundling.make(store, worked.played.case, CONFIG, KEY, about, 1)
        again, _ = bundling.make(store, worked.played.case, CONFIG, KEY, about, 2)
        assert first == again
        assert store.size() == size + 1  # what it says about itself was new, once


def test_the_stand_alone_script_is_short_and_shares_no_code() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 260
    assert [line for line in text.splitlines() if line.startswith(("import", "from")) and "paravent" in line] == []
