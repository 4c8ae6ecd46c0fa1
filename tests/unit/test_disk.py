"""The disk that forgets what was not flushed: reads, cuts, refusals; and that it does forget."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.bench.disk import SECTOR_BYTES, Disk, DiskFault, DiskState

SIZE = 16 * SECTOR_BYTES
SPANS = st.tuples(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=3 * SECTOR_BYTES))


@given(st.lists(st.tuples(SPANS, st.booleans()), max_size=12))
def test_it_reads_what_was_written_and_keeps_what_was_flushed(writes: list[tuple[tuple[int, bytes], bool]]) -> None:
    disk, written, flushed = Disk(platter=bytearray(SIZE)), bytearray(SIZE), bytes(SIZE)
    for (offset, content), flush in writes:
        fitting = content[: SIZE - offset]
        disk.write(offset, fitting)
        written[offset : offset + len(fitting)] = fitting
        if flush:
            disk.flush()
            flushed = bytes(written)
    assert disk.read(0, SIZE) == bytes(written)
    for at in range(0, SIZE, 333):
        assert disk.read(at, 700) == bytes(written[at : at + 700])
    disk.cut()
    disk.state = DiskState.WORKS
    assert disk.read(0, SIZE) == flushed


def test_a_cut_in_the_middle_keeps_some_sectors_whole() -> None:
    disk = Disk(platter=bytearray(SIZE))
    disk.write(0, b"x" * SIZE)
    lost = disk.cut(random.Random(1))
    disk.state = DiskState.WORKS
    sectors = [disk.read(at, SECTOR_BYTES) for at in range(0, SIZE, SECTOR_BYTES)]
    assert set(sectors) == {b"x" * SECTOR_BYTES, bytes(SECTOR_BYTES)}
    assert sectors.count(bytes(SECTOR_BYTES)) == lost


def test_without_power_it_answers_nothing_and_a_dying_one_refuses_writes() -> None:
    disk = Disk(platter=bytearray(SIZE), state=DiskState.REFUSES_WRITES)
    assert disk.read(0, 8) == bytes(8)
    with pytest.raises(DiskFault):
        disk.write(0, b"x")
    with pytest.raises(DiskFault):
        disk.flush()
    disk.cut()
    with pytest.raises(DiskFault):
        disk.read(0, 8)
