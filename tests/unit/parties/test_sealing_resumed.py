"""Sealing that is killed: what is on disk is taken up, nothing is sealed twice, and no worker outlives its parent."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import pytest

from paravent.crypto import group, replicated
from paravent.crypto.signing import SigningKey
from paravent.drill.members import members_of
from paravent.drill.population import synthesise, write_member_file
from paravent.errors import InvalidConfiguration, StorageDown
from paravent.insurer import runs_store
from paravent.insurer.runs_store import LINE_BYTES, Runs, write_part
from paravent.insurer.sealing import RightNumbers, SealingKeys, decoy
from paravent.insurer.sealing_client import Part, ToSeal, lines_per_part, seal_parts

AMC = "99000001"
PROCESSES, PER_PART, PARTS = 2, 60, 40


@pytest.fixture(scope="module")
def keys() -> SealingKeys:
    return SealingKeys(
        insurer=AMC, epoch=1, batch=1, issuer_key=SigningKey.generate(os.urandom),
        lookup_key=group.random_scalar(os.urandom), opening_keys=replicated.draw_opening_keys(2, 3, os.urandom),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[ToSeal]:
    path = tmp_path_factory.mktemp("members") / "members.csv"
    write_member_file(path, synthesise(PER_PART * PARTS, [AMC], 5, 2026), AMC)
    members = [member for member in members_of(path, AMC) if len(member.identities) == 1]
    return [
        ToSeal(
            line=number.to_bytes(LINE_BYTES, "big"), member=member,
            numbers=RightNumbers(nullifier=number.to_bytes(16, "big"), status_index=number),
        )
        for number, member in enumerate(members, start=1)
    ]  # fmt: skip


def seal_rest(keys: SealingKeys, lines: list[ToSeal], folder: Path, mark: Path | None = None) -> int:
    """Seals the lines that no part has; returns how many those were. Leaves the parts in place."""
    runs = Runs(folder, b"one purpose")
    runs.take_up()
    sealed = set(runs.lines())
    left = [line for line in lines if line.line not in sealed]
    parts = [
        Part(path=runs.part(runs.next_number() + at // PER_PART), lines=left[at : at + PER_PART])
        for at in range(0, len(left), PER_PART)
    ]
    for _ in seal_parts(keys, parts, PROCESSES, PER_PART * PARTS):
        if mark is not None and not mark.exists():
            # Whole or not there: whoever reads it kills this process at any moment.
            written = mark.with_suffix(".written")
            written.write_text(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text())
            written.replace(mark)
    return len(left)


def test_what_was_killed_is_taken_up_and_no_worker_is_left(
    keys: SealingKeys, lines: list[ToSeal], tmp_path: Path
) -> None:
    folder, mark = tmp_path / "runs", tmp_path / "children"
    publisher = get_context("fork").Process(target=seal_rest, args=(keys, lines, folder, mark))
    publisher.start()
    while not mark.exists():
        assert publisher.exitcode is None
        time.sleep(0.002)
    os.kill(publisher.pid or 0, signal.SIGKILL)
    publisher.join()
    workers = [int(child) for child in mark.read_text().split()]
    assert len(workers) == PROCESSES
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}/cmdline").exists() and alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker that holds keys outlives its publisher"
        time.sleep(0.01)

    killed = Runs(folder, b"one purpose")
    # The half of a part that a worker may have left is no part.
    killed.take_up()
    before = {row.handle: row for row in killed.rows()}
    assert 0 < len(before) < len(lines)
    assert seal_rest(keys, lines, folder) == len(lines) - len(before)
    after = list(Runs(folder, b"one purpose").rows())
    assert Counter(row.line for row in after) == Counter(line.line for line in lines)
    assert all(row in after for row in before.values())
    assert [row.handle for row in after] == sorted(row.handle for row in after)
    assert seal_rest(keys, lines, folder) == 0


def alive(process: int) -> bool:
    """Says whether a process runs still: one that ended and was not waited for is a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_another_purpose_a_draft_and_former_decoys_are_not_taken_up(tmp_path: Path) -> None:
    rows = [decoy(AMC, 1, 1, os.urandom) for _ in range(4)]
    runs = Runs(tmp_path / "runs", b"first")
    runs.take_up()
    write_part(runs.part(1), [(rows[0], b"\x01" * LINE_BYTES)])
    (tmp_path / "runs" / "part-000002.draft").write_bytes(b"half of a row")
    runs.pad(rows[1:3])
    again = Runs(tmp_path / "runs", b"first")
    again.take_up()
    assert [row.handle for row in again.rows()] == [rows[0].handle]
    again.pad(rows[3:])
    assert {row.handle for row in again.rows()} == {rows[0].handle, rows[3].handle}
    other = Runs(tmp_path / "runs", b"second")
    other.take_up()
    assert list(other.rows()) == []


def test_one_publication_goes_on_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_store, "_LOCK_TRIES", 1)
    with Runs(tmp_path / "runs", b"first"), pytest.raises(InvalidConfiguration):
        Runs(tmp_path / "runs", b"second").__enter__()
    with Runs(tmp_path / "runs", b"second"):
        pass


def test_a_failure_keeps_the_parts_and_success_deletes_them(tmp_path: Path) -> None:
    def broken_off() -> None:
        with Runs(tmp_path / "runs", b"") as runs:
            write_part(runs.part(1), [(decoy(AMC, 1, 1, os.urandom), b"\x01" * LINE_BYTES)])
            raise StorageDown("the disk is full")

    with pytest.raises(StorageDown):
        broken_off()
    with Runs(tmp_path / "runs", b"") as runs:
        assert list(runs.lines()) == [b"\x01" * LINE_BYTES]
    assert not (tmp_path / "runs").exists()


def test_a_part_that_is_named_before_it_is_whole_would_be_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: written under its own name, half a part would count as sealed."""
    rows = [(decoy(AMC, 1, 1, os.urandom), bytes([number]) * LINE_BYTES) for number in range(1, 5)]

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    for draft, taken in ((".draft", 0), ("", 4)):
        folder = tmp_path / f"runs{draft}"
        folder.mkdir()
        (folder / "purpose").write_bytes(b"")
        monkeypatch.setattr(runs_store, "_DRAFT", draft)
        with pytest.raises(KeyboardInterrupt):
            write_part(folder / "part-000001", rows)
        monkeypatch.setattr(runs_store, "_DRAFT", ".draft")
        runs = Runs(folder, b"")
        runs.take_up()
        assert len(list(runs.lines())) == taken


@pytest.mark.parametrize(("total", "processes", "lines"), [(10, 2, 500), (20_000, 2, 2_500), (5_000_000, 2, 10_000)])
def test_parts_are_small_enough_to_be_lost_and_large_enough_to_be_few(total: int, processes: int, lines: int) -> None:
    assert lines_per_part(total, processes) == lines
