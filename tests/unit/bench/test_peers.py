"""``paravent bench --peers``: each peer answers what it is asked, and one that is not there says so."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from paravent.bench.cluster import Cluster
from paravent.bench.peers import eligibility, membership
from paravent.bench.peers.figures import ELIGIBILITY, MEMBERSHIP, p50_and_p99
from paravent.crypto import oprf
from paravent.drill.conventional.protection import Variant
from paravent.drill.conventional.store import insured
from paravent.drill.platform import INSURERS
from paravent.drill.population import synthesise

KNOWN = list(insured(synthesise(60, list(INSURERS), 3, 2026)))
INPUTS = [os.urandom(40) for _ in range(20)]


def test_ours_and_each_package_or_why_not() -> None:
    rows = list(membership.membership(INPUTS))
    assert [row.work for row in rows] == [MEMBERSHIP] * 3
    assert rows[0].requests == len(INPUTS)
    for row in rows:
        assert (row.p50_ms is None) == (row.not_run is not None)
        assert row.not_run is None or row.not_run.endswith("make peers installs it")


def test_shares_that_are_not_of_the_key_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a peer that answers wrongly is not measured."""
    monkeypatch.setattr(oprf, "evaluate", lambda *_: None)
    with pytest.raises(RuntimeError, match="do not evaluate"):
        membership._ours(INPUTS)


def test_pgcrypto_finds_everybody(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(cluster.fresh()) as connection:
        row = eligibility._asked_of(connection, KNOWN)
    assert (row.work, row.requests, row.not_run) == (ELIGIBILITY, min(eligibility.ASKED, len(KNOWN)), None)
    monkeypatch.setattr(eligibility, "_LOAD", eligibility._LOAD.replace("sha256", "sha512"))
    with psycopg.connect(cluster.fresh()) as connection, pytest.raises(RuntimeError, match="did not find"):
        eligibility._asked_of(connection, KNOWN)


def test_the_portal_is_asked_one_person_at_a_time(tmp_path: Path) -> None:
    row = eligibility._portal(tmp_path / "hmac", Variant.HMAC, KNOWN)
    assert (row.persons, row.requests, row.not_run) == (len(KNOWN), min(eligibility.ASKED, len(KNOWN)), None)


def test_percentiles() -> None:
    assert p50_and_p99([float(number) for number in range(1, 101)]) == (50.5, 99.99)
