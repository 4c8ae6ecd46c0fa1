"""The measures before an incident and since: what the register said, when; a rewritten register is seen by both."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest
from tests.unit.breach.conftest import Case
from tests.unit.breach.test_documents import view_of
from tests.unit.breach.test_dossier import KEY, refused

from paravent.breach import bundling, dossier_check
from paravent.breach.case import keep_safeguards
from paravent.breach.config import BreachConfig
from paravent.breach.documents import common
from paravent.breach.entries import Opened, Origin, Safeguards
from paravent.breach.log import origin_key
from paravent.breach.registers.measures import Answer, Kind, State
from paravent.breach.registers.store import Store as Registers
from paravent.breach.registers.store import answers_in, shipped
from paravent.breach.safeguards import read_statement, statement
from paravent.breach.store import DATABASE, Store
from paravent.breach.trust import TrustFile
from paravent.drill.cases.run import CONFIG

NOON = 1_781_524_800  # 2026-06-15
DAY = 86_400
PROOF = hashlib.sha256(b"proof").digest()
TRUST = TrustFile(log=origin_key(CONFIG.name, KEY).encode(), cosigners=())


def answer(reference: str, kind: Kind, day: str) -> Answer:
    at = int(datetime.fromisoformat(f"{day}T12:00Z").timestamp())
    proof = PROOF if kind is Kind.DOCUMENT else None
    return Answer(reference=reference, kind=kind, owner="exploitation", at=at, kept_at=at, proof=proof)


HISTORY = [
    answer("anssi-1", Kind.NO, "2026-01-10"), answer("anssi-1", Kind.DOCUMENT, "2026-06-14"),
    answer("anssi-2", Kind.DECLARED, "2026-06-15"), answer("anssi-3", Kind.DOCUMENT, "2026-02-01"),
    answer("anssi-3", Kind.NO, "2026-06-16"),
]  # fmt: skip


def opened(home: Path) -> tuple[Store, str]:
    store = Store(home)
    said = Opened(title="t", facts="f", origin=Origin.HAND, aware_at=NOON + DAY, aware_role="dpo", began_at=NOON)
    case = store.next_case(2026)
    store.add(case, said, role="dpo", now=NOON + DAY, new=True)
    return store, case


def test_an_answer_of_the_day_itself_is_not_one_of_before() -> None:
    found = {
        one.reference: one.kinds()
        for one in read_statement(statement(shipped(), HISTORY, before="2026-06-15", day="2026-06-16", age_days_max=7))
    }
    assert len(found) == len(shipped())
    assert found["anssi-1"] == ("document", "document")
    assert found["anssi-2"] == ("unanswered", "declared")
    assert found["anssi-3"] == ("document", "no")
    assert found["anssi-4"] == ("unanswered", "unanswered")


def test_the_register_of_a_home_is_recorded_once_until_it_changes(tmp_path: Path) -> None:
    assert answers_in(tmp_path) == []
    with Registers(tmp_path) as register:
        for given in HISTORY[:-1]:
            register.add([given])
    store, case = opened(tmp_path)
    with store:
        assert keep_safeguards(store, case, shipped(), [], NOON) is None
        first = keep_safeguards(store, case, shipped(), answers_in(tmp_path), NOON + DAY)
        assert keep_safeguards(store, case, shipped(), answers_in(tmp_path), NOON + 3 * DAY) == first
        with Registers(tmp_path) as register:
            register.add([HISTORY[-1]])
        second = keep_safeguards(store, case, shipped(), answers_in(tmp_path), NOON + 3 * DAY)
        assert first is not None
        assert second is not None
        assert second.entry.supersedes == first.entry.number


def dossier_of(home: Path, falsify: Callable[[bytes], bytes] | None) -> bytes:
    """Makes a dossier; ``falsify`` rewrites what the register said, after it was recorded, at the desk itself."""
    store, case = opened(home)
    with store:
        placed = keep_safeguards(store, case, shipped(), HISTORY, NOON + 2 * DAY)
        assert placed is not None
        assert isinstance(placed.entry.said, Safeguards)
        kept = placed.entry.said.sha256
        if falsify is not None:
            content = falsify(store.file(kept))
            with sqlite3.connect(home / DATABASE) as database:
                database.execute("UPDATE file SET content = ? WHERE sha256 = ?", (content, kept))
        about = {"operator": "o", "log": TRUST.log}
        return bundling.make(store, case, BreachConfig(name=CONFIG.name, operator="o"), KEY, about, NOON + 3 * DAY)[0]


def _since_as_before(content: bytes) -> bytes:
    values = json.loads(content)
    row = next(row for row in values["measures"] if row["reference"] == "anssi-2")
    row["before"] = row["now"]
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_a_register_rewritten_by_the_desk_itself_is_refused_by_both(tmp_path: Path) -> None:
    assert refused(dossier_of(tmp_path / "true", None), TRUST, tmp_path) == (False, False)
    rewritten = dossier_of(tmp_path / "false", lambda content: content.replace(b'"kind":"no"', b'"kind":"declared"'))
    assert refused(rewritten, TRUST, tmp_path) == (True, True)


def test_an_answer_since_recorded_as_one_of_before_is_refused_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = statement
    monkeypatch.setattr("paravent.breach.case.statement", lambda *given, **days: _since_as_before(true(*given, **days)))
    content = dossier_of(tmp_path / "false", None)
    assert refused(content, TRUST, tmp_path) == (True, True)
    # The control: without this check the package would take it.
    monkeypatch.setattr(dossier_check, "require_dated", _nothing)
    assert refused(content, TRUST, tmp_path) == (False, True)


def _nothing(*_: object) -> None:
    """Checks nothing."""


def test_the_documents_count_the_register_and_say_what_changed(credential: Case) -> None:
    texts = common.safeguards(view_of(credential))
    position = next(
        each.position for each in view_of(credential).entries if isinstance(each.entry.said, Safeguards)
    )  # fmt: skip
    assert len(texts) == 3
    assert all(text.endswith(f"[e{position}].") for text in texts)
    assert "3 prouvées par un document, 1 absente, 63 sans réponse" in texts[0]
    assert "mesure absente avant, déclarée depuis" in texts[2]


def test_every_answer_has_its_words() -> None:
    known: Mapping[str, object] = common.STATES
    assert known.keys() == {state.value for state in State}
