"""The attacks of the worked cases, on a simulated platform; each returns what the thief truly learnt, by insurer."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paravent.breach import entries
from paravent.breach.case import OPERATOR, keep_measure, keep_safeguards
from paravent.breach.entries import AnyEvent, Category, LootKind, Noted, Opened, Origin, Stolen
from paravent.breach.opening import open_case
from paravent.breach.registers.measures import Answer, Kind
from paravent.breach.registers.store import shipped
from paravent.breach.store import Store as BreachStore
from paravent.crypto.labels import Label, dec, enc
from paravent.crypto.signing import key_id
from paravent.drill.cases import evidence
from paravent.drill.credentials.attacker import Attacker
from paravent.drill.credentials.scene import DAY, Scene
from paravent.drill.theft import Theft, copy_database
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.insurer import case as insurer_case
from paravent.insurer.case_cli import references
from paravent.wire.codec import encode

HONEST_CHECKS = 12
"""Persons whom another shop serves meanwhile: they are not to be listed."""

PERSONS = 400
MEASURES_BEFORE = (
    "Les droits des assurés sont chiffrés ligne par ligne ; il faut plusieurs serveurs de clés pour ouvrir une ligne.",
    "Chaque ouverture est inscrite, avant toute réponse, à un journal que la plateforme ne contrôle pas.",
    "Le nombre de dossiers qu'un professionnel peut ouvrir en 24 heures est limité.",
)

OWNER = "exploitation"
PROVED_BEFORE = ("anssi-36", "anssi-37", "cnil-16")
SINCE = "anssi-40"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A case as it was played: its identifier, and the labels that the thief truly opened, by insurer.

    ``opened_at`` is the clock when the case was opened, ``shares_at`` when two shares were in (None: none was needed).
    """

    case: str
    opened_at: float
    shares_at: float | None
    truth: dict[str, frozenset[bytes]]
    opened: int


Attack = Callable[[Scene, BreachStore], Played]


def stolen_credential(scene: Scene, store: BreachStore) -> Played:
    """Uses one optician's device key for three days, while another shop works."""
    platform, thief = scene.platform, scene.attacker
    honest = _split(scene)
    began = platform.now
    for _ in range(3):
        honest.drain(scene.hits[-HONEST_CHECKS:])
        thief.drain(scene.hits)
        platform.now += DAY
    now = platform.now
    case, opened_at = _opened(
        store, now,
        Opened(
            title="L'ordinateur d'un opticien utilisé par un inconnu pendant trois jours",
            facts="Un opticien signale qu'un inconnu s'est servi de son ordinateur, mis hors service depuis.",
            origin=Origin.DRILL, aware_at=now, aware_role="responsable de la sécurité", began_at=began, ended_at=now,
        ),
    )  # fmt: skip
    keyid = key_id(thief.devices[0].public)
    _add(store, case, now, Stolen(kind=LootKind.DEVICE_KEY, keyid=keyid, from_at=began, to_at=now))
    evidence.measure_logs(platform, store, case, now)
    shares_at = time.perf_counter()
    evidence.open_window(platform, store, case, (began, now), now)
    evidence.answer_questions(platform, store, case, now)
    return _played(case, thief.opened.values(), len(thief.opened), opened_at, shares_at)


def stolen_hub(scene: Scene, store: BreachStore) -> Played:
    """Copies the hub's database, its backup and the true list of everybody: everything is tried, nothing opens."""
    platform = scene.platform
    copied = copy_database(platform.hub.home.folder / HUB_DATABASE, platform.home / "stolen.db")
    loot = Theft(database=copied, leaked=platform.population.leaked_list(), directory=platform.directory).attack([])
    now = platform.now
    case, opened_at = _opened(
        store, now,
        Opened(
            title="Base et sauvegardes de la plateforme copiées",
            facts="Quelqu'un a copié la base de la plateforme et ses sauvegardes, et demande une rançon.",
            origin=Origin.DRILL, aware_at=now, aware_role="responsable de la sécurité", ended_at=now,
        ),
    )  # fmt: skip
    note = b"Votre base est chez nous. Vous avez sept jours."
    kept = store.keep_file(note)
    _add(store, case, now, Noted(category=Category.RANSOM_DEMAND, text="Une note de rançon a été reçue par courriel."))
    _add(store, case, now, entries.Artefact(name="rancon.txt", sha256=kept, size=len(note), source="courriel reçu"))
    _add(store, case, now, entries.Custody(
        sha256=kept, action="copie conservée", giver="responsable de la sécurité", taker="bureau des violations",
    ))  # fmt: skip
    _add(store, case, now, Stolen(kind=LootKind.DATABASE, to_at=now))
    _add(store, case, now, Stolen(kind=LootKind.BACKUP, to_at=now))
    evidence.measure_logs(platform, store, case, now)
    return _played(case, (), len(loot.opened), opened_at)


