"""A changed bit of a file that a party relies on is noticed; and a reader that skips its check is found out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paravent.bench import corruption
from paravent.bench.corruption import CorruptionFigures
from paravent.errors import TechnicalFailure
from paravent.hub.vault import DatabaseKey
from paravent.wire.codec import decode

BYTES_MAX = 60


def test_every_kind_of_file_is_read_as_it_was_written_or_not_at_all(tmp_path: Path) -> None:
    found = list(corruption.measure(tmp_path, BYTES_MAX))
    assert len(found) == 9
    for figures in found:
        assert figures.detected + figures.harmless == figures.changed > 0, figures
        assert figures.detected > figures.changed // 2


def test_every_bit_of_a_share_file_counts(tmp_path: Path) -> None:
    with closing(corruption._served(tmp_path)) as simulation:
        share = next(corruption.kinds(simulation.platform, tmp_path))
    known = share.read(share.content)
    for bit in range(8 * len(share.content)):
        changed = bytearray(share.content)
        changed[bit // 8] ^= 1 << bit % 8
        assert corruption._end(share, bytes(changed), known) in {"detected", "harmless"}, bit


def without_digest(patched: pytest.MonkeyPatch) -> None:
    """A share file is decoded, and believed."""
    patched.setattr(corruption, "read_dealt", lambda content, kind, _name: decode(content, kind))


def without_roots(patched: pytest.MonkeyPatch) -> None:
    """Leaves are not compared with the root of the checkpoint."""
    patched.setattr(corruption, "check_log", lambda *_: None)


def without_key_check(patched: pytest.MonkeyPatch) -> None:
    """A hub starts on whatever key it finds."""
    patched.setattr(DatabaseKey, "require_opens", lambda *_: None)


@pytest.mark.parametrize(
    ("defect", "file"),
    [
        (without_digest, "share of a key server"),
        (without_roots, "exported log: leaves"),
        (without_key_check, "database key of the hub"),
    ],
)
def test_a_reader_that_skips_its_check_is_found_out(
    defect: Callable[[pytest.MonkeyPatch], None], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch)
    found: list[CorruptionFigures] = []
    with pytest.raises(TechnicalFailure, match="relied on"):
        found.extend(corruption.measure(tmp_path, BYTES_MAX))
    assert found[-1].file == file
