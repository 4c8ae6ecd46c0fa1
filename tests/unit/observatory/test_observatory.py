"""The observatory: every format read exactly, nothing lost, counts as a second computation finds them."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from paravent.breach.observatory.cli import group
from paravent.breach.observatory.cnil import COLUMNS
from paravent.breach.observatory.json_records import RECORD_BYTES_MAX, TooLong, records
from paravent.breach.observatory.trend import share, trend

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def incident(number: int, **parts: Any) -> dict[str, Any]:
    """A synthetic VERIS incident."""
    return {
        "incident_id": f"TEST-{number}", "schema_version": "1.4.1", "security_incident": "Confirmed",
        "timeline": {"incident": {"year": 2020}}, "victim": {"industry": "622110", "country": ["FR"]},
        "action": {"hacking": {"variety": ["Use of stolen creds"], "vector": ["Web application"]}},
    } | parts  # fmt: skip


def run(*arguments: object) -> dict[str, Any]:
    """Runs a verb; returns its JSON line."""
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exit_code == 0, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


@given(st.lists(st.dictionaries(st.text(max_size=6), JSON, max_size=4) | st.integers(), max_size=6), st.integers(1, 40))
def test_an_array_is_cut_where_its_records_end(content: list[object], size: int) -> None:
    text = json.dumps(content, ensure_ascii=False).encode()
    cut = records(text[place : place + size] for place in range(0, len(text), size))
    assert [json.loads(record) for record in cut] == content


def test_a_record_that_never_ends_is_said() -> None:
    with pytest.raises(TooLong):
        list(records([b'[{"a": "', b"x" * RECORD_BYTES_MAX]))


@pytest.mark.parametrize("broken", [
    '{"incident_id": "x", "action": {"hacking": {', '{"incident_id": "x', '{"incident_id": "x"}}}', '"x', "{",
    '{"incident_id": "x", "summary": "a \\',
])  # fmt: skip
@pytest.mark.parametrize(("start", "between", "end"), [("[\n", ",\n", "\n]"), ("", "\n", "\n")])
def test_a_record_that_is_cut_off_takes_no_other_with_it(
    tmp_path: Path, broken: str, start: str, between: str, end: str
) -> None:
    texts = [json.dumps(incident(1)), broken, *(json.dumps(incident(number)) for number in range(2, 40))]
    (tmp_path / "joined.json").write_text(start + between.join(texts) + end)
    done = run("import", tmp_path / "joined.json", "--home", tmp_path / "home")
    assert (done["records"], done["new"], done["rejected"]) == (39, 39, 1)


def test_what_does_not_end_is_given_up_line_by_line(tmp_path: Path) -> None:
    filler = "x" * (RECORD_BYTES_MAX // 20)
    texts = ['{"incident_id": "x", "action": {', *(json.dumps(incident(n, summary=filler)) for n in range(50))]
    (tmp_path / "joined.json").write_text("\n".join(texts))
    done = run("import", tmp_path / "joined.json", "--home", tmp_path / "home")
    assert done["records"] == 50
    assert all(one["reason"] == "it is not JSON" for one in done["rejects"])


def test_what_is_malformed_is_listed_and_the_rest_kept(tmp_path: Path) -> None:
    bad: list[str] = [
        "null", "7", '{"incident_id": 5}', '{"incident_id": "x"}', '{"incident_id": "y", "action": []}',
        '{"incident_id": "z", "action": {"hacking": {"variety": 3}}}', '{"incident_id": "b", "action": {"a": {}} "c"}',
        '{"incident_id": "w", "timeline": {"incident": {"year": "soon"}}}', '{"incident_id": "v", "victim": ["me"]}',
    ]  # fmt: skip
    texts = [json.dumps(incident(1)), *bad, json.dumps(incident(2))]
    (tmp_path / "joined.json").write_text(f"[{','.join(texts)}]")
    done = run("import", tmp_path / "joined.json", "--home", tmp_path / "home")
    assert (done["records"], done["rejected"]) == (2, len(bad))
    assert [one["place"] for one in done["rejects"]] == [f"joined.json record {n}" for n in range(2, len(bad) + 2)]
    assert all(one["reason"] for one in done["rejects"])


def test_every_shape_of_older_schemas_counts_alike(tmp_path: Path) -> None:
    records_ = [
        incident(1, victim={"industry": 621320, "country": "FR"}, action={"malware": {"variety": "Ransomware"}}),
        incident(2, victim=[{"industry": "621320", "country": ["FR", "FR"]}],
                 action={"malware": {"variety": ["Ransomware"]}}),
        incident(3, victim={"industry": "621320"}, timeline={"incident": {"year": "2020"}}, action={"unknown": {}}),
        incident(4, victim={"industry": "000000", "country": ["Unknown"]}),
    ]  # fmt: skip
    (tmp_path / "joined.json").write_text(json.dumps(records_))
    assert run("import", tmp_path / "joined.json", "--home", tmp_path)["records"] == 4
    found = run("report", "--industry", "62", "--home", tmp_path)
    assert found["records"] == 3
    assert found["by_year"] == {"2020": 3}
    assert found["by_action"] == {"malware": 2, "unknown": 1}
    assert found["by_variety"] == {"malware.Ransomware": 2}
    assert found["by_country"] == {"FR": 2}
    assert found["by_victim"] == {"optician": 3}
    assert found["by_attack"] == {"ransomware": 2}
    assert found["without"]["country"] == 1
    assert run("report", "--home", tmp_path)["by_country"] == {"FR": 2, "Unknown": 1}


def test_an_incident_is_stored_once_and_corrected_by_a_later_version_only(tmp_path: Path) -> None:
    versions = {"old": 2010, "new": 2011}
    for name, year in versions.items():
        record = incident(1, timeline={"incident": {"year": year}}, plus={"modified": f"{year}-01-01T00:00:00Z"})
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    counts = [run("import", tmp_path / f"{name}.json", "--home", tmp_path) for name in ("old", "new", "old")]
    assert [(done["records"], done["new"]) for done in counts] == [(1, 1), (1, 0), (1, 0)]
    assert run("report", "--home", tmp_path)["by_year"] == {"2011": 1}


def _drawn(rng: random.Random, number: int) -> dict[str, Any]:
    kinds = rng.sample(["hacking", "malware", "error", "social"], rng.randint(1, 3))
    return incident(
        number,
        timeline={"incident": {"year": rng.randint(2008, 2024)}},
        victim={"industry": rng.choice(["622110", "446130", "62", "524114", "000000", "926210"]),
                "country": rng.sample(["FR", "US", "Unknown"], rng.randint(1, 2))},
        action={kind: {"variety": rng.sample(["Other", "Unknown", "DoS"], rng.randint(1, 2))} for kind in kinds},
        summary='brackets } ] , [ { and "quotes" \\ in a text',
    )  # fmt: skip


@pytest.mark.parametrize("zipped", [False, True])
def test_counts_are_those_of_a_second_computation(tmp_path: Path, *, zipped: bool) -> None:
    rng = random.Random(8)
    all_ = [_drawn(rng, number) for number in range(600)]
    path = tmp_path / "joined.json"
    path.write_text(json.dumps(all_, indent=1))
    if zipped:
        with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "data/joined.json")
            archive.writestr("data/one/single.json", json.dumps(incident(9_999)))
            archive.writestr("__MACOSX/data/._joined.json", "no incident")
        path, all_ = tmp_path / "archive.zip", [*all_, incident(9_999)]
    done = run("import", path, "--home", tmp_path / "home")
    assert (done["records"], done["new"], done["rejected"]) == (len(all_), len(all_), 0)
    found = run("report", "--industry", "62", "--home", tmp_path / "home")
    chosen = [one for one in all_ if one["victim"]["industry"].startswith("62")]
    assert found["records"] == len(chosen)
    assert found["by_year"] == Counter(str(one["timeline"]["incident"]["year"]) for one in chosen)
    assert found["by_action"] == Counter(kind for one in chosen for kind in one["action"])
    assert found["by_variety"] == Counter(
        f"{kind}.{word}" for one in chosen for kind, part in one["action"].items() for word in part["variety"]
    )
    assert found["by_country"] == Counter(country for one in chosen for country in one["victim"]["country"])


HEADER = ";".join([COLUMNS[0] + "\u00a0", *COLUMNS[1:]])
NOTE = "Extraction générée le 2 décembre 2025" + ";" * 8
GOOD = (
    "2025-09;Santé humaine et action sociale;Perte de la confidentialité,Perte de l''intégrité;Plus de 5000 personnes;"
    "Etat civil,NIR;Oui;Piratage, logiciel malveillant,Autre;Acte externe malveillant;Non, mais elles le seront"
)


def _cnil(path: Path, *lines: str) -> Path:
    path.write_bytes("\r\n".join([NOTE, HEADER, *lines]).encode("cp1252"))
    return path


def test_notifications_to_the_cnil_are_read_and_replaced(tmp_path: Path) -> None:
    file = _cnil(tmp_path / "cnil.csv", GOOD, GOOD)
    for _ in range(2):
        assert run("import", file, "--home", tmp_path)["records"] == 2
    found = run("report", "--home", tmp_path)
    assert found["records"] == 0
    assert found["cnil"]["notifications"] == 2
    assert found["cnil"]["by_nature"] == {"Perte de l'intégrité": 2, "Perte de la confidentialité": 2}
    assert found["cnil"]["by_cause"] == {"Acte externe malveillant": 2}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Acte externe malveillant", "Acte divin"), ("Plus de 5000", "Plus de 50000"), ("2025-09", "2025-13"),
        ("2025-09", "2017-09"), ("Oui", "oui"), ("Non, mais", "Non mais"), (";Oui;", ";"),
        ("confidentialité,", "confidentialité, "),
    ],
)  # fmt: skip
def test_an_unknown_word_refuses_the_whole_file_of_the_cnil(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    done = run("import", _cnil(tmp_path / "cnil.csv", GOOD, GOOD.replace(old, new)), "--home", tmp_path)
    assert (done["records"], done["rejected"], done["rejects"][0]["place"]) == (0, 1, "line 4")
    assert run("report", "--home", tmp_path)["cnil"] is None


def test_the_shipped_list_of_the_sector_is_whole(tmp_path: Path) -> None:
    done = run("import", "--sector", "--home", tmp_path)
    assert (done["records"], done["rejected"]) == (16, 0)
    found = run("report", "--victim", "payer", "--home", tmp_path)
    assert found["by_variety"]["hacking.Use of stolen creds"] == 3
    assert found["by_country"] == {"FR": 4}


def test_a_line_of_the_sector_with_an_unknown_word_is_refused(tmp_path: Path) -> None:
    header = "id,date_start,date_public,organisation,sector,persons,vector,data,outcome,source,confidence"
    (tmp_path / "own.csv").write_text(
        f"{header}\nA,2024,,X,optician chain,3,,,,,unverified\nB,2024,,X,bakery,3,,,,,unverified\n"
    )
    done = run("import", tmp_path / "own.csv", "--home", tmp_path)
    assert (done["records"], done["rejected"]) == (1, 1)
    assert done["rejects"][0]["reason"] == "sector has a word that is not known: bakery"


def test_a_stix_bundle_gives_its_incidents_and_guesses_nothing(tmp_path: Path) -> None:
    ids = {kind: f"{kind}--00000000-0000-4000-8000-00000000000{n}" for n, kind in enumerate(
        ("incident", "identity", "attack-pattern", "location"))}  # fmt: skip
    reference = {"source_name": "mitre-attack", "external_id": "T1486"}
    objects = [
        {"type": "incident", "id": ids["incident"], "name": "synthetic"},
        {"type": "identity", "id": ids["identity"], "name": "An Optician"},
        {"type": "attack-pattern", "id": ids["attack-pattern"], "external_references": [reference]},
        {"type": "location", "id": ids["location"], "country": "FR"},
        {"type": "relationship", "source_ref": ids["incident"], "target_ref": ids["identity"]},
        {"type": "relationship", "source_ref": ids["incident"], "target_ref": ids["attack-pattern"]},
        {"type": "relationship", "source_ref": ids["identity"], "target_ref": ids["location"]},
        {"type": "incident", "id": "wrong"},
    ]  # fmt: skip
    (tmp_path / "bundle.json").write_text(json.dumps({"type": "bundle", "id": "bundle--x", "objects": objects}))
    done = run("import", tmp_path / "bundle.json", "--home", tmp_path)
    assert (done["records"], done["rejected"]) == (1, 1)
    found = run("report", "--home", tmp_path)
    assert found["by_country"] == {"FR": 1}
    assert found["by_attack"] == {"ransomware": 1}
    assert found["by_year"] == {}
    assert found["without"]["year"] == 1


def test_the_page_escapes_what_sources_say(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(incident(1, victim={"country": ["<script>"]})))
    run("import", tmp_path / "one.json", "--home", tmp_path)
    run("report", "--home", tmp_path, "--out", tmp_path / "out")
    html = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert html.count("<svg") == html.count("<table>") - 1  # the official figures are a table alone
    assert "by_country,<script>,1" in (tmp_path / "out" / "report.csv").read_text()


def test_the_page_is_whole_by_itself(tmp_path: Path) -> None:
    records_ = [
        incident(n, timeline={"incident": {"year": 2015 + n % 8}, "discovery": {"unit": "Days"}}) for n in range(90)
    ]
    (tmp_path / "joined.json").write_text(json.dumps(records_))
    run("import", tmp_path / "joined.json", "--home", tmp_path)
    run("report", "--home", tmp_path, "--out", tmp_path / "out")
    html = (tmp_path / "out" / "report.html").read_text()
    assert "content=\"default-src 'none';" in html
    for request in ("src=", "href=", "url(", "@import", "<script", "<link", "<iframe", " style=", "onload"):
        assert request not in html
    names = re.findall(r' id="([^"]+)"', html)
    assert len(names) == len(set(names))
    assert {"trend-title", "shares-title", "by-year-title"} <= set(names)
    root = ET.fromstring(re.sub(r"<meta[^>]*>", "", html.removeprefix("<!doctype html>")))  # noqa: S314 - our own text
    levels = [int(element.tag[1]) for element in root.iter() if element.tag in {"h1", "h2", "h3"}]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_report_is_printed(tmp_path: Path, language: str) -> None:
    records_ = [incident(n, victim={"industry": "62", "country": [f"X{n}"]}) for n in range(70)]
    (tmp_path / "joined.json").write_text(json.dumps(records_))
    run("import", tmp_path / "joined.json", "--home", tmp_path)
    run("report", "--home", tmp_path, "--out", tmp_path / "out", "--lang", language)
    pdf = (tmp_path / "out" / "report.pdf").read_bytes()
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert "pdfuaid" in pdf.decode("latin-1")
    assert text.count("X10") == 2  # the row of the table, and the bar


def test_a_trend_finds_the_rate_of_exact_growth() -> None:
    found = trend({2010 + n: 100 * 2**n for n in range(8)}, 2010, 2017)
    assert found is not None
    assert found.ratio == pytest.approx(2.0)
    assert found.low < 2.0 < found.high
    assert [one.mean for one in found.fitted] == pytest.approx([100 * 2**n for n in range(8)])
    # At the weighted middle the level alone counts: 1.96 / sqrt(25,500) on each side; wider at the first year.
    assert min(one.high / one.mean for one in found.fitted) == pytest.approx(1.0126, abs=1e-3)
    assert found.fitted[0].high / found.fitted[0].mean > 1.05
    assert trend({2010: 5}, 2010, 2012) is None


def test_the_interval_of_a_share_is_wilsons() -> None:
    found = share(10, 100)
    assert found is not None
    # Newcombe 1998, table I, method 3, by hand: (0.0552, 0.1744).
    assert found.low == pytest.approx(0.0552, abs=1e-4)
    assert found.high == pytest.approx(0.1744, abs=1e-4)
    assert share(0, 0) is None


def test_a_share_is_of_the_incidents_whose_source_says_who_acted(tmp_path: Path) -> None:
    actors: list[dict[str, Any]] = [
        {"partner": {}},
        {"external": {}},
        {"internal": {}, "unknown": {}},
        {"unknown": {}},
        {},
    ]
    records_ = [incident(number, actor=actor) for number, actor in enumerate(actors)]
    records_.append(incident(9, action={"malware": {"vector": ["Partner"]}}))
    (tmp_path / "joined.json").write_text(json.dumps(records_))
    run("import", tmp_path / "joined.json", "--home", tmp_path)
    found = run("report", "--home", tmp_path)["through_partner"]
    assert (found["count"], found["total"]) == (2, 4)