def clear_file(scene: Scene, store: BreachStore) -> Played:
    """Takes a clear-text extract of members at one insurer."""
    platform = scene.platform
    insurer = next(iter(platform.insurers.values()))
    members = sorted(member.member_id for member in insurer.members)[::3]
    content = "\n".join(["member_id", *members, ""]).encode()
    now = platform.now
    case, opened_at = _opened(
        store, now,
        Opened(
            title="Un fichier non chiffré sorti d'un organisme",
            facts="Un extrait non chiffré du fichier des adhérents d'un organisme circule.",
            origin=Origin.DRILL, aware_at=now, aware_role="délégué à la protection des données",
        ),
    )  # fmt: skip
    signed = insurer_case.leaked(
        case, insurer.amc, content, references(content), insurer.store.journal,
        (insurer.number, insurer.batch_number), insurer.keys.issuer,
    )  # fmt: skip
    digest = store.keep_file(content)
    _add(store, case, now, Stolen(kind=LootKind.CLEAR_FILE, insurer=insurer.amc, sha256=digest))
    evidence.measure_logs(platform, store, case, now)
    keep_measure(store, case, "leak", encode(signed), platform.directory, now)
    taken = set(members)
    labels = [
        enc(Label.OPEN, insurer.amc, insurer.number, insurer.batch_number, handle)
        for member in taken for handle in insurer.store.journal.handles(insurer.number, member)
    ]  # fmt: skip
    return _played(case, labels, len(taken), opened_at)


def _split(scene: Scene) -> Attacker:
    """Gives the second device back to an honest shop."""
    thief, honest_key = scene.attacker, scene.attacker.devices[1]
    thief.devices = thief.devices[:1]
    return Attacker(
        devices=[honest_key], directory=thief.directory, epochs=thief.epochs, rows=thief.rows, stolen={},
        send=scene.send, clock=thief.clock, rng=thief.rng,
    )  # fmt: skip


def _opened(store: BreachStore, now: int, said: Opened) -> tuple[str, float]:
    """Opens a case, and says what protected the data beforehand; returns it with the clock at its opening."""
    before = [Noted(category=Category.MEASURE_BEFORE, text=text) for text in MEASURES_BEFORE]
    opened_at = time.perf_counter()
    case = open_case(store, said, before, now).entry.case
    keep_safeguards(store, case, shipped(), _answers(now), now)
    return case, opened_at


def _answers(now: int) -> list[Answer]:
    """Answers the register as an operator would have: some long before, one on the day of the alarm."""
    spring = now - 90 * DAY
    proof = hashlib.sha256(b"proof of the demonstration").digest()
    return [
        *(
            Answer(reference=reference, kind=Kind.DOCUMENT, owner=OWNER, at=spring, kept_at=spring, proof=proof)
            for reference in PROVED_BEFORE
        ),
        Answer(reference=SINCE, kind=Kind.NO, owner=OWNER, at=spring, kept_at=spring),
        Answer(reference=SINCE, kind=Kind.DECLARED, owner=OWNER, at=now, kept_at=now),
    ]  # fmt: skip


def _add(store: BreachStore, case: str, now: int, said: AnyEvent) -> None:
    store.add(case, said, role=OPERATOR, now=now)


def _played(
    case: str, labels: Iterable[bytes], opened: int, opened_at: float, shares_at: float | None = None
) -> Played:
    truth: defaultdict[str, set[bytes]] = defaultdict(set)
    for label in labels:
        truth[dec(Label.OPEN, label, 4)[0].decode()].add(label)
    return Played(
        case=case, opened_at=opened_at, shares_at=shares_at,
        truth={amc: frozenset(found) for amc, found in truth.items()}, opened=opened,
    )  # fmt: skip
