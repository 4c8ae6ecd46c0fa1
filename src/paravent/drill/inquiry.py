"""What the breach desk computes of a theft, from the evidence that running parties hand over (docs/protocol.md 16).

Logs, counts and answers come from each party's own verbs; the desk's own code verifies, opens the window with two
custodians' shares, asks the insurers and computes. It is told what was stolen, never what was learnt.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.access.store import read_secret
from paravent.breach import case as cases
from paravent.breach.entries import LootKind, Opened, Origin, Stolen
from paravent.breach.store import Store
from paravent.breach.unsealing import unseal
from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.hpke import BoxKey
from paravent.crypto.note import parse_note
from paravent.drill.ground import KEYSERVERS
from paravent.drill.platform import Platform
from paravent.drill.theft import read_directory
from paravent.errors import TechnicalFailure
from paravent.keyserver.store import DATABASE
from paravent.wire.codec import encode

HOUR_SECONDS = 3_600
CUSTODIANS = ("custodian-1", "custodian-3")
COSIGNED_SECONDS_MAX = 180.0
_DEVICES = {LootKind.DEVICE_KEY, LootKind.DESK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What the desk computes, all insurers together: proved and listed, best estimate, upper bound, claim lines."""

    proved: int
    estimate: int
    upper: int
    membership_upper: int
    claims_upper: int


def inquire(platform: Platform, folder: Path, stolen: Sequence[Stolen], began: int) -> Computed:
    """Opens a case over what was stolen, measures, asks, and computes."""
    directory, now = read_directory(platform), int(time.time())
    witnessed = any(loot.kind in _DEVICES for loot in stolen)
    # What no device did, no witness saw: the counts alone say how many rows there were.
    logs = [_log(platform, server, folder) for server in KEYSERVERS] if witnessed else []
    counts = folder / "counts.json"
    platform.command("hub", "counts", "--home", platform.home / "hub", "--out", counts)
    with Store(folder / "desk") as store:
        case = store.next_case(time.gmtime(now).tm_year)
        store.add(case, _opening(began, now), role="drill", now=now, new=True)
        for loot in stolen:
            store.add(case, loot, role=cases.OPERATOR, now=now)
        for content in logs:
            cases.keep_measure(store, case, "log", content, directory, now)
        cases.keep_measure(store, case, "counts", counts.read_bytes(), directory, now)
        if witnessed:
            window = (began // HOUR_SECONDS, now // HOUR_SECONDS)
            keys = [BoxKey(read_secret(platform.home / name / "custodian.key", 96)) for name in CUSTODIANS]
            lines = [line for content in logs for line in cases.read_log(content)[1]]
            opened = unseal(lines, keys, directory, first_hour=window[0], last_hour=window[1])
            cases.keep_openings(store, case, opened, window, CUSTODIANS, now)
            _ask(platform, folder, store, case, now)
        found = [one for one, _ in cases.compute(store, case, directory, QuotaLimits(), now)]
    return Computed(
        proved=sum(one.proved for one in found), estimate=sum(one.estimate for one in found),
        upper=sum(one.upper for one in found), membership_upper=sum(one.membership_upper for one in found),
        claims_upper=sum(one.claims_upper for one in found),
    )  # fmt: skip


def _opening(began: int, now: int) -> Opened:
    return Opened(
        title="Exercice", facts="Un tiers a pris ce que l'exercice dit.", origin=Origin.DRILL, aware_at=now,
        aware_role="responsable de la sécurité", began_at=began, ended_at=now,
    )  # fmt: skip


def _ask(platform: Platform, folder: Path, store: Store, case: str, now: int) -> None:
    """Has each insurer read the logs and open the labels of the stolen devices' leaves."""
    directory = read_directory(platform)
    for question in cases.questions(store, case, directory, now):
        insurer = platform.home / f"insurer-{question.insurer}"
        asked, answer = folder / f"asked-{question.insurer}.json", folder / f"answer-{question.insurer}.json"
        asked.write_bytes(encode(question))
        platform.command("insurer", "journal", "--home", insurer, "--json")
        platform.command("insurer", "answer", asked, "--home", insurer, "--out", answer)
        cases.keep_measure(store, case, "answer", answer.read_bytes(), directory, now)


def _log(platform: Platform, server: str, folder: Path) -> bytes:
    """Exports a server's log, once the others have cosigned all of it."""
    deadline = time.monotonic() + COSIGNED_SECONDS_MAX
    while not _cosigned(platform, server):
        if time.monotonic() > deadline:
            raise TechnicalFailure(f"the log of {server} was not cosigned in {COSIGNED_SECONDS_MAX:.0f} s")
        time.sleep(0.2)
    out = folder / f"{server}.leaves"
    platform.command("keyserver", "export-log", "--home", platform.home / server, "--out", out)
    return out.with_suffix(".json").read_bytes().strip() + b"\n" + out.read_bytes()


def _cosigned(platform: Platform, server: str) -> bool:
    status, answer = platform.call(server, "/v1/log/checkpoint", json.dumps({"old": 0}).encode(), {})
    if status != 200:
        return False
    note = parse_note(base64.b64decode(answer["note"]))
    with closing(sqlite3.connect(f"file:{platform.home / server / DATABASE}?mode=ro", uri=True)) as connection:
        (leaves,) = connection.execute("SELECT COUNT(*) FROM leaf").fetchone()
    signers = {signature.name for signature in note.signatures}
    return parse_checkpoint(note.text).size == leaves and signers >= {*KEYSERVERS, "hub"}
