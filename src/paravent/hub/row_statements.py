"""The tables and statements of sealed rows and tree pages, the same on one machine and on shards (section 6): pure.

On one machine the hub runs them on its own database; with shards, each is the body of a function there
(``shards``). Holds, stolen, altered: as in ``store``.
"""

from __future__ import annotations

ROW_SCHEMA = """CREATE TABLE IF NOT EXISTS row (
    manifest INTEGER NOT NULL, handle BLOB NOT NULL, position INTEGER NOT NULL, batch INTEGER NOT NULL,
    stored BLOB NOT NULL, PRIMARY KEY (manifest, handle)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
    manifest INTEGER NOT NULL, level INTEGER NOT NULL, page INTEGER NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (manifest, level, page)
) STRICT, WITHOUT ROWID;
"""

_PLACED = "SELECT position, handle, batch, stored FROM row WHERE manifest = ? AND handle"
ROW_AT = f"{_PLACED} = ?"
ROW_BELOW = f"{_PLACED} < ? ORDER BY handle DESC LIMIT 1"
ROW_ABOVE = f"{_PLACED} > ? ORDER BY handle LIMIT 1"
PAGE_AT = "SELECT hashes FROM node WHERE manifest = ? AND level = ? AND page = ?"

# Rows at later positions can be there: a shard keeps what it took, though the hub was killed before it counted it.
LAST_HANDLE = "SELECT handle FROM row WHERE manifest = ? AND position < ? ORDER BY handle DESC LIMIT 1"
NEXT_ROWS = "SELECT handle, batch, stored FROM row WHERE manifest = ? AND handle > ? ORDER BY handle LIMIT ?"

# The rows of a manifest with changes applied: merged, rows on shards below this one, changes, removal, live, changes.
MERGE = (
    "INSERT INTO row SELECT ?, handle, ROW_NUMBER() OVER (ORDER BY handle) - 1 + ?, batch, stored FROM ("
    " SELECT handle, batch, stored FROM row WHERE manifest = ? AND batch <> ?"
    " UNION ALL SELECT handle, batch, stored FROM row AS former WHERE manifest = ? AND NOT EXISTS"
    " (SELECT 1 FROM row AS change WHERE change.manifest = ? AND change.handle = former.handle)) AS merged"
)
DROP_ROWS = "DELETE FROM row WHERE manifest = ?"
DROP_PAGES = "DELETE FROM node WHERE manifest = ?"
