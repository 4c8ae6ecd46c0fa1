"""A part that another machine seals: nothing to read for who carries it, and no answer but the one that was asked."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from paravent.bench.national_sealing import lines_of
from paravent.crypto import group, hpke, replicated
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import ProofFailure
from paravent.insurer.bulk import LineToSeal, SealingJob, box_job, do_job, open_part
from paravent.insurer.members import entries, right_of
from paravent.insurer.sealing import SealingKeys, seal
from paravent.wire.codec import decode
from paravent.wire.publication import RECORD_BYTES

PIECE = 16 + RECORD_BYTES
WORKER, ANSWER = BoxKey.generate(os.urandom), BoxKey.generate(os.urandom)
KEYS = SealingKeys(
    insurer="99000001", epoch=3, batch=4, issuer_key=SigningKey.generate(os.urandom),
    lookup_key=group.random_scalar(os.urandom), opening_keys=replicated.draw_opening_keys(2, 3, os.urandom),
)  # fmt: skip
LINES = list(lines_of(KEYS.insurer, range(3)))


def job(part: int = 7) -> bytes:
    return box_job(part, KEYS, LINES, WORKER.public, ANSWER.public)


def test_a_part_comes_back_sealed_as_on_one_machine() -> None:
    rows = open_part(do_job(job(), WORKER, os.urandom), 7, KEYS, LINES, ANSWER)
    here = [
        (seal(KEYS, identity, right_of(one.member, one.numbers), os.urandom).handle, one.line)
        for one in LINES for identity in entries(one.member)
    ]  # fmt: skip
    assert [(row.handle, line) for row, line in rows] == here
    assert {(row.epoch, row.batch) for row, _ in rows} == {(3, 4)}


def test_who_carries_it_reads_neither_keys_nor_persons() -> None:
    box = job()
    opened = decode(WORKER.open(box, Label.SEALING_JOB_BOX, culprit="test"), SealingJob, bytes_max=len(box))
    secrets = [opened.issuer, opened.lookup, *(one.key for one in opened.opening)]
    persons = [text.encode() for one in opened.lines for text in (one.nir, one.name, one.birth_date)]
    for secret in (*secrets, *persons):
        assert secret
        assert secret not in box
    for shown in (opened, opened.lines[0]):
        assert "REDACTED" in repr(shown)
        assert opened.lines[0].nir not in repr(shown)
    assert isinstance(opened.lines[0], LineToSeal)


def test_another_worker_key_opens_no_job() -> None:
    with pytest.raises(ProofFailure):
        do_job(job(), BoxKey.generate(os.urandom), os.urandom)


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "a line is missing": lambda rows: rows[PIECE:],
    "a line is there twice": lambda rows: rows[:PIECE] + rows,
    "a row stands for another line": lambda rows: rows[:16] + rows[PIECE + 16 : 2 * PIECE] + rows[PIECE:],
    "lines are in another order": lambda rows: rows[PIECE : 2 * PIECE] + rows[:PIECE] + rows[2 * PIECE :],
    "the batch is another": lambda rows: rows[:16] + (9).to_bytes(8, "big") + rows[24:],
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_not_of_every_line_once_is_refused(change: Callable[[bytes], bytes]) -> None:
    rows = ANSWER.open(do_job(job(), WORKER, os.urandom), Label.SEALED_PART_BOX, 7, culprit="test")
    altered = hpke.seal(ANSWER.public, change(rows), Label.SEALED_PART_BOX, 7)
    assert open_part(hpke.seal(ANSWER.public, rows, Label.SEALED_PART_BOX, 7), 7, KEYS, LINES, ANSWER)
    with pytest.raises(ProofFailure):
        open_part(altered, 7, KEYS, LINES, ANSWER)


def test_the_answer_to_another_part_is_refused() -> None:
    with pytest.raises(ProofFailure):
        open_part(do_job(job(part=8), WORKER, os.urandom), 7, KEYS, LINES, ANSWER)
