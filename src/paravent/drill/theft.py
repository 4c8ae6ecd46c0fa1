"""The thief: a copy of the hub's database, a true list of everybody, and some stolen key files.

One attack function, whose only parameter is the set of stolen key files; everything else the thief
holds is given once. It tries whatever the files allow: every combination of shares, right or wrong,
and every opening key; the row's own key commitment says whether a record opened.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from paravent.crypto import group, oprf, sealing
from paravent.crypto.entitlement import HubPart, verify_entitlement
from paravent.crypto.group import Scalar, decode_scalar
from paravent.crypto.replicated import OpeningKey, ServerSet, assemble, opening_value, server_sets
from paravent.crypto.sealing import Row
from paravent.crypto.sharing import lagrange
from paravent.drill.credentials.loot import CopiedRows
from paravent.drill.platform import Platform
from paravent.drill.population import LeakedLine
from paravent.errors import MalformedMessage, ProofFailure
from paravent.keyserver.store import OpeningKeyFile, ShareFile
from paravent.person.bindings import lookup_input
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Cosigned, Directory

_PROGRESS_LINES = 100
_SAMPLED_LINES = 1_000
Epoch = tuple[str, int]
"""An insurer's AMC number and the number of its epoch."""


def _no_progress(_done: int, _total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loot:
    """What a theft gave: lines of the leaked list whose record was opened, and the time it took."""

    opened: frozenset[LeakedLine]
    members: frozenset[LeakedLine]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Theft:
    """What the thief holds besides key files: the database copy, the true list, the public directory."""

    database: Path
    leaked: Sequence[LeakedLine]
    directory: Directory
    progress: Callable[[int, int], None] = _no_progress

    def attack(
        self, stolen_key_files: Iterable[Path], lookup_keys: Mapping[Epoch, Sequence[Scalar]] | None = None
    ) -> Loot:
        """Opens all it can with the stolen key files, and with look-up keys of insurers by epoch."""
        started = time.perf_counter()
        files = [path.read_bytes() for path in sorted(stolen_key_files)]
        shares = _shares(files)
        keys = _opening_keys(files)
        rows = CopiedRows(self.database)
        opened, members = set(), set()
        candidates = {epoch: list(_candidate_keys(held)) for epoch, held in shares.items()}
        for whole, found_keys in (lookup_keys or {}).items():
            candidates.setdefault(whole, []).extend(found_keys)
        # Nothing opens a row that is not in the copy, and a key that fits one member fits them all.
        candidates = {
            whole: [key for key in tried if self._fits(*whole, key, rows)]
            for whole, tried in candidates.items() if rows.holds(*whole)
        }  # fmt: skip
        for round_, ((insurer, epoch), tried) in enumerate(candidates.items()):
            for number, line in enumerate(self.leaked):
                if number % _PROGRESS_LINES == 0:
                    self.progress(round_ * len(self.leaked) + number, len(candidates) * len(self.leaked))
                for key in tried:
                    found = _try(line, insurer, epoch, key, rows)
                    if found is None:
                        continue
                    members.add(line)
                    if any(self._opens(*found, keys, share) for share in shares.get((insurer, epoch), ())[:1]):
                        opened.add(line)
        return Loot(opened=frozenset(opened), members=frozenset(members), seconds=time.perf_counter() - started)

    def _fits(self, insurer: str, epoch: int, key: Scalar, rows: CopiedRows) -> bool:
        """Tries a look-up key on lines from the whole list, until it finds somebody."""
        sample = self.leaked[:: max(1, len(self.leaked) // _SAMPLED_LINES)]
        return any(_try(line, insurer, epoch, key, rows) is not None for line in sample)

    def contents(self, stolen_key_files: Iterable[Path], whole: Epoch) -> dict[LeakedLine, tuple[Row, HubPart]]:
        """Reads what the stolen key files open of one epoch: each line of the list with its row and what it says."""
        files = [path.read_bytes() for path in sorted(stolen_key_files)]
        rows, keys, shares = CopiedRows(self.database), _opening_keys(files), _shares(files)[whole]
        found: dict[LeakedLine, tuple[Row, HubPart]] = {}
        for key in _candidate_keys(shares):
            for line in self.leaked:
                if (hit := _try(line, *whole, key, rows)) is not None:
                    part = self._read(*hit, keys, shares[0])
                    if part is not None:
                        found[line] = (hit[0], part)
        return found

    def _opens(
        self, row: Row, output: oprf.OprfOutput, keys: Mapping[tuple[str, int, int], Mapping[ServerSet, OpeningKey]],
        share: ShareFile,
    ) -> bool:  # fmt: skip
        return self._read(row, output, keys, share) is not None

    def _read(
        self, row: Row, output: oprf.OprfOutput, keys: Mapping[tuple[str, int, int], Mapping[ServerSet, OpeningKey]],
        share: ShareFile,
    ) -> HubPart | None:  # fmt: skip
        label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
        held = keys.get((row.insurer, row.epoch, row.batch), {})
        values = {members: opening_value(key, label) for members, key in held.items()}
        sets = server_sets(share.threshold, share.servers)
        try:
            entitlement, _ = sealing.open_row(row, output, assemble(values, sets))
        except (MalformedMessage, ProofFailure):
            return None
        # Opened means read and understood: the entitlement's own signature verifies.
        return verify_entitlement(entitlement, self.directory.issuers())


def _shares(files: Sequence[bytes]) -> dict[Epoch, list[ShareFile]]:
    """Reads the shares by epoch; a backup and the store it was taken from give one share of an index, not two."""
    found: defaultdict[tuple[str, int], dict[int, ShareFile]] = defaultdict(dict)
    for body in files:
        try:
            share = decode(body, ShareFile)
        except MalformedMessage:
            continue
        found[share.insurer, share.epoch][share.index] = share
    return {epoch: list(held.values()) for epoch, held in found.items()}


def _opening_keys(files: Sequence[bytes]) -> dict[tuple[str, int, int], dict[ServerSet, OpeningKey]]:
    found: defaultdict[tuple[str, int, int], dict[ServerSet, OpeningKey]] = defaultdict(dict)
    for body in files:
        try:
            file = decode(body, OpeningKeyFile)
        except MalformedMessage:
            continue
        for dealt in file.keys:
            found[file.insurer, file.epoch, file.batch][ServerSet(dealt.servers)] = OpeningKey(dealt.key)
    return found


def _candidate_keys(shares: Sequence[ShareFile]) -> Iterable[Scalar]:
    """Yields every key that some set of the stolen shares interpolates to, whatever the threshold."""
    for size in range(1, len(shares) + 1):
        for chosen in combinations(shares, size):
            indices = tuple(share.index for share in chosen)
            terms = [
                group.scalar_product(lagrange(share.index, indices), decode_scalar(share.share)) for share in chosen
            ]
            total = terms[0]
            for term in terms[1:]:
                total = group.scalar_sum(total, term)
            yield total


def _try(
    line: LeakedLine, insurer: str, epoch: int, key: Scalar, rows: Mapping[bytes, Row]
) -> tuple[Row, oprf.OprfOutput] | None:
    person = PersonIdentity.from_card(
        name=line.name, birth_date=line.birth_date, nir=Nir.from_thirteen(line.nir), rank=line.rank
    )
    output = oprf.evaluate(lookup_input(insurer, epoch, person), key)
    handle = sealing.handle_of(insurer, epoch, sealing.handle_key(output, insurer, epoch).public)
    row = rows.get(handle)
    return None if row is None else (row, output)


def copy_database(source: Path, target: Path) -> Path:
    """Takes a consistent copy of a live database, as a thief or a backup would."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()
    return target


def read_directory(platform: Platform) -> Directory:
    """Reads the public directory of a platform."""
    signed = decode(Path(platform.pin["file"]).read_bytes(), Cosigned, bytes_max=STATEMENT_BYTES_MAX)
    return decode(signed.payload, Directory, bytes_max=STATEMENT_BYTES_MAX)
