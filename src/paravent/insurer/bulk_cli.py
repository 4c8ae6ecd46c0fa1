"""``paravent insurer sealing-key | sealing-worker``: machines that seal for one insurer (docs/scaling.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.store import write_secret
from paravent.crypto.hpke import BoxKey

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


def add_bulk_verbs(group: click.Group) -> None:
    """Adds the verbs to the insurer's group."""

    @verb(group, "Create the key of the sealing workers: private on their machines, public in the folder bulk.",
          name="sealing-key")  # fmt: skip
    @click.option("--key", type=_FILE, required=True, help="Private key file to create, for the workers alone.")
    def sealing_key(home: Path, key: Path) -> Said:
        """Creates a key."""
        drawn = BoxKey.generate(cli.rng)
        write_secret(key, drawn.reveal())
        public = home / "bulk" / "workers.pub"
        public.parent.mkdir(mode=0o700, exist_ok=True)
        public.write_bytes(drawn.public)
        return Said(text=f"{key} is for the workers, {public} for publishing", values={"key": str(key)})

    @verb(group, "Seal for a publication on another machine, until stopped.", name="sealing-worker")
    @click.option("--scheduler", required=True, help="tls://HOST:PORT")
    @click.option("--key", type=_FILE, required=True, help="Private key file, from sealing-key.")
    @click.option("--tls", type=_FOLDER, required=True, help="Folder with ca.pem, cert.pem and key.pem.")
    def sealing_worker(home: Path, scheduler: str, key: Path, tls: Path) -> None:
        """Runs a worker."""
        # Imported here: only bulk sealing needs the extra.
        from distributed import Worker

        from paravent.insurer import bulk_worker_store
        from paravent.insurer.bulk_client import security

        bulk_worker_store.begin(key)

        async def work() -> None:
            async with Worker(
                scheduler, nthreads=1, security=security(tls), dashboard=False, local_directory=str(home / "work"),
            ) as worker:  # fmt: skip
                await worker.finished()

        asyncio.run(work())
