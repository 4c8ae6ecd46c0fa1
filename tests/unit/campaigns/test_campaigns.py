"""Campaigns of letters: written to each, answered once, late when the day has passed, and never rewritten."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from paravent.breach.campaigns import campaign as campaigns
from paravent.breach.campaigns import cli as verbs
from paravent.breach.campaigns.campaign import (
    Acknowledged,
    OpenedCampaign,
    Written,
    read_campaign,
    require_recipient,
    standings,
)
from paravent.breach.campaigns.letters import letter
from paravent.breach.campaigns.store import DATABASE, Store, model
from paravent.breach.observatory.cli import group
from paravent.errors import BadInput

GAP = re.compile(r"\[à compléter[^\]]*\]")


def completed(text: str | None = None) -> bytes:
    """The model as a person would complete it."""
    return GAP.sub("Direction de la sécurité", text or model().decode()).encode()


def run(*arguments: object, fails: bool = False) -> dict[str, Any]:
    found = CliRunner().invoke(group, ["campaign", *map(str, arguments), "--json"])
    assert (found.exit_code != 0) is fails, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Direction de la sécurité", "[à compléter : qui]"), ('reference = "99000001"', 'reference = "operateur-1"'),
        ("answer_by = 2027-01-31", "answer_by = 2026-01-31"), ('role = "insurer"', 'role = "hospital"'),
        ("subject =", "object ="),
    ],
)  # fmt: skip
def test_a_campaign_that_is_not_complete_is_refused(old: str, new: str) -> None:
    whole = completed().decode()
    assert old in whole
    read_campaign(whole.encode())
    with pytest.raises(BadInput):
        read_campaign(whole.replace(old, new, 1).encode())


def test_a_recipient_is_late_from_the_day_after_until_it_answers() -> None:
    found = read_campaign(completed())
    first, second = (one.reference for one in found.recipient)
    due = found.answer_by
    written = [Written(recipient=name, on=found.dated, letter=bytes(32), reminder=False) for name in (first, second)]
    events: list[campaigns.Event] = [OpenedCampaign(campaign=found), written[0]]

    def late(day: date) -> list[int]:
        return [one.late_days for one in standings(events, day)]

    assert late(due) == [0, 0]
    assert late(due + timedelta(days=1)) == [1, 0]  # the second was not written to
    events.append(written[1])
    assert late(due + timedelta(days=3)) == [3, 3]
    events.append(Acknowledged(recipient=first, on=due + timedelta(days=2), by="RSSI"))
    assert late(due + timedelta(days=3)) == [0, 3]
    with pytest.raises(BadInput, match="already"):
        require_recipient(events, first, due)
    with pytest.raises(BadInput, match="no letter"):
        require_recipient(events, "nobody", due)


def test_a_letter_says_what_is_asked_by_when_and_a_reminder_of_which_letter() -> None:
    found = read_campaign(completed())
    recipient = found.recipient[0]
    texts = []
    for reminder in (False, True):
        content = letter(found, recipient, reminder=reminder, today=date(2027, 2, 3))
        assert content == letter(found, recipient, reminder=reminder, today=date(2027, 2, 3))
        assert "pdfuaid" in content.decode("latin-1")
        pages = PdfReader(io.BytesIO(content)).pages
        texts.append(" ".join("".join(page.extract_text() for page in pages).split()))
    for text in texts:
        assert f"{found.reference}/{recipient.reference}" in text
        assert "31 janvier 2027" in text
        assert all(asked[:50] in text for asked in found.asked)
        assert "{" not in text
    assert "Rappel" not in texts[0]
    assert "Rappel" in texts[1]
    assert "du 27 novembre 2026" in texts[1]


def test_the_verbs_write_record_and_list_who_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = ("--home", tmp_path / "home")
    run("model", "--out", tmp_path / "model.toml")
    assert run("open", tmp_path / "model.toml", *home, fails=True)["error"] == "bad-input"
    (tmp_path / "campaign.toml").write_bytes(completed((tmp_path / "model.toml").read_text(encoding="utf-8")))
    name = run("open", tmp_path / "campaign.toml", *home)["campaign"]
    assert run("open", tmp_path / "campaign.toml", *home, fails=True)["error"] == "bad-input"
    monkeypatch.setattr(verbs, "_today", lambda: date(2026, 12, 1))
    written = run("letters", name, "--out", tmp_path / "out", *home)["letters"]
    assert [hashlib.sha256(Path(one["file"]).read_bytes()).hexdigest() for one in written] == [
        one["sha256"] for one in written
    ]
    assert run("show", name, *home)["overdue"] == []
    monkeypatch.setattr(verbs, "_today", lambda: date(2027, 2, 2))
    assert run("show", *home)["overdue"] == [f"{name}/99000001", f"{name}/operateur-1"]
    answered = ("acknowledge", name, "99000001", "--on", "2027-02-01", "--by", "RSSI", *home)
    assert run(*answered, "--dry-run")["kept"] is False
    assert run(*answered, "--proof", tmp_path / "campaign.toml")["kept"] is True
    assert run(*answered, fails=True)["error"] == "bad-input"
    early = ("acknowledge", name, "operateur-1", "--on", "2026-11-01", "--by", "RSSI", *home)
    assert run(*early, fails=True)["error"] == "bad-input"
    assert run("show", name, *home)["overdue"] == [f"{name}/operateur-1"]
    reminded = run("letters", name, "--overdue", "--out", tmp_path / "out", *home)["letters"]
    assert [one["recipient"] for one in reminded] == ["operateur-1"]
    found = run("show", name, *home)
    assert found["acknowledged"] == 1
    assert {one["recipient"]: one["reminded_on"] for one in found["recipients"]} == {
        "operateur-1": "2027-02-02", "99000001": None,
    }  # fmt: skip


@pytest.mark.parametrize("statement", ["UPDATE event SET kept_at = 0", "DELETE FROM event"])
def test_what_was_recorded_is_not_changed(tmp_path: Path, statement: str) -> None:
    found = read_campaign(completed())
    with Store(tmp_path) as store:
        store.add(found.reference, OpenedCampaign(campaign=found), 1)
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            connection.execute(statement)
        # Negative control: without the rules of the table, the same statement goes through.
        for name in ("event_is_not_changed", "event_is_not_deleted"):
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
    connection.close()
