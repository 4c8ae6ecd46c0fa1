"""What a thief reads in stolen folders: a copy of the hub's database, and a key server's secret files."""

from __future__ import annotations

import sqlite3
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
