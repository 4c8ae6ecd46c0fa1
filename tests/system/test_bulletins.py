"""Bulletins on running processes: drafted from an alarm, published, read at a desk, acknowledged, counted, mailed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paravent.drill.platform import Platform, shop
from paravent.errors import TechnicalFailure


def breach(platform: Platform, *arguments: str | Path) -> dict[str, Any]:
    return platform.command("breach", *arguments, "--home", platform.home / "breach-desk", "--json")


def desk(platform: Platform, *arguments: str | Path, name: str = "desk") -> dict[str, Any]:
    return platform.command("desk", *arguments, "--home", platform.home / name, "--json")


@pytest.fixture(scope="module")
def joined(platform: Platform) -> Platform:
    """The platform with a breach desk that has joined its directory."""
    pin = platform.pin
    breach(platform, "init", "--name", "breach-desk", "--operator", "Opérateur")
    breach(platform, "join", "--directory", pin["file"], "--signer", pin["signer"], "--key", pin["key"])
    return platform


def publish(platform: Platform, folder: Path, *source: str | Path) -> dict[str, Any]:
    draft = folder / "draft.toml"
    breach(platform, "draft-bulletin", *source, "--out", draft)
    draft.write_text(draft.read_text(encoding="utf-8").replace('author = ""', 'author = "RSSI de l\'opérateur"'))
    return breach(platform, "publish-bulletin", draft)


def test_a_bulletin_goes_from_an_alarm_to_the_shops_and_is_counted(joined: Platform, tmp_path: Path) -> None:
    alarm = tmp_path / "alarm.json"
    alarm.write_text(json.dumps({"alarms": [{"professional": "80000000001", "sign": "volume"}]}))
    assert desk(joined, "bulletins") == {"bulletins": [], "newest": None, "confirmed_at": None, "stale": False}
    draft = tmp_path / "unsigned.toml"
    breach(joined, "draft-bulletin", "--alarm", alarm, "--out", draft)
    with pytest.raises(TechnicalFailure, match="a person answers for it"):
        breach(joined, "publish-bulletin", draft)
    assert publish(joined, tmp_path, "--alarm", alarm)["number"] == 1
    joined.command("watch", "import", "--sector", "--home", tmp_path / "watch", "--json")
    incident = ("--incident", "sector:FR-2024-VIAMEDIS", "--observatory", tmp_path / "watch")
    assert publish(joined, tmp_path, *incident, "--audience", "insured")["number"] == 2
    # A desk sees both, with the refresh of its lists as by the verb.
    assert joined.desk("/v1/refreshes", {})[0] == 200
    seen = desk(joined, "bulletins", "--out", tmp_path / "printed")
    assert [one["attack"] for one in seen["bulletins"]] == ["scams-after-leak", "stolen-account"]
    assert (seen["newest"], seen["stale"]) == (1, False)
    assert (tmp_path / "printed" / "bulletin-0001.pdf").read_bytes().startswith(b"%PDF-")
    # A shop counts once, whoever says it and however often.
    assert desk(joined, "acknowledge", "1", "--dry-run") == {"number": 1, "first": True, "sent": False}
    assert [desk(joined, "acknowledge", "1")["first"] for _ in range(2)] == [True, False]
    assert desk(joined, "bulletins")["newest"] == 2
    counted = breach(joined, "bulletins")
    shops = {device["shop"] for device in joined.command(
        "hub", "devices", "--home", joined.home / "hub", "--json")["devices"]}  # fmt: skip
    assert shop(joined.ports["desk"]) in shops
    assert [(one["acknowledged"], one["shops"]) for one in counted["bulletins"]] == [(1, len(shops)), (0, len(shops))]
    # What is kept is shown without the hub.
    joined.stop("hub")
    try:
        assert len(desk(joined, "bulletins")["bulletins"]) == 2
    finally:
        joined.start("hub")


def test_a_hub_that_lost_bulletins_is_sent_them_again(joined: Platform, tmp_path: Path) -> None:
    before = len(breach(joined, "bulletins")["bulletins"])
    joined.stop("hub")
    kept = {path.name: path.read_bytes() for path in (joined.home / "hub").glob("hub.db*")}
    joined.start("hub")
    assert publish(joined, tmp_path, "--attack", "phishing")["number"] == before + 1
    assert len(desk(joined, "bulletins")["bulletins"]) == before + 1
    joined.stop("hub")
    for path in (joined.home / "hub").glob("hub.db*"):
        path.unlink()
    for name, content in kept.items():
        (joined.home / "hub" / name).write_bytes(content)
    joined.start("hub")
    # A desk that has seen more than the hub serves refuses to believe it.
    with pytest.raises(TechnicalFailure, match="older than the one already known"):
        desk(joined, "bulletins")
    breach(joined, "publish-bulletin")
    assert len(desk(joined, "bulletins")["bulletins"]) == before + 1


def test_an_insurer_takes_the_bulletins_for_insured_persons(joined: Platform, tmp_path: Path) -> None:
    home = joined.home / "insurer-99000001"
    found = joined.command("insurer", "bulletins", "--home", home, "--json")["bulletins"]
    assert [(one["number"], one["attack"], one["sent"]) for one in found] == [(2, "scams-after-leak", 0)]
    members, contacts = tmp_path / "members.csv", tmp_path / "contacts.csv"
    members.write_text("member_id\nM1\nM2\n")
    contacts.write_text("member_id,email\nM1,un@example.org\n")
    with pytest.raises(TechnicalFailure, match="mail"):
        joined.command("insurer", "warn", "2", "--members", members, "--home", home, "--json")
    settings = home / "config.toml"
    before = settings.read_text(encoding="utf-8")
    server = '\n[mail]\nserver = "127.0.0.1"\nserver_port = 1\nsender = "droits@mutuelle.example"\nsecurity = "none"\n'
    settings.write_text(before + server, encoding="utf-8")
    try:
        joined.command("insurer", "contacts", contacts, "--home", home, "--json")
        asked = ("insurer", "warn", "2", "--members", members, "--home", home, "--json")
        assert joined.command(*asked, "--dry-run")["queued"] == 0
        assert joined.command(*asked) == {"number": 2, "chosen": 2, "reachable": 1, "queued": 1}
        joined.command("insurer", "outbox", "--send", "--home", home, "--json")
        (found,) = joined.command("insurer", "bulletins", "--home", home, "--json")["bulletins"]
        assert (found["waiting"], found["sent"]) == (1, 0)
    finally:
        settings.write_text(before, encoding="utf-8")
