"""The published vectors of transparency-dev/merkle: 98 inclusion and 98 consistency proofs, most of which must fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paravent.crypto import log
from paravent.errors import ProofFailure

PUBLISHED = json.loads((Path(__file__).parents[2] / "vectors" / "transparency-dev-merkle.json").read_text("utf-8"))
CASES_EACH = 98


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
    cases = PUBLISHED[check.__name__]
    assert len({case["name"] for case in cases}) == CASES_EACH
    said = {case["name"]: case["wantErr"] for case in cases}
    ended = {case["name"]: False for case in cases}
    for case in cases:
        try:
            check(case, [base64.b64decode(each) for each in case["proof"] or ()])
        except ProofFailure:
            ended[case["name"]] = True
    assert ended == said
    assert 0 < sum(said.values()) < CASES_EACH
