"""The package and the stand-alone verifier decide alike, on the dossiers where one of them once did not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from paravent.breach.dossier_check import CheckedDossier
from paravent.errors import MalformedMessage, ParaventError, ProofFailure
from tests.fuzz import dossier_targets
from tests.fuzz.dossier_targets import Verifiers, built, described, standalone
from tests.fuzz.target import VALID, Fault, execute

Tree = dict[str, Any]
_DEEP = '{"measures":' + "[" * 100_000


def verifiers() -> Verifiers:
    return Verifiers(standalone())


def told(tree: Tree, statement: str) -> Tree:
    """Has the register of measures say something else, under its true digest."""
    digest = hashlib.sha256(statement.encode())
    files = {name: body for name, body in tree["files"].items() if not name.startswith("evidence/")}
    tree["entries"][2]["said"]["sha256"] = dossier_targets._text(digest.digest())
    return tree | {"files": files | {f"evidence/{digest.hexdigest()}": statement}}


def measure(**fields: Any) -> str:
    plain = {"reference": "anssi-1", "title": "x", "before": None, "now": None}
    return json.dumps({"measures": [plain | fields]})


def opened_at(tree: Tree, at: int) -> Tree:
    tree["entries"][0]["said"]["aware_at"] = at
    return tree


def upper(tree: Tree) -> Tree:
    return tree | {"files": {
        name.upper().replace("EVIDENCE", "evidence") if name.startswith("evidence/") else name: body
        for name, body in tree["files"].items()
    }}  # fmt: skip


def without_the_first(tree: Tree) -> Tree:
    numbered = [one | {"number": place} for place, one in enumerate(tree["entries"][1:])]
    return tree | {"entries": numbered}


def about(tree: Tree, **fields: str) -> Tree:
    return tree | {"files": tree["files"] | {"about.json": json.dumps({"case": "2026-001", **fields})}}


REFUSED: dict[str, tuple[Callable[[Tree], Tree], type[ParaventError]]] = {
    "another format": (lambda tree: about(tree, format="paravent dossier 2"), ProofFailure),
    "no format": (about, ProofFailure),
    "evidence in capitals": (upper, ProofFailure),
    "a stamp of another checkpoint": (lambda tree: tree | {"noted": {"stamps/2.note": 4}}, ProofFailure),
    "no entry that opens the case": (without_the_first, ProofFailure),
    "an instant of no calendar": (lambda tree: opened_at(tree, 2**52), MalformedMessage),
    "an answer without a day": (lambda tree: told(tree, measure(before={})), MalformedMessage),
    "an answer that is false": (lambda tree: told(tree, measure(before=False)), MalformedMessage),
    "a measure with more in it": (lambda tree: told(tree, measure(more=1)), MalformedMessage),
    "a statement a hundred thousand arrays deep": (lambda tree: told(tree, _DEEP), MalformedMessage),
}


def test_a_dossier_of_every_kind_of_entry_is_accepted_by_both() -> None:
    found = verifiers().read(built(described()))
    assert isinstance(found, CheckedDossier)
    assert (found.entries, len(found.stamped_at), found.cosigners) == (6, 1, ("keyserver-1",))


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse_it(name: str) -> None:
    change, error = REFUSED[name]
    with pytest.raises(error):
        verifiers().read(built(change(described())))


def test_a_verifier_that_accepts_more_than_the_other_turns_the_target_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with one check forgotten the script accepts what the package refuses."""
    script = standalone()
    monkeypatch.setattr(dossier_targets, "standalone", lambda: script)
    target = dossier_targets.described_dossier()
    wrong = json.dumps(upper(described())).encode()
    assert execute(target, wrong)[0] == ProofFailure.code
    monkeypatch.setattr(script, "require_named", lambda *_: None)
    with pytest.raises(Fault, match="accepts what the package refuses"):
        execute(target, wrong)


def test_a_verifier_that_accepts_less_than_the_other_turns_the_target_red(monkeypatch: pytest.MonkeyPatch) -> None:
    script = standalone()
    monkeypatch.setattr(dossier_targets, "standalone", lambda: script)
    target = dossier_targets.described_dossier()
    right = json.dumps(described()).encode()
    assert execute(target, right)[0] == VALID
    monkeypatch.setattr(script, "require_consistent", lambda *_: script.need(False, "seeded"))
    with pytest.raises(Fault, match="the package accepts what the script refuses"):
        execute(target, right)
