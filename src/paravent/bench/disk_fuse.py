"""A simulated disk as a file that Linux reads and writes (FUSE), so that a loop device can stand on it.

One file and the eleven requests that a loop device makes of it (linux/fuse.h, protocol 7.31); the kernel caches none
of its content. The disk is told what befalls it over a socket, between two requests of the kernel.
"""

from __future__ import annotations

import errno
import mmap
import os
import random
import select
import socket
import struct
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from subprocess import run

from paravent.bench.disk import Disk, DiskFault, DiskState
from paravent.errors import TechnicalFailure

_REQUEST = struct.Struct("<IIQQIIIHH")
_ANSWER = struct.Struct("<IiQ")
_SPAN = struct.Struct("<QQI")  # file handle, offset, size
_SPAN_BYTES = 40
_WRITE_BYTES_MAX = 1 << 20
_PAGES_MAX = 256
_MAJOR, _MINOR = 7, 31
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_DIRECT = 1
_MODE = 0o100_600

STRUCK = b"struck"
"""What it says when it stopped before a write."""


class Operation(IntEnum):
    """Requests of the kernel."""

    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42


_UNANSWERED = frozenset({Operation.FORGET, Operation.BATCH_FORGET, Operation.INTERRUPT})


def attach(file: Path) -> int:
    """Mounts a new file as the disk's; returns the descriptor on which the kernel asks. Raises TechnicalFailure."""
    try:
        descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise TechnicalFailure(f"this machine has no FUSE: {error.strerror}") from None
    file.touch()
    options = f"fd={descriptor},rootmode={_MODE:o},user_id=0,group_id=0"
    mounted = run(  # noqa: S603 - the system's mount
        ["mount", "-i", "-t", "fuse", "-o", options, "paravent-disk", str(file)],  # noqa: S607 - the one on the path
        pass_fds=[descriptor], capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        os.close(descriptor)
        raise TechnicalFailure(f"this process may not mount: {mounted.stderr.decode().strip()}")
    return descriptor


def serve(descriptor: int, commands: socket.socket, size: int) -> None:
    """Serves a disk of that many bytes until the kernel lets it go or nobody holds the other end of ``commands``."""
    disk = Disk(platter=mmap.mmap(-1, size))
    waiting = select.poll()
    for one in (descriptor, commands.fileno()):
        waiting.register(one, select.POLLIN)
    while True:
        ready = {found for found, _ in waiting.poll()}
        if disk.strike_in == 0:
            # The kernel waits: whoever holds the other end cuts the power now, with this write in the cache.
            disk.strike_in = None
            commands.send(STRUCK)
            ready = {commands.fileno()}
        if commands.fileno() in ready:
            command = commands.recv(256).decode()
            if not command:
                return
            commands.send(str(_obey(disk, command)).encode())
        elif not _answer_one(disk, descriptor, size):
            return


def _obey(disk: Disk, command: str) -> int:
    """Does what is told; returns how many sectors were lost.

    ``cut``, ``cut SEED`` (some of the cache had been written), ``strike N`` (stop before the N-th write), or a state.
    """
    name, _, number = command.partition(" ")
    match name:
        case "cut":
            return disk.cut(random.Random(number) if number else None)
        case "strike":
            disk.strike_in = int(number)
        case _:
            disk.state = DiskState(name)
    return 0


def _answer_one(disk: Disk, descriptor: int, size: int) -> bool:
    """Answers one request of the kernel; False when there will be none any more."""
    try:
        request = os.read(descriptor, _WRITE_BYTES_MAX + 8_192)
    except OSError as error:
        return error.errno in {errno.ENOENT, errno.EINTR, errno.EAGAIN}
    operation, unique = _REQUEST.unpack_from(request)[1:3]
    if operation in _UNANSWERED:
        return True
    try:
        answer, failed = _answer(disk, operation, memoryview(request)[_REQUEST.size :], size), 0
    except DiskFault:
        answer, failed = b"", errno.EIO
    except NotImplementedError:
        answer, failed = b"", errno.ENOSYS
    os.write(descriptor, _ANSWER.pack(_ANSWER.size + len(answer), -failed, unique) + answer)
    return bool(operation != Operation.DESTROY)


def _answer(disk: Disk, operation: int, body: memoryview, size: int) -> bytes:
    match operation:
        case Operation.READ:
            _, offset, length = _SPAN.unpack_from(body)
            return disk.read(offset, min(length, size - offset))
        case Operation.WRITE:
            _, offset, length = _SPAN.unpack_from(body)
            disk.write(offset, body[_SPAN_BYTES : _SPAN_BYTES + length])
            return struct.pack("<II", length, 0)
        case Operation.FSYNC:
            disk.flush()
            return b""
        case _:
            return _other(operation, size)()


def _other(operation: int, size: int) -> Callable[[], bytes]:
    """Answers what has nothing to do with the disk's content."""
    match operation:
        case Operation.INIT:
            return lambda: struct.pack(
                "<IIIIHHIIHHI28x", _MAJOR, _MINOR, 0, _BIG_WRITES | _MAX_PAGES, 64, 48, _WRITE_BYTES_MAX, 1, _PAGES_MAX,
                0, 0,
            )  # fmt: skip
        case Operation.GETATTR | Operation.SETATTR:
            return lambda: struct.pack(
                "<QII6Q10I", 3_600, 0, 0, 1, size, size // 512, 0, 0, 0, 0, 0, 0, _MODE, 1, 0, 0, 0, 4_096, 0
            )
        case Operation.OPEN:
            return lambda: struct.pack("<QIi", 1, _DIRECT, 0)
        case Operation.STATFS:
            return lambda: struct.pack("<5Q4I24x", size // 4_096, 0, 0, 1, 0, 4_096, 255, 4_096, 0)
        case Operation.FLUSH | Operation.RELEASE | Operation.DESTROY:
            return bytes
        case _:
            raise NotImplementedError
