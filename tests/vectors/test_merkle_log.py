"""The published vectors of transparency-dev/merkle: 98 inclusion and 98 consistency proofs, most of which must fail.

They are read from ``vectors/transparency-dev-merkle``, or from the folder that PARAVENT_MERKLE_VECTORS names: the
``testdata`` of a checkout of that project, which has them as one file a case.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paravent.crypto import log
from paravent.errors import ProofFailure

KEPT = Path(__file__).parents[2] / "vectors" / "transparency-dev-merkle"
FOLDER = Path(os.environ.get("PARAVENT_MERKLE_VECTORS", KEPT))
CASES_EACH = 98

pytestmark = pytest.mark.skipif(
    not (FOLDER / "inclusion").is_dir(), reason="PARAVENT_MERKLE_VECTORS names no testdata of transparency-dev/merkle"
)


def inclusion(case: dict[str, Any], path: list[bytes]) -> None:
    log.verify_inclusion(
        base64.b64decode(case["leafHash"]),
        index=case["leafIdx"],
        size=case["treeSize"],
        root=base64.b64decode(case["root"]),
        path=path,
        culprit="vector",
    )


def consistency(case: dict[str, Any], proof: list[bytes]) -> None:
    old_root, new_root = (base64.b64decode(case[name]) for name in ("root1", "root2"))
    log.verify_consistency(
        case["size1"], case["size2"], old_root=old_root, new_root=new_root, proof=proof, culprit="vector"
    )


@pytest.mark.parametrize("check", [inclusion, consistency], ids=["inclusion", "consistency"])
def test_every_published_vector_ends_as_it_says(check: Callable[[dict[str, Any], list[bytes]], None]) -> None:
    files = sorted((FOLDER / check.__name__).rglob("*.json"))
    assert len(files) == CASES_EACH
    ended: dict[Path, bool] = {}
    said: dict[Path, bool] = {}
    for file in files:
        case = json.loads(file.read_text(encoding="utf-8"))
        said[file] = case["wantErr"]
        try:
            check(case, [base64.b64decode(each) for each in case["proof"] or ()])
        except ProofFailure:
            ended[file] = True
        else:
            ended[file] = False
    assert ended == said
    assert 0 < sum(said.values()) < CASES_EACH
