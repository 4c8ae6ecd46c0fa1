"""Events in OCSF: whole by the schema, the same each time, of nobody insured."""

from __future__ import annotations

import base64
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from py_ocsf_models.events.findings.detection_finding import DetectionFinding  # type: ignore[import-untyped]
from tests.unit.events.honest import DRILL_CASE, HANDLE, HUB, NOON, UNTIL, alarm, device, events, honest

from paravent.access.enrolment_store import DeviceEvent
from paravent.access.events.happened import SETTLING_SECONDS, DeviceChange, happened
from paravent.access.events.mapping_store import shipped_mapping
from paravent.access.events.ocsf import Ocsf, missing, read_mapping
from paravent.access.quotas import QuotaLimits
from paravent.cli import _commands
from paravent.errors import InvalidConfiguration
from paravent.keyserver.store import Store as ServerStore
from paravent.watch.rules_store import shipped_rules
from paravent.wire.alarm import AlarmSubject, Sign

MAPPING = shipped_mapping()


def test_every_event_has_what_its_class_requires_and_its_type_is_computed(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        found = events(store, [DRILL_CASE])
    assert {one["class_uid"] for one in found} == {3002, 3004, 6003, 2004, 2005}
    assert [missing(one, MAPPING) for one in found] == [[]] * len(found)
    assert all(one["type_uid"] == one["class_uid"] * 100 + one["activity_id"] for one in found)
    assert all(one["class_uid"] // 1_000 == one["category_uid"] for one in found)
    assert len({one["metadata"]["uid"] for one in found}) == len(found)


def test_the_negative_control_an_event_without_a_required_attribute_is_named(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        found = next(one for one in events(store) if one["class_uid"] == 6003)
    del found["api"]
    assert missing(found, MAPPING) == ["api"]


def test_alarms_are_detection_findings_to_an_independent_reader(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        found = [one for one in events(store) if one["class_uid"] == 2004]
    read = [DetectionFinding.model_validate(one) for one in found]
    assert {(one.finding_info.title, one.severity_id.value) for one in read} == {
        ("volume", 4),
        ("canary-credential", 1),
    }
    assert {one["is_alert"] for one in found if one["unmapped"]["drill"]} == {False}


def test_every_sign_has_a_severity_or_the_usual_one(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        for sign in Sign:
            alarm(store, sign, f"of {sign.value}", kind=AlarmSubject.VERIFIER)
        found = {one["metadata"]["event_code"]: one["severity_id"] for one in events(store) if one["class_uid"] == 2004}
    assert set(found) == {sign.value for sign in Sign}
    assert set(MAPPING.alarm_severity) <= set(found)


def test_windows_one_after_the_other_give_every_event_once(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        whole = happened(store, [], NOON - 86_400, UNTIL)
        pieces = [
            one for at in range(NOON - 86_400, UNTIL, 5_000) for one in happened(store, [], at, min(at + 5_000, UNTIL))
        ]
        assert pieces == whole
        # What is not over yet waits: the hour and the day of now.
        assert all(one.settled_at < NOON - SETTLING_SECONDS for one in happened(store, [], 0, NOON - SETTLING_SECONDS))


def test_no_handle_number_or_name_is_in_any_event(tmp_path: Path) -> None:
    with honest(tmp_path) as store:
        text = json.dumps(events(store, [DRILL_CASE]))
    secret = HANDLE[:32]
    shapes = {secret.hex(), base64.b64encode(secret).decode()[:40], base64.urlsafe_b64encode(secret).decode()[:40]}
    assert not any(shape in text for shape in shapes)
    # Members are those of the mapping, each decided on: a new one is looked at here before it is shipped.
    assert {name for one in json.loads(text) for name in one} == {
        "activity_id", "activity_name", "actor", "api", "category_uid", "class_uid", "comment", "count", "desc",
        "duration", "end_time", "entity", "finding_info", "finding_info_list", "is_alert", "metadata", "resources",
        "service", "severity_id", "src_endpoint", "start_time", "status_code", "status_id", "time", "type_uid",
        "unmapped", "user",
    }  # fmt: skip


def test_a_row_that_the_mapping_does_not_know_is_said_and_a_broken_mapping_refused() -> None:
    row = DeviceEvent(happened_at=NOON, event="teleported", kind="device", subject="k", reason="")
    with pytest.raises(InvalidConfiguration, match="teleported"):
        Ocsf(mapping=MAPPING, service="hub").event(DeviceChange(position=1, row=row, professional=""))
    with pytest.raises(InvalidConfiguration):
        read_mapping(b'version = "1.8.0"')


def test_every_event_of_the_ledger_of_devices_is_mapped(tmp_path: Path) -> None:
    with honest(tmp_path) as store, store.commit():
        first, second = device("800000001"), device("800000001")
        for one in (first, second):
            store.devices.enrol(one, NOON)
        store.devices.activate(first.keyid, 0, NOON, second.keyid)
        store.devices.object_to(second.keyid, NOON, first.keyid)
        store.devices.try_shop_code("shop-1", b"h" * 32, NOON)
        recorded = {one.event for one in store.devices.events()}
    assert recorded == set(MAPPING.device_events)


def test_the_service_of_an_event_is_in_its_identifier() -> None:
    row = DeviceEvent(happened_at=NOON, event="enrolled", kind="device", subject="k", reason="code")
    change = DeviceChange(position=1, row=row, professional="8")
    names = {Ocsf(mapping=MAPPING, service=name).event(change)["metadata"]["uid"] for name in ("hub", "keyserver-1")}
    assert names == {"hub/device/1", "keyserver-1/device/1"}
    later = replace(change, row=msgspec.structs.replace(row, happened_at=NOON + 1))
    assert later.settled_at == NOON + 1
    assert HUB.name == "hub"


def test_the_verbs_write_events_and_rules(tmp_path: Path) -> None:
    home, entry, out = tmp_path / "server", tmp_path / "entry.json", tmp_path / "events.jsonl"
    names = ["--name", "keyserver-1", "--operator", "o", "--hosted-by", "h", "--administrator", "a"]
    assert run("keyserver", "init", "--home", home, "--port", 9, "--entry", entry, *names)[0] == 0
    opened = ServerStore(home, QuotaLimits(), os.urandom)
    with opened as store:
        store.enrol(device("800000001"), int(time.time()) - 600)
    status, answer = run("keyserver", "events", "--home", home, "--ocsf", "--out", out, "--json")
    assert (status, answer["events"], answer["ocsf"]) == (0, 1, "1.8.0")
    assert json.loads(out.read_text())["actor"]["user"]["uid"] == "800000001"
    # Asked again from where the last answer ended, nothing comes twice; a file is never written over.
    assert run("keyserver", "events", "--home", home, "--since", answer["until"], "--json")[1]["events"] == 0
    assert run("keyserver", "events", "--home", home, "--ocsf", "--out", out)[0] == 1
    assert run("keyserver", "events", "--home", home, "--since", "yesterday")[0] == 1
    assert run("breach", "init", "--home", tmp_path / "desk", "--name", "breach.example", "--operator", "x")[0] == 0
    assert run("breach", "events", "--home", tmp_path / "desk", "--json")[1]["events"] == 0
    folder = tmp_path / "rules"
    assert run("watch", "rules", "--out", folder, "--dry-run")[0] == 0
    assert not folder.exists()
    assert run("watch", "rules", "--out", folder)[0] == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == shipped_rules()
    (folder / "quota-burst.yml").write_text("mine")
    assert run("watch", "rules", "--out", folder)[0] == 1


def run(*words: object) -> tuple[int, dict[str, Any]]:
    """Runs a verb; returns its status and its JSON line, if it gave one."""
    result = CliRunner().invoke(_commands([str(words[0])])[str(words[0])], [str(word) for word in words[1:]])
    last = result.stdout.strip().splitlines()[-1:] or ["{}"]
    return result.exit_code, json.loads(last[0]) if "--json" in words else {}
