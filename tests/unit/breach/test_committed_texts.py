"""The committed documents as their readers meet them: numbers have their source, words are explained, set in French.

A number of a document comes from an entry of the log, or from a law, which the sentence or the row names. The control
of each check is the same document with a defect.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.breach.test_committed_cases import CASES, NAMES
from tests.unit.breach.test_dossier import members

from paravent.breach.documents.controllers import to_check
from paravent.breach.documents.lexicon import HEADING, WORDS
from paravent.breach.rules_store import shipped_references
from paravent.crypto.merkle import leaf_hash
from paravent.crypto.note import decode_base64
from paravent.pages.typography import french

Text = dict[str, Any]
MARK = re.compile(r"\[e\d+(?:, e\d+)*\]")
NUMBER = re.compile(r"(?<![\w-])\d")
LAW = re.compile(r"\b(?:articles?|règlement|source)\b|\bart\.")
DATE = re.compile(r"\d{4}\sà\s\d")
SENTENCE = re.compile(r"(?<=[.?!]) (?=[A-ZÀÉÊ«])")
ACRONYM = re.compile(r"(?<![\w-])[A-ZÉ][A-ZÉ0-9]+(?:-[A-Z0-9]+)*(?![\w-])")
LOOSE = re.compile(r" [;?!:»]|« |'|\d (?:heures|personnes|euros|h\b|%)|articles? \d")


def texts(name: str) -> dict[str, Text]:
    files = members((CASES / name / "dossier.tar").read_bytes())
    found = {path: json.loads(body) for path, body in files.items() if re.fullmatch(r"documents/\d\d-.*\.json", path)}
    assert len(found) == 5 * 2 + 7
    return found


@pytest.fixture(scope="module", params=NAMES)
def written(request: pytest.FixtureRequest) -> tuple[str, dict[str, Text]]:
    return request.param, texts(request.param)


def statements(document: Text) -> Iterator[str]:
    """Lists the sentences and the rows that say something of the case or of the law."""
    for section in document["sections"]:
        if section["heading"] != HEADING:
            for paragraph in section["paragraphs"]:
                yield from SENTENCE.split(paragraph)
            yield from (" | ".join(row) for row in section["rows"])


def unsourced(document: Text) -> list[str]:
    """Lists statements with a number that no entry and no law stands behind; no law knows the dates of a case."""
    numbered = (one for one in statements(document) if NUMBER.search(MARK.sub("", one)) and not MARK.search(one))
    return [one for one in numbered if not LAW.search(one) or (DATE.search(one) and "source" not in one)]


def unexplained(document: Text) -> list[str]:
    """Lists acronyms that the document does not explain."""
    known = {row[0] for section in document["sections"] if section["heading"] == HEADING for row in section["rows"]}
    said = " ".join([document["title"], document["recipient"], *statements(document)])
    return sorted({word for word in ACRONYM.findall(said) if not any(word in term for term in known)})


def loose(document: Text) -> list[str]:
    """Lists texts with a space that may break, or a straight apostrophe."""
    every = [document["title"], document["recipient"], *statements(document)]
    return [one for one in every if LOOSE.search(one)]


def test_every_number_has_an_entry_or_a_law_behind_it(written: tuple[str, dict[str, Text]]) -> None:
    assert {path: found for path, document in written[1].items() if (found := unsourced(document))} == {}
    numbered = [path for path, document in written[1].items() if any(map(NUMBER.search, statements(document)))]
    assert len(numbered) >= 12
    for path in numbered:
        bare = json.loads(MARK.sub("", json.dumps(written[1][path], ensure_ascii=False)))
        assert unsourced(bare), path


def test_a_number_that_somebody_types_is_seen() -> None:
    sentences = "Vu le 3 mai [e2]. Il y a 12 lignes. Selon l'article 3, le 3 mai 2026 à 8 h."
    section = {"heading": "h", "paragraphs": [sentences], "rows": [["a", "7"], ["b", "8 [e1]"]]}
    document = {"title": "t", "recipient": "r", "sections": [section]}
    assert unsourced(document) == ["Il y a 12 lignes.", "Selon l'article 3, le 3 mai 2026 à 8 h.", "a | 7"]


def test_every_entry_named_is_in_the_log_with_its_leaf_hash(written: tuple[str, dict[str, Text]]) -> None:
    name, documents = written
    lines = members((CASES / name / "dossier.tar").read_bytes())["log/entries.jsonl"].splitlines()
    leaves = {(line := json.loads(one))["position"]: leaf_hash(decode_base64(line["leaf"])).hex() for one in lines}
    for path, document in documents.items():
        marked = {int(one) for mark in MARK.findall(json.dumps(document)) for one in re.findall(r"\d+", mark)}
        assert {source["entry"] for source in document["sources"]} == marked, path
        assert all(leaves[source["entry"]] == source["leaf_hash"] for source in document["sources"]), path


def test_every_acronym_is_explained_where_it_is_used(written: tuple[str, dict[str, Text]]) -> None:
    assert {path: found for path, document in written[1].items() if (found := unexplained(document))} == {}
    document = written[1]["documents/11-echeances-et-contacts.json"]
    cut = {**document, "sections": [one for one in document["sections"] if one["heading"] != HEADING]}
    assert {"ACPR", "CNIL", "NIS2"} <= set(unexplained(cut))


def test_what_laymen_receive_needs_few_words_explained(written: tuple[str, dict[str, Text]]) -> None:
    for path, document in written[1].items():
        if path.startswith(("documents/05", "documents/06", "documents/07", "documents/10")):
            rows = [row for section in document["sections"] if section["heading"] == HEADING for row in section["rows"]]
            assert {row[0] for row in rows} <= {"plateforme", "base", "chiffré"}, path


def test_every_text_is_set_in_french(written: tuple[str, dict[str, Text]]) -> None:
    name, documents = written
    assert {path: found for path, document in documents.items() if (found := loose(document))} == {}
    for path in (CASES / name / "documents").glob("*.txt"):
        assert [line for line in path.read_text(encoding="utf-8").splitlines() if LOOSE.search(line)] == [], path
    register = (CASES / name / "documents" / "12-registre-des-violations.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(register), delimiter=";"))[1:]
    assert [cell for row in rows for cell in row if LOOSE.search(cell)] == []
    assert loose({"title": "L'avis : oui", "recipient": "", "sections": []}) == ["L'avis : oui"]


def test_french_is_set_once_and_stays() -> None:
    raw = "« L'avis » : 72 heures (article 33) ; prêt ? 2 % [e1] : oui !"
    said = "« L\u2019avis » : 72 heures (article 33) ; prêt ? 2 % [e1] : oui !"
    assert french(raw) == said.replace("« L", "«\u00a0L").replace("avis »", "avis\u00a0»").replace(
        " :", "\u00a0:"
    ).replace(" ;", "\u202f;").replace(" ?", "\u202f?").replace(" !", "\u202f!").replace("72 h", "72\u00a0h").replace(
        "e 33", "e\u00a033"
    ).replace("2 %", "2\u00a0%")
    assert french(french(raw)) == french(raw)


def test_no_word_is_explained_by_another_that_is_not() -> None:
    for word, meaning in WORDS.items():
        assert [one for one in ACRONYM.findall(meaning) if one not in WORDS] == [], word
        assert NUMBER.search(meaning) is None, word


def test_what_is_recalled_of_the_form_of_the_cnil_is_said_with_its_date(written: tuple[str, dict[str, Text]]) -> None:
    form = shipped_references().form
    said = french(to_check(form))
    assert "à vérifier" in said
    for path, document in written[1].items():
        if path.startswith(("documents/02", "documents/03")):
            first, *others = document["sections"]
            assert first["paragraphs"] == [said], path
            headings = [one["heading"] for one in others if one["heading"] != HEADING]
            assert headings == list(map(french, form.headings)), path
