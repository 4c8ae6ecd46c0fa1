"""What a thief reads in stolen folders: a copy of the hub's database, and a key server's secret files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from paravent.access.store import read_secret
from paravent.crypto.group import decode_scalar
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.crypto.sealing import Handle, Row
from paravent.drill.credentials.spread import StolenServer
from paravent.keyserver.store import OpeningKeyFile, ShareFile
from paravent.wire.codec import decode


def rows_of(database: Path) -> dict[bytes, Row]:
    """Reads the sealed rows of every live manifest, by handle."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute(
            "SELECT insurer, epoch, batch, handle, stored FROM row JOIN manifest ON manifest.number = row.manifest"
            " WHERE live"
        ).fetchall()
    return {
        bytes(handle): Row(insurer=insurer, epoch=epoch, batch=batch, handle=Handle(handle), stored=stored)
        for insurer, epoch, batch, handle, stored in found
    }


class CopiedRows(Mapping[bytes, Row]):
    """The sealed rows of a copy by handle, read one by one: a million rows do not fit into memory twice."""

    def __init__(self, copy: Path) -> None:
        """Opens a copy, which nobody writes any more."""
        self._connection = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
        # The newest first: of rows that were published again, the last one counts.
        self._manifests = self._connection.execute(
            "SELECT number, insurer, epoch FROM manifest ORDER BY number DESC"
        ).fetchall()

    def __getitem__(self, handle: bytes) -> Row:
        """Finds a row."""
        for number, insurer, epoch in self._manifests:
            found = self._connection.execute(
                "SELECT batch, stored FROM row WHERE manifest = ? AND handle = ?", (number, handle)
            ).fetchone()
            if found is not None:
                return Row(insurer=insurer, epoch=epoch, batch=found[0], handle=Handle(handle), stored=found[1])
        raise KeyError(handle)

    def __iter__(self) -> Iterator[bytes]:
        """Yields every handle, a row that was published again once."""
        for (handle,) in self._connection.execute("SELECT DISTINCT handle FROM row"):
            yield bytes(handle)

    def __len__(self) -> int:
        """Counts handles."""
        return int(self._connection.execute("SELECT COUNT(DISTINCT handle) FROM row").fetchone()[0])

    def holds(self, insurer: str, epoch: int) -> bool:
        """Says whether there is a manifest of an insurer's epoch, live or not."""
        return any((insurer, epoch) == (amc, number) for _, amc, number in self._manifests)

    def epochs(self) -> list[tuple[str, int]]:
        """Lists the insurers and epochs that are live, by number of insurer."""
        found = self._connection.execute("SELECT DISTINCT insurer, epoch FROM manifest WHERE live ORDER BY 1, 2")
        return [(insurer, epoch) for insurer, epoch in found]


def files_of(secrets: Path) -> StolenServer:
    """Reads the newest share and opening keys of each insurer."""
    shares = [decode(read_secret(path), ShareFile) for path in secrets.glob("share-*.json")]
    batches = [decode(read_secret(path), OpeningKeyFile) for path in secrets.glob("opening-*.json")]
    return StolenServer(
        shares={file.insurer: decode_scalar(file.share) for file in sorted(shares, key=lambda file: file.epoch)},
        keys={
            file.insurer: {ServerSet(dealt.servers): OpeningKey(dealt.key) for dealt in file.keys}
            for file in sorted(batches, key=lambda file: (file.epoch, file.batch))
        },
    )
