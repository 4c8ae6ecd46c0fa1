"""``paravent hub shard-sql``: the SQL that makes shards, and the functions that call them (docs/scaling.md)."""

from __future__ import annotations

import re
from pathlib import Path

import click

from paravent.access.cli import Said, dry_run_option, verb
from paravent.errors import InvalidConfiguration
from paravent.hub.shards import hub_sql

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def add_shard_verb(group: click.Group) -> None:
    """Adds the verb to the hub's group."""

    @verb(group, "Write the SQL of the shards, and of the hub's database that calls them through PL/Proxy.")
    @click.option(
        "--shard", "connections", multiple=True, required=True,
        help="Connection string of a shard, as its hub's database server is to connect, without a password; in order.",
    )  # fmt: skip
    @click.option("--user", default="paravent_hub", show_default=True, help="Role of the hub in all these databases.")
    @click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write.")
    @dry_run_option
    def shard_sql(home: Path, connections: tuple[str, ...], user: str, out: Path, dry_run: bool) -> Said:  # noqa: ARG001 - every verb has a home
        """Writes shard-0.sql, shard-1.sql ... and hub.sql."""
        # Imported here: a hub on SQLite needs no driver of another database.
        from paravent.hub.shards_store import shard_sql as of_shard

        if not _ROLE.fullmatch(user):
            raise InvalidConfiguration("a role is lower-case letters, digits and underscores")
        if any(re.search(r"\bpassword\s*=|://[^/@]*:[^/@]*@", text) for text in connections):
            raise InvalidConfiguration("no password in a connection string here: the server reads it in its passfile")
        files = {f"shard-{number}.sql": of_shard(number, user) for number in range(len(connections))}
        files["hub.sql"] = hub_sql(connections, user)
        if not dry_run:
            out.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (out / name).write_text(text, encoding="utf-8")
        done = "would be written" if dry_run else "written"
        return Said(
            text=f"{', '.join(files)} {done} in {out}: an administrator runs each on its database, hub.sql last",
            values={"files": list(files), "folder": str(out), "shards": len(connections), "written": not dry_run},
        )
