"""Thefts on the conventional platform from logs and memory, with an insurer's keys, by guessing (docs/drill.md)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.drill.conventional.portal import Browser
from paravent.drill.conventional.protection import ApplicationKey, Identity, Protection, Variant, typed
from paravent.drill.conventional.run import HIDDEN, Found, on_each, on_each_and_quota, read, row, scraped
from paravent.drill.conventional.store import JOURNAL_FILE, Store
from paravent.drill.ground import INSURER_LOGIN, LOGIN, PASSWORD, Ground, Portal
from paravent.drill.memory import Seen, look
from paravent.drill.population import LeakedLine, possible_numbers, write_member_file
from paravent.drill.row import PlatformName, Ran, Row

LOOKED_UP, GUESSED, BUYERS, CALLS = 20, 20, 4, 8
_OK = 200


def identity_of(line: LeakedLine) -> Identity:
    """Writes a line of the list as the platform asks for it."""
    return Identity(nir=line.nir, birth_date=line.birth_date, rank=line.rank, name=line.name)


def asked(line: LeakedLine) -> dict[str, object]:
    """Writes a line as the body of a look-up."""
    return {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank}


def entered(portal: Portal, login: str = LOGIN) -> Browser:
    """Logs in with a stolen password."""
    browser = Browser(port=portal.port)
    browser.login(login, PASSWORD)
    return browser


def logs(ground: Ground) -> Iterator[Row]:
    """Reads who looked whom up: the references that the list explains say who was insured, not what is paid."""
    lines = ground.population.leaked_list()
    for variant in Variant:
        portal = ground.portal(variant)
        path = portal.home / JOURNAL_FILE
        before = path.stat().st_size
        scraped(entered(portal), lines[:LOOKED_UP])
        started = time.perf_counter()
        kept = {bytes.fromhex(one.split()[2]) for one in path.read_text()[before:].splitlines()}
        seen = {line for line in lines if portal.without_key().reference(identity_of(line)) in kept}
        seconds = time.perf_counter() - started
        found = row(ground, "logs", portal, 0, (set(), 0), seconds=seconds, remains="who looked up how many, when")
        yield msgspec.structs.replace(found, membership=ground.population.persons_of(seen))


def memory(ground: Ground) -> Iterator[Row]:
    """Reads the portal's memory: whatever lies there as 32 bytes is tried as the key, then the copy is read."""

    def theft(portal: Portal) -> Found:
        seen, sample = Seen(), identity_of(ground.population.leaked_list()[0])
        look(portal.pid, seen, {}, [], keys=True)
        with Store(portal.backup(), portal.without_key()) as store:
            known = store.references()
        for key in (bytes(32), *sorted(seen.keys)):
            protection = Protection(variant=portal.variant, key=ApplicationKey(key))
            if protection.reference(sample) in known:
                return read(portal.backup(), protection, ground.population)
        return set(), 0

    return on_each(ground, "memory", theft)


def desk_malware(ground: Ground) -> Iterator[Row]:
    """Takes the open session from an optician's machine, and asks for everybody from elsewhere."""

    def theft(portal: Portal) -> Found:
        victim = entered(portal)
        victim.close()
        return scraped(Browser(port=portal.port, token=victim.token), ground.population.leaked_list())

    return on_each_and_quota(ground, "desk-malware", theft)


def insurer_credential(ground: Ground) -> Iterator[Row]:
    """Logs in as an insurer, whose account sees its own members only."""
    members = len(ground.population.of_insurer(ground.population.insurers[0]))
    return on_each(
        ground, "insurer-credential",
        lambda portal: scraped(entered(portal, INSURER_LOGIN), ground.population.leaked_list()),
        bound=lambda _: members,
    )  # fmt: skip


def insurer_bulk_key(ground: Ground) -> Iterator[Row]:
    """Has the key of an insurer's nightly member file, and one night's file from a backup of the exchange."""
    amc = ground.population.insurers[0]
    folder, key = ground.folder("exchange"), os.urandom(32)
    members = write_member_file(folder / "members.csv", ground.population, amc)
    nonce = os.urandom(12)
    (folder / "members.enc").write_bytes(
        nonce + ChaCha20Poly1305(key).encrypt(nonce, (folder / "members.csv").read_bytes(), None)
    )
    (folder / "members.csv").unlink()
    started = time.perf_counter()
    stored = (folder / "members.enc").read_bytes()
    lines = ChaCha20Poly1305(key).decrypt(stored[:12], stored[12:], None).decode().splitlines()[1:]
    opened = len({line.split(",")[0] for line in lines})
    yield Row(
        scenario="insurer-bulk-key", platform=PlatformName.CONVENTIONAL, case="nightly-file", ran=Ran.PROCESSES,
        persons=ground.persons, opened=opened, membership=opened, bound=members, formula="that insurer's members",
        seconds=round(time.perf_counter() - started, 2),
    )  # fmt: skip


def nir_guessing(ground: Ground) -> Iterator[Row]:
    """Knows all but the number of everybody: guesses it in a copy, and at the portal for those with fewest births."""
    lines = sorted(ground.population.leaked_list(), key=lambda line: len(possible_numbers(line.nir)))
    for variant in Variant:
        portal, started = ground.portal(variant), time.perf_counter()
        found = _guessed_in_a_copy(portal, lines)
        seconds, bound = time.perf_counter() - started, 0 if variant in HIDDEN else ground.persons
        yield _case(row(ground, "nir-guessing", portal, bound, (found, len(found)), seconds=seconds), "copy")
    portal, started = ground.portal(Variant.ENCRYPTED), time.perf_counter()
    browser, opened = entered(portal), set()
    for line in lines[:GUESSED]:
        for number in possible_numbers(line.nir):
            if browser.ask("/rights", asked(line) | {"nir": number})[0] == _OK:
                opened.add(line)
                break
    browser.close()
    loot = row(
        ground, "nir-guessing", portal, GUESSED, (opened, len(opened)), seconds=time.perf_counter() - started,
        remains="and so on, without a limit",
    )  # fmt: skip
    yield _case(loot, f"portal-{GUESSED}-persons")


def _guessed_in_a_copy(portal: Portal, lines: list[LeakedLine]) -> set[LeakedLine]:
    protection = portal.without_key()
    if portal.variant in HIDDEN:
        return set()  # without the key there is nothing to compute of a number
    with Store(portal.backup(), protection) as store:
        known = store.references()
    return {
        line for line in lines
        if any(
            protection.reference_of(typed(number, line.birth_date, line.rank)) in known
            for number in possible_numbers(line.nir)
        )
    }  # fmt: skip


def _case(found: Row, theft: str) -> Row:
    return msgspec.structs.replace(found, case=f"{found.case}-{theft}")


def membership_test(ground: Ground) -> Iterator[Row]:
    """Looks everybody's reference up in a copy, without the key."""
    lines = ground.population.leaked_list()
    for variant in Variant:
        portal, started = ground.portal(variant), time.perf_counter()
        protection = portal.without_key()
        with Store(portal.backup(), protection) as store:
            known = store.references()
        seen = {line for line in lines if protection.reference(identity_of(line)) in known}
        found = row(ground, "membership-test", portal, 0, (set(), 0), seconds=time.perf_counter() - started)
        yield msgspec.structs.replace(found, bound=0, membership=ground.population.persons_of(seen))
