"""Looking at the files of a home, and planting files in it that nobody has a reason to touch (docs/detection.md 2.1).

Never in the process that serves: whoever closes a file of a database there ends the locks that SQLite holds on it,
and the next verb to close the database takes its journal away (sqlite.org, "How To Corrupt", section 2.2).
``look_client`` asks a process of its own.

Holds: where the planted files are and the hash of each. Stolen: which files are traps. Altered: an entry that is
gone or changed alarms as the file would, while the service runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from paravent.access.files.looked import CanaryFile, CanaryFiles, Looked
from paravent.access.files.shapes import shape_of
from paravent.access.files.sqlite_pages import HEADER_BYTES, page_holds, page_size
from paravent.crypto.group import Rng
from paravent.errors import BadInput, MalformedMessage
from paravent.wire.codec import decode, encode

REGISTER = "canary-files.json"
DRILL_SECONDS = 120
FILES_MAX = 5_000
SHAPED_BYTES_MAX = 1_048_576
PAGES_A_LOOK = 64
# What thieves look for first, at both ends of the alphabet: who encrypts in order meets one early either way.
_NAMES = ("accounts", "backup-codes", "bank-transfers", "passwords", "payroll", "vpn-access", "wallets", "zz-archive")
_LINES = 40

State = tuple[int, int, int, int]
"""Size, inode, instants of the content and of the entry: the last cannot be set back by who rewrites a file."""


class FileWatch:
    """Looks at one home again and again; what the planted files were is kept in memory too."""

    def __init__(self, home: Path, rng: Rng) -> None:
        """Watches a home; nothing is read yet."""
        self._home = home
        self._rng = rng
        self._states: dict[Path, State] = {}
        self._held: set[Path] = set()
        self._known: dict[str, CanaryFile] = {}

    def look(self, now: int) -> Looked:
        """Looks once; a file that is replaced meanwhile is seen at the next look."""
        before, first = self._states, not self._states
        self._states = dict(_files(self._home))
        changed = [path for path, state in self._states.items() if before.get(path) != state]
        gone = [path for path in self._held if path not in self._states]
        self._held.difference_update(gone)
        # A service deletes what was dealt to it, and its database its own journal.
        gone = [path for path in gone if not _of_database(path) or path.suffix == ".db"]
        gone = [path for path in gone if "secrets" not in path.parts]
        for path in changed:
            self._note(path)
        shaped = [path for path in self._states if shape_of(path.name) is not None or path.suffix == ".db"]
        lost = [path for path in shaped if path not in self._held]
        pages, broken = self._pages()
        planted, touched, drill = self._canaries(now)
        return Looked(
            planted=planted, touched=touched, drill=drill, shaped=len(shaped) + len(gone), lost=len(lost) + len(gone),
            pages=pages, broken=broken, files=len(self._states),
            rewritten=0 if first else sum(path in before and not _of_database(path) for path in changed),
        )  # fmt: skip

    def close(self) -> None:
        """Ends nothing: a look keeps no file open."""

    def _note(self, path: Path) -> None:
        """Reads a file that changed, and notes whether it has its shape."""
        holds, content = shape_of(path.name), b""
        try:
            with path.open("rb") as file:
                content = file.read(SHAPED_BYTES_MAX + 1)
        except OSError:
            return
        if path.suffix == ".db":
            good = not content or page_size(content[:HEADER_BYTES]) is not None
        else:
            good = holds is None or len(content) > SHAPED_BYTES_MAX or holds(content)
        (self._held.add if good else self._held.discard)(path)

    def _pages(self) -> tuple[int, int]:
        """Looks at some pages of each database, drawn at random: (looked at, without structure)."""
        looked = broken = 0
        for path in (path for path in self._states if path.suffix == ".db"):
            for holds in _drawn(path, self._rng):
                looked, broken = looked + 1, broken + (not holds)
        return looked, broken

    def _canaries(self, now: int) -> tuple[int, int, str]:
        """Compares the planted files: (planted, touched, the one in a drill)."""
        found = {one.path: one for one in read_register(self._home).files}
        # An entry is never changed or taken out while the service runs: who does hides what was done to its file.
        hidden = [one for path, one in self._known.items() if path not in found or found[path].sha256 != one.sha256]
        self._known = found | {one.path: one for one in hidden}
        touched = [*hidden, *(one for one in found.values() if one not in hidden and _digest(one.path) != one.sha256)]
        drilled = touched[0].sha256.hex()[:8] if touched and all(now <= one.drill_until for one in touched) else ""
        return len(self._known), len(touched), drilled


def read_register(home: Path) -> CanaryFiles:
    """Reads the planted files of a home; none when it cannot be read, which its shape tells."""
    try:
        return decode((home / REGISTER).read_bytes(), CanaryFiles)
    except (OSError, MalformedMessage):
        return CanaryFiles()


def plant(home: Path, folder: Path, now: int, rng: Rng) -> CanaryFile:
    """Writes a file into a folder, under a name that is tempting and not taken; raises BadInput when all are."""
    known = read_register(home).files
    free = [name for name in _NAMES if not (folder / f"{name}.csv").exists()]
    if not free:
        raise BadInput("this folder has its planted files already")
    # The first goes to the front of the alphabet, the next to its end.
    path = folder.resolve() / f"{free[0] if len(free) == len(_NAMES) else free[-1]}.csv"
    lines = [f"{rng(4).hex()};{rng(6).hex()};{int.from_bytes(rng(2))},{rng(1)[0] % 100:02}" for _ in range(_LINES)]
    content = "\n".join(["compte;reference;montant", *lines, ""]).encode()
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(content)
    one = CanaryFile(path=str(path), sha256=hashlib.sha256(content).digest(), planted_at=now)
    _write(home, CanaryFiles(files=(*known, one)))
    return one


def drill(home: Path, path: Path, until: int) -> bytes:
    """Announces a drill, then changes a planted file; returns what it held. Raises BadInput when it is none."""
    _replace(home, path, drill_until=until)
    content = path.read_bytes()
    path.write_bytes(content[::-1])
    return content


def put_back(home: Path, path: Path, content: bytes) -> None:
    """Ends a drill: the file is as it was, and what comes next is no drill."""
    path.write_bytes(content)
    _replace(home, path, drill_until=0)


def record_drill(home: Path, path: Path, now: int) -> None:
    """Records that a planted file fired in a drill."""
    _replace(home, path, drilled_at=now)


def _replace(home: Path, path: Path, **values: int) -> None:
    known, name = read_register(home).files, str(path.resolve())
    if all(one.path != name for one in known):
        raise BadInput("this is no planted file of this home")
    _write(home, CanaryFiles(files=tuple(
        msgspec.structs.replace(one, **values) if one.path == name else one for one in known
    )))  # fmt: skip


def _write(home: Path, register: CanaryFiles) -> None:
    draft = home / f".{REGISTER}"
    draft.write_bytes(encode(register) + b"\n")
    draft.chmod(0o600)
    draft.replace(home / REGISTER)


def _files(home: Path) -> Iterator[tuple[Path, State]]:
    count = 0
    for folder, folders, names in os.walk(home):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "set-aside-")))
        for name in sorted(names):
            path = Path(folder, name)
            if count >= FILES_MAX or name.startswith(".") or name.endswith("-shm"):
                continue
            try:
                state = path.stat()
            except OSError:
                continue
            count += 1
            yield path, (state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns)


def _drawn(path: Path, rng: Rng) -> Iterator[bool]:
    """Yields, for pages drawn at random, whether each has the structure of one."""
    try:
        with path.open("rb") as file:
            size = page_size(file.read(HEADER_BYTES))
            pages = 0 if size is None else path.stat().st_size // size
            for _ in range(min(PAGES_A_LOOK, pages)):
                number = 1 + int.from_bytes(rng(6)) % pages
                file.seek((number - 1) * (size or 0))
                page = file.read(size or 0)
                if len(page) == size:
                    yield page_holds(page, number, pages)
    except OSError:
        return


def _of_database(path: Path) -> bool:
    return path.suffix in {".db", ".db-wal", ".db-journal"}


def _digest(path: str) -> bytes | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).digest()
    except OSError:
        return None
