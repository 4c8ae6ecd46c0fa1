"""A breach desk with something of everything that its console shows: a worked case, an alarm, an overdue contract."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from starlette.applications import Starlette

from paravent.access.config import write_config
from paravent.access.quotas import QuotaLimits
from paravent.access.services_client import ServiceWatch
from paravent.breach.alarm_client import AlarmClient
from paravent.breach.alarm_store import AlarmRounds
from paravent.breach.alarms import take_alarm
from paravent.breach.entries import Opened, Origin, Switched
from paravent.breach.log import origin_key
from paravent.breach.opening import open_case
from paravent.breach.registers.contracts import Contract
from paravent.breach.registers.measures import Answer, Kind
from paravent.breach.registers.store import Store as Registers
from paravent.breach.screens.app import build
from paravent.breach.screens.committee_app import Counts
from paravent.breach.screens.readings_store import Reader
from paravent.breach.store import Store
from paravent.breach.suspension import VerifierEntry
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.drill.cases.attacks import stolen_credential
from paravent.drill.cases.run import CONFIG, work
from paravent.drill.credentials.scene import scene
from paravent.errors import Unreachable
from paravent.pages.screens.console_app import Console
from paravent.wire.alarm import Alarm, AlarmsAnswer, AlarmsRequest, AlarmSubject, Finding, KeptAlarm, Sign
from paravent.wire.bulletins import BulletinCounts
from paravent.wire.statements import Directory, Signed, sign_statement

PERSONS = 60
PROFESSIONAL = "899000001"
HOUR = 3_600
DAY = 24 * HOUR
DRILL = Path(__file__).parents[2] / "docs" / "reports" / "drill.jsonl"


@dataclass(slots=True)
class Verifiers:
    """The verifiers as the desk asks them: what the hub tells, and who does not answer."""

    told: list[Signed] = field(default_factory=list)
    down: set[str] = field(default_factory=set)

    async def post(self, at: VerifierEntry, _path: str, asked: AlarmsRequest, _kind: object) -> AlarmsAnswer:
        """Answers as a verifier: what comes after a number."""
        if at.name in self.down:
            raise Unreachable(f"{at.name} does not answer in time")
        told = self.told if at.name == "hub" and asked.insurer is None else []
        return AlarmsAnswer(alarms=tuple(KeptAlarm(signed=one, leaf=None) for one in told[asked.after :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachDesk:
    """A home, the directory of its platform, its cases by what they are, and the key that signs the hub's alarms."""

    home: Path
    directory: Directory
    key: SigningKey
    hub: SigningKey
    worked: str
    alarmed: str
    by_hand: str
    verifiers: Verifiers = field(default_factory=Verifiers)

    def reader(self) -> Reader:
        """Reads it as the console does."""
        log = origin_key(CONFIG.name, self.key)
        return Reader(home=self.home, directory=self.directory, log=log, drill=DRILL)

    def console(self, port: int) -> tuple[Starlette, Console]:
        """Builds its console; the hub that would count shops does not answer, and verifiers tell ``verifiers``."""

        async def silent() -> BulletinCounts | None:
            return None

        client = AlarmClient(self.directory, self.key, os.urandom)
        client._client = self.verifiers  # type: ignore[assignment] # whoever is asked
        rounds = AlarmRounds(home=self.home, directory=self.directory, client=client, rng=os.urandom)
        return build(
            self.reader(), ServiceWatch(self.directory), Counts(silent), rounds.run, operator=CONFIG.operator, port=port
        )  # fmt: skip


def alarm(
    hub: SigningKey, number: int, raised_at: int, *, subject: str = PROFESSIONAL,
    kind: AlarmSubject = AlarmSubject.PROFESSIONAL, sign: Sign = Sign.VOLUME,
) -> tuple[Signed, Alarm]:  # fmt: skip
    """Signs an alarm as the hub does."""
    said = Alarm(
        verifier="hub", number=number, raised_at=raised_at, budget=12, suspended=True, drill=False,
        finding=Finding(
            sign=sign, kind=kind, subject=subject, day=raised_at // DAY, observed=96,
            whole=96, usual="11.6", statistic="40", limit="20",
        ),
    )  # fmt: skip
    return sign_statement(said, Label.ALARM, "hub", hub), said


@contextmanager
def breach_desk(home: Path, now: int) -> Iterator[BreachDesk]:
    """Plays a case from the alarm to its documents, takes another alarm at ``now``, and registers what is overdue."""
    rng = random.Random(5).randbytes
    write_config(home, CONFIG)
    with scene(2, (), PERSONS, QuotaLimits()) as attacked, Store(home) as store:
        platform = attacked.platform
        key = SigningKey.generate(platform.rng)
        worked = work(attacked, store, stolen_credential, key, None).played.case
        alarmed, _ = take_alarm(store, *alarm(platform.hub.identity.signing_key, 1, now - HOUR), now, rng)
        opened = Opened(
            title="Sauvegarde perdue", facts="Un disque de sauvegarde manque.", origin=Origin.HAND,
            aware_at=now - 5 * DAY, aware_role="responsable de la sécurité",
        )  # fmt: skip
        switched = Switched(target="suspend lane number", effect="Stopped.", sha256=bytes(32), complete=False)
        by_hand = open_case(store, opened, [switched], now).entry.case
        with Registers(home) as registers:
            registers.keep_contract(_contract(), now)
            registers.add([Answer(reference="anssi-1", kind=Kind.NO, owner="exploitation", at=now, kept_at=now)])
        yield BreachDesk(
            home=home, directory=platform.directory, key=key, hub=platform.hub.identity.signing_key, worked=worked,
            alarmed=alarmed, by_hand=by_hand,
        )  # fmt: skip


def _contract() -> Contract:
    return Contract(
        reference="hebergeur", customer="Opérateur", processor="Hébergeur", signed_on=date(2020, 1, 1), contact="DPO"
    )
