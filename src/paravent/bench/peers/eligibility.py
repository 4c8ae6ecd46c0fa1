"""Is this person covered, and for what: ours over loopback HTTP, the conventional portal, PostgreSQL with pgcrypto.

Every peer has the persons of the same population and answers about the same ones. The portal is the drill's
(docs/drill.md): login once, one person a request. With pgcrypto, whoever asks is on a connection to the database
already, so that no web server is in its time: it is what any application over it costs at least.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import psycopg

from paravent.bench import checks, cluster
from paravent.bench.checks import CheckFigures
from paravent.bench.cluster import NotInstalled
from paravent.bench.peers.figures import ELIGIBILITY, PeerFigures, p50_and_p99
from paravent.drill.conventional.portal import Browser, serving
from paravent.drill.conventional.protection import Contract, Identity, Variant
from paravent.drill.conventional.store import DATABASE, Store, create, insured, protection_of
from paravent.drill.population import Population

ASKED = 50
_SUSTAINED_SECONDS = 1.0
_LOGIN, _PASSWORD = "optician", "correct horse battery staple"
_PGCRYPTO = "postgresql with pgcrypto"
_SCHEMA = """
CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public;
CREATE TABLE insured (reference bytea PRIMARY KEY, contract bytea NOT NULL)
"""
_LOAD = """
INSERT INTO insured
VALUES (public.hmac(%s, %s, 'sha256'), public.pgp_sym_encrypt_bytea(%s, %s, 'cipher-algo=aes256'))
"""
_ASK = "SELECT public.pgp_sym_decrypt_bytea(contract, %s) FROM insured WHERE reference = public.hmac(%s, %s, 'sha256')"
_OPENS = {
    Variant.CLEAR: "everybody", Variant.SHA256: "everybody whose number can be guessed",
    Variant.HMAC: "contracts in clear, of nobody by name; with the application's key everybody",
    Variant.ENCRYPTED: "nobody; with the application's key everybody",
}  # fmt: skip


def eligibility(folder: Path, population: Population) -> Iterator[PeerFigures]:
    """Measures each peer, ours first."""
    yield _ours(folder, population)
    known = list(insured(population))
    for variant in Variant:
        yield _portal(folder / variant.value, variant, known)
    yield _pgcrypto(known)


def _ours(folder: Path, population: Population) -> PeerFigures:
    rows = checks.measure(folder, population, _SUSTAINED_SECONDS)
    found = next(row for row in rows if isinstance(row, CheckFigures))
    return PeerFigures(
        work=ELIGIBILITY, peer="paravent", persons=len(population.persons), p50_ms=found.number_check_p50_ms,
        p99_ms=found.number_check_p99_ms, requests=found.number_checks, bytes_a_person=found.row_bytes,
        copy_opens="nobody; with the hub's keys nobody; with t key servers' everybody",
    )  # fmt: skip


def _portal(home: Path, variant: Variant, known: Sequence[tuple[Identity, Contract]]) -> PeerFigures:
    create(home, variant)
    with Store(home, protection_of(home)) as store:
        store.load(known)
        store.add_account(_LOGIN, _PASSWORD)
    with serving(home) as port:
        browser = Browser(port=port)
        browser.login(_LOGIN, _PASSWORD)
        times = [_milliseconds(browser, identity) for identity, _ in known[:ASKED]]
        browser.close()
    p50, p99 = p50_and_p99(times)
    return PeerFigures(
        work=ELIGIBILITY, peer=f"conventional portal, {variant.value}", persons=len(known), p50_ms=p50, p99_ms=p99,
        requests=len(times), bytes_a_person=round((home / DATABASE).stat().st_size / len(known), 1),
        copy_opens=_OPENS[variant],
    )  # fmt: skip


def _milliseconds(browser: Browser, identity: Identity) -> float:
    started = time.perf_counter()
    status, _ = browser.ask("/rights", {"nir": identity.nir, "birth_date": identity.birth_date, "rank": identity.rank})
    if status != 200:
        raise RuntimeError(f"the portal answered {status} about somebody insured")
    return (time.perf_counter() - started) * 1_000


def _pgcrypto(known: Sequence[tuple[Identity, Contract]]) -> PeerFigures:
    try:
        with cluster.running() as server, psycopg.connect(server.fresh()) as connection:
            return _asked_of(connection, known)
    except (NotInstalled, psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as reason:
        return PeerFigures(work=ELIGIBILITY, peer=_PGCRYPTO, persons=len(known), not_run=str(reason))


def _asked_of(connection: psycopg.Connection, known: Sequence[tuple[Identity, Contract]]) -> PeerFigures:
    lookup_key, column_key = os.urandom(32), hashlib.sha256(os.urandom(32)).hexdigest()
    for statement in _SCHEMA.split(";"):
        connection.execute(statement.encode())
    with connection.cursor() as cursor:
        cursor.executemany(
            _LOAD, [(who.typed(), lookup_key, msgspec.json.encode(what), column_key) for who, what in known]
        )
    connection.commit()
    times = []
    for identity, _ in known[:ASKED]:
        started = time.perf_counter()
        found = connection.execute(_ASK, (column_key, identity.typed(), lookup_key)).fetchone()
        times.append((time.perf_counter() - started) * 1_000)
        if found is None:
            raise RuntimeError("pgcrypto did not find somebody insured")
    size = connection.execute("SELECT pg_total_relation_size('insured')").fetchone()
    p50, p99 = p50_and_p99(times)
    return PeerFigures(
        work=ELIGIBILITY, peer=_PGCRYPTO, persons=len(known), p50_ms=p50, p99_ms=p99, requests=len(times),
        bytes_a_person=round((size[0] if size else 0) / len(known), 1),
        copy_opens="nobody; with the application's key, which is in each statement it sends, everybody",
    )  # fmt: skip
