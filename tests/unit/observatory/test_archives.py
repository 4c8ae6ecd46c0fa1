"""Archives as the public database has them: joined and single, old and new schemas, names in capitals, duplicates.

Every record here is invented; only its shape was seen.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from paravent.breach.observatory.cli import group

INDUSTRIES = ("622110", "446110", "456110", "446130", "456130", "621320", "524114", "611310", "44", "923140")


def record(number: int) -> dict[str, Any]:
    """Invents one incident: of 1.3.1 with a word where 1.4.1 has an object, or of 1.4.1; up to three actions."""
    old = number % 2 == 0
    action: dict[str, Any] = {"hacking": {"variety": ["Unknown"], "vector": ["Web application"]}}
    if number % 3 == 0:
        action["malware"] = {"variety": ["Ransomware", "Backdoor or C2"], "result": ["Exfiltrate"]}
    if number % 7 == 0:
        action = {"error": {"variety": ["Misdelivery"], "vector": ["Carelessness"]}, **action}
    return {
        "incident_id": f"{number:08X}-0000-4000-8000-000000000000",
        "schema_version": "1.3.1" if old else "1.4.1", "source_id": "vcdb", "security_incident": "Confirmed",
        "action": action, "actor": {"external": {"motive": ["Financial"], "region": ["000000"]}},
        "discovery_method": "Ext - unknown" if old else {"external": {"variety": ["Actor disclosure"]}},
        "timeline": {"incident": {"year": 2010 + number % 15}},
        "victim": {
            "country": ["Unknown"], "region": ["000000"], "government": ["NA"], "victim_id": f"shop {number}",
            "industry": INDUSTRIES[number % len(INDUSTRIES)],
        },
        "plus": {"master_id": f"{number}", "modified": "2016-10-25T01:10:00Z", "dbir_year": 2017},
    }  # fmt: skip


def run(*words: object) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, words), "--json"])
    return dict(json.loads(found.stdout.strip().splitlines()[-1]))


def test_an_archive_is_counted_exactly_as_another_count_of_it(tmp_path: Path) -> None:
    known = [record(number) for number in range(400)]
    wrong = record(9_000) | {"action": {"telepathy": {"variety": ["Unknown"]}}}
    path = tmp_path / "vcdb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # One array with a byte order mark, one record twice, one that no schema knows; single files, in capitals too.
        joined = [*known[:300], known[0], wrong]
        archive.writestr("data/joined/vcdb.json", "\ufeff" + json.dumps(joined, indent=2))
        for number, one in enumerate(known[300:]):
            archive.writestr(f"data/json/{number}.{'JSON' if number % 2 else 'json'}", json.dumps(one, indent=2))
        archive.writestr("__MACOSX/data/joined/._vcdb.json", b"\x00\x05")
        archive.writestr("data/NOTE.txt", "not read")
    home = tmp_path / "home"
    found = run("import", path, "--home", home)
    assert (found["records"], found["new"], found["rejected"]) == (401, 400, 1)
    assert found["rejects"][0]["identifier"] == wrong["incident_id"]
    # The oracle: no code of the observatory.
    for prefix in ("62", "446", "456", "4461", "44", "9"):
        chosen = [one for one in known if one["victim"]["industry"].startswith(prefix)]
        report = run("report", "--industry", prefix, "--home", home)
        assert report["records"] == len(chosen)
        years = Counter(one["timeline"]["incident"]["year"] for one in chosen)
        assert report["by_year"] == {str(year): count for year, count in years.items()}
        # Actions are not exclusive: they add up to more than the incidents.
        assert report["by_action"] == Counter(kind for one in chosen for kind in one["action"])
