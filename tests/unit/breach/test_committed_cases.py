"""The committed cases: both verifiers accept them, refuse any changed byte, and the texts are those of the dossier."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from pathlib import Path

import pytest
from tests.unit.breach.test_dossier import members, refused

from paravent.breach.dossier_check import check_dossier
from paravent.breach.entries import Computed, read_leaf
from paravent.breach.trust import TrustFile, trust_of
from paravent.crypto.note import decode_base64
from paravent.wire.codec import decode

CASES = Path(__file__).parents[3] / "docs" / "cases"
NAMES = ("stolen-credential", "stolen-hub", "clear-file")


def trust(name: str) -> TrustFile:
    return decode((CASES / name / "trust.json").read_bytes(), TrustFile)


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_dossier_is_accepted_and_any_changed_byte_is_not(name: str, tmp_path: Path) -> None:
    content, dice = (CASES / name / "dossier.tar").read_bytes(), random.Random(name)
    assert refused(content, trust(name), tmp_path) == (False, False)
    assert check_dossier(content, trust_of(trust(name))).stamped_at
    for place in [0, len(content) - 1, *(dice.randrange(len(content)) for _ in range(6))]:
        altered = bytearray(content)
        altered[place] ^= 1 << dice.randrange(8)
        assert refused(bytes(altered), trust(name), tmp_path) == (True, True), place


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_texts_are_those_of_the_dossier(name: str) -> None:
    files = members((CASES / name / "dossier.tar").read_bytes())
    texts = sorted((CASES / name / "documents").iterdir())
    assert len(texts) == 5 * 2 + 7 + 2
    assert [path.name for path in texts if files[f"documents/{path.name}"] != path.read_bytes()] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_the_dossier_proves(name: str) -> None:
    files = members((CASES / name / "dossier.tar").read_bytes())
    lines = files["log/entries.jsonl"].splitlines()
    entries = [read_leaf(decode_base64(str(json.loads(line)["leaf"]))) for line in lines]
    proved = sum(entry.said.proved for entry in entries if isinstance(entry.said, Computed))
    row = re.search(rf"\| \[{name}\].*", (CASES / "README.md").read_text(encoding="utf-8"))
    assert row is not None
    assert [cell.strip() for cell in row[0].split("|")][3:7] == [str(proved), str(proved), "1", "1"]


def test_a_committed_dossier_is_an_uncompressed_tar() -> None:
    for name in NAMES:
        with tarfile.open(fileobj=io.BytesIO((CASES / name / "dossier.tar").read_bytes()), mode="r:") as tar:
            assert "index.txt" in tar.getnames()
