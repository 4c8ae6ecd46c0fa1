"""Whoever knows of one purchase of somebody: looks for the person in what the hub keeps, and in its memory."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from paravent.access.store import read_secret
from paravent.breach.entries import LootKind, Stolen
from paravent.drill.counter import BASKET, PRESCRIPTION
from paravent.drill.ground import Ground
from paravent.drill.inquiry import inquire
from paravent.drill.memory import Seen, look
from paravent.drill.platform import Platform, shop
from paravent.drill.population import SyntheticPerson
from paravent.drill.row import Figure, PlatformName, Ran, Row
from paravent.drill.stores import hub_copy
from paravent.drill.theft import read_directory
from paravent.errors import MalformedMessage, StorageDown
from paravent.hub.books import KeptAct, KeptClaim, KeptRight
from paravent.hub.vault import DatabaseKey
from paravent.wire.codec import decode

SALES = 5
_APART_SECONDS = 2.1
"""No other sale of that shop is as near to the known one as the second that its receipt says."""

Kept = KeptAct | KeptRight | KeptClaim
_KINDS: tuple[type[Kept], ...] = (KeptRight, KeptClaim, KeptAct)
_CHEAPER = BASKET | {"frame_cents": 5_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What the thief knows of it: whose it is, in which shop, its second, and the number on its receipt."""

    person: SyntheticPerson
    shop: str
    at: int
    claim: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one attack told: contracts read, persons recognised, what may be theirs, and how long it took."""

    case: str
    opened: int
    recognised: int
    bound: int
    seconds: float
    figures: dict[str, Figure]


def linkage(ground: Ground) -> Iterator[Row]:
    """Knows of one purchase of somebody (shop, second, receipt): looks in a copy, with its key, and in memory."""
    platform, began = ground.paravent(), int(time.time())
    purchase, in_memory = _made(ground, platform)
    copy = hub_copy(ground, platform).database
    key = DatabaseKey(read_secret(platform.home / "hub" / "secrets" / "database.key", 32))
    for learnt in (_in_copy(copy, purchase), _with_key(copy, key, purchase), in_memory):
        loot = Stolen(kind=LootKind.HUB, from_at=began, to_at=int(time.time())) if learnt.bound else Stolen(
            kind=LootKind.DATABASE
        )  # fmt: skip
        found = inquire(platform, ground.folder("case"), [loot], began)
        yield Row(
            scenario="linkage", platform=PlatformName.PARAVENT, case=learnt.case, ran=Ran.PROCESSES,
            persons=ground.persons, opened=learnt.opened, membership=learnt.recognised, bound=learnt.bound,
            formula="0 in a copy; as root, those whose purchase is known already", computed=found.estimate,
            seconds=round(learnt.seconds, 2), figures=learnt.figures | {"known_purchases": 1},
            remains="" if learnt.case == "copy" else "his insurer, every amount, shop and second of his",
        )  # fmt: skip


def _made(ground: Ground, platform: Platform) -> tuple[Purchase, Learnt]:
    """Sells to a few, then to the one who is known, while root reads the hub's memory; the shop corrects that claim."""
    counter, seen = ground.counter(), Seen()
    issuers, others = dict(read_directory(platform).issuers()), ground.next_customers(SALES)
    for person in others[:-1]:
        counter.sell(counter.by_number(person))
    time.sleep(_APART_SECONDS)
    pid = platform.processes["hub"].pid
    look(pid, seen, issuers, [])
    before, check, started = set(seen.entitlements), counter.by_number(others[-1]), time.perf_counter()
    counter.reserve(check)
    look(pid, seen, issuers, [])
    sale = counter.sell(check)
    look(pid, seen, issuers, [])
    new, seconds = len(set(seen.entitlements) - before), time.perf_counter() - started
    order = {"check": check, "prescription": PRESCRIPTION.read_text(), "basket": _CHEAPER}
    counter.ask("/v1/corrections", order | {"corrects": sale["claim_id"]})
    purchase = Purchase(
        person=others[-1], shop=shop(platform.ports[counter.desk]), at=int(sale["decided_at"]),
        claim=base64.b64decode(sale["claim_id"]),
    )  # fmt: skip
    alone = int(new == 1)
    return purchase, Learnt(
        case="hub-root-at-that-minute", opened=alone, recognised=alone, bound=1, seconds=seconds,
        figures={"entitlements_that_may_be_his": new},
    )  # fmt: skip


def _in_copy(copy: Path, purchase: Purchase) -> Learnt:
    """Looks in every byte of a copy for the number of the receipt, and for who bought."""
    started, content, person = time.perf_counter(), copy.read_bytes(), purchase.person
    forms = [purchase.claim, purchase.claim.hex().encode(), base64.b64encode(purchase.claim)]
    forms += [person.name.encode(), person.coverages[0].nir.encode(), person.member_id.encode()]
    found = sum(form in content for form in forms)
    return Learnt(
        case="copy", opened=0, recognised=int(found > 0), bound=0, seconds=time.perf_counter() - started,
        figures={"records": _records(copy), "of_his_in_clear": found},
    )  # fmt: skip


def _with_key(copy: Path, key: DatabaseKey, purchase: Purchase) -> Learnt:
    """Opens every record, and looks for claims of that shop at that second: their right leads to all else of his."""
    started, kept = time.perf_counter(), _opened(copy, key)
    claims = [one for one in kept.values() if isinstance(one, KeptClaim)]
    rights = {
        claim.right for claim in claims
        if claim.shop == key.holder(purchase.shop) and abs(claim.record.first_decided_at - purchase.at) <= 1
    }  # fmt: skip
    his = [claim for claim in claims if len(rights) == 1 and claim.right in rights]
    acts = {claim.opened_by for claim in his} & kept.keys()
    return Learnt(
        case="copy+database-key", opened=0, recognised=int(bool(his)), bound=0, seconds=time.perf_counter() - started,
        figures={
            "rights": sum(isinstance(one, KeptRight) for one in kept.values()), "rights_that_may_be_his": len(rights),
            "claims_of_his": len(his), "decisions_of_his": len(acts),
        },
    )  # fmt: skip


def _records(copy: Path) -> int:
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as connection:
        (records,) = connection.execute("SELECT COUNT(*) FROM record").fetchone()
    return int(records)


def _opened(copy: Path, key: DatabaseKey) -> dict[bytes, Kept]:
    """Opens what the key opens: acts, rights and claims by name."""
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as connection:
        records = connection.execute("SELECT name, sealed FROM record").fetchall()
    found: dict[bytes, Kept] = {}
    for name, sealed in records:
        for kind in _KINDS:
            with suppress(MalformedMessage, StorageDown):
                found[name] = decode(key.open(name, sealed), kind)
    return found
