"""A file system on a simulated disk: made, mounted, cut off from its power, mounted again (ext4 over a loop device).

Needs the rights to mount. Everything lives in a mount namespace and a process namespace of its own (``power``), so that
nothing of it outlives the process that began it, however that one ends.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.bench import disk_fuse
from paravent.bench.disk import DiskState
from paravent.errors import TechnicalFailure

DRIVE_BYTES = 384 << 20
STRIKE_SECONDS_MAX = 2.0
UNMOUNT_TRIES = 100


@dataclass(slots=True, kw_only=True)
class Drive:
    """``folder`` is where its files are while it is mounted."""

    file: Path
    folder: Path
    commands: socket.socket

    def mount(self) -> None:
        """Mounts it; what its journal holds is replayed."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self.file), str(self.folder))

    def unmount(self) -> None:
        """Takes it off, as soon as the last process that had a file of it open is gone."""
        for _ in range(UNMOUNT_TRIES):
            try:
                return _run("umount", str(self.folder))
            except TechnicalFailure:
                time.sleep(0.1)
        return _run("umount", str(self.folder))

    def sync(self) -> None:
        """Has everything written so far flushed."""
        _run("sync", "--file-system", str(self.folder))

    def strike(self, writes: int) -> bool:
        """Waits until it has that many more writes in its cache, and stops there; False when they do not come."""
        self._tell(f"strike {writes}")
        self.commands.settimeout(STRIKE_SECONDS_MAX)
        try:
            return self.commands.recv(64) == disk_fuse.STRUCK
        except TimeoutError:
            return False
        finally:
            self.commands.settimeout(None)

    def cut(self, dice: random.Random) -> int:
        """Cuts its power; returns how many sectors were in its cache and are lost.

        Half of the cuts lose all that was not flushed; the others, drawn by lot, half of it.
        """
        return self._tell("cut" if dice.random() < 0.5 else f"cut {dice.getrandbits(32)}")

    def power_on(self) -> None:
        """Brings the power back, and mounts it: nobody has a file of it open any more."""
        self.unmount()
        self._tell(DiskState.WORKS)
        self.mount()

    def refuse_writes(self) -> None:
        """From now on every write and every flush fails, as on a dying disk."""
        self._tell(DiskState.REFUSES_WRITES)

    def mend(self) -> None:
        """Replaces what was dying: mounted again, with what had been flushed."""
        self._tell("cut")
        self.power_on()

    def _tell(self, command: str) -> int:
        self.commands.send(command.encode())
        # That it struck may have crossed the command.
        while (answer := self.commands.recv(64)) == disk_fuse.STRUCK:
            pass
        return int(answer)


@contextmanager
def drive(home: Path, size: int = DRIVE_BYTES) -> Iterator[Drive]:
    """Makes a drive and mounts it; raises TechnicalFailure when this machine cannot."""
    # Where a server that may not enter a folder of ours finds it.
    folder = Path(tempfile.mkdtemp(prefix="paravent-drive-"))
    file = home / "disk"
    descriptor = disk_fuse.attach(file)
    ours, disks = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = os.fork()
    if process == 0:
        try:
            ours.close()
            disk_fuse.serve(descriptor, disks, size)
        finally:
            os._exit(0)
    os.close(descriptor)
    disks.close()
    made = Drive(file=file, folder=folder, commands=ours)
    try:
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", str(file))
        made.mount()
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)  # noqa: S603, S607
        subprocess.run(["umount", "--lazy", str(file)], capture_output=True, check=False)  # noqa: S603, S607
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        ours.close()
        folder.rmdir()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the system's own programs
    if done.returncode:
        raise TechnicalFailure(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()}")
