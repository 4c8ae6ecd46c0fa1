"""The conventional platform of the drill: it keeps out the clumsy, and the thefts open what the rows say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from paravent.drill.conventional import run
from paravent.drill.conventional.app import FAILURES_MAX, REQUESTS_PER_MINUTE_MAX
from paravent.drill.conventional.portal import Browser, serving
from paravent.drill.conventional.protection import Protection, Variant
from paravent.drill.conventional.store import Store, create, insured, protection_of
from paravent.drill.ground import LOGIN, PASSWORD, Ground
from paravent.drill.platform import INSURERS
from paravent.drill.population import Population, synthesise
from paravent.drill.row import Row
from paravent.errors import TechnicalFailure

PERSONS = 200
# An account that may look up sixty persons a day gives them away: what a device key does.
LIMITED = {name: {"encrypted-60-a-day": 60} for name in ("stolen-password", "provider-session")}


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(PERSONS, list(INSURERS), 7, 2026)


@pytest.fixture(scope="module")
def rows(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Row]]:
    plays = (run.stolen_password, run.provider_session, run.database, run.old_backups, run.with_the_key("insider"))
    with closing(Ground(home=tmp_path_factory.mktemp("conventional"), population=population)) as ground:
        yield [row for play in plays for row in play(ground)]


def opened(rows: list[Row], scenario: str) -> dict[str, int | None]:
    return {row.case: row.opened for row in rows if row.scenario == scenario}


@pytest.fixture
def portal(population: Population, tmp_path: Path) -> Iterator[int]:
    create(tmp_path, Variant.ENCRYPTED)
    with Store(tmp_path, protection_of(tmp_path)) as store:
        store.load(insured(population))
        store.add_account(LOGIN, PASSWORD)
    with serving(tmp_path) as port:
        yield port


@pytest.mark.parametrize("scenario", ["stolen-password", "provider-session", "insider", "old-backups"])
def test_whoever_is_inside_opens_everybody_whatever_the_variant(rows: list[Row], scenario: str) -> None:
    assert opened(rows, scenario) == dict.fromkeys(Variant, PERSONS) | LIMITED.get(scenario, {})


def test_a_copy_opens_everybody_unless_the_key_stayed_behind(rows: list[Row]) -> None:
    everybody, nobody = dict.fromkeys((Variant.CLEAR, Variant.SHA256), PERSONS), {Variant.HMAC: 0, Variant.ENCRYPTED: 0}
    assert opened(rows, "database") == everybody | nobody
    assert all(row.holds() for row in rows)


def test_a_keyed_number_leaves_the_contracts_in_clear(rows: list[Row]) -> None:
    readable = {row.case: row.figures["readable"] for row in rows if row.scenario == "database"}
    assert int(readable[Variant.HMAC] or 0) >= PERSONS
    assert readable[Variant.ENCRYPTED] == 0


def test_who_left_is_opened_from_a_backup_and_not_from_the_database(population: Population, tmp_path: Path) -> None:
    create(tmp_path, Variant.CLEAR)
    gone, _ = next(insured(population))
    with Store(tmp_path, protection_of(tmp_path)) as store:
        store.load(insured(population))
        assert store.find(gone) is not None
        store.leave([gone])
        assert store.find(gone) is None


def test_the_portal_limits_an_address_and_the_next_one_goes_on(portal: int, population: Population) -> None:
    browser = Browser(port=portal)
    browser.login(LOGIN, PASSWORD)
    line = population.leaked_list()[0]
    body = {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank}
    statuses = [browser.post("/rights", body)[0] for _ in range(REQUESTS_PER_MINUTE_MAX)]
    assert statuses.count(200) == REQUESTS_PER_MINUTE_MAX - 1  # the login was one
    assert statuses[-1] == 429
    browser.next_address()
    assert browser.post("/rights", body)[0] == 200
    browser.close()


def test_the_portal_shows_nothing_without_a_session_and_locks_an_account_that_is_guessed(
    portal: int, population: Population
) -> None:
    browser = Browser(port=portal)
    line = population.leaked_list()[0]
    body = {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank}
    assert browser.post("/rights", body)[0] == 401
    for _ in range(FAILURES_MAX):
        with pytest.raises(TechnicalFailure, match="401"):
            browser.login(LOGIN, "a guess")
    with pytest.raises(TechnicalFailure, match="423"):
        browser.login(LOGIN, PASSWORD)
    browser.close()


def test_a_claim_is_kept_once(portal: int, population: Population) -> None:
    browser = Browser(port=portal)
    browser.login(LOGIN, PASSWORD)
    line = population.leaked_list()[0]
    sale = {"nir": line.nir, "birth_date": line.birth_date, "rank": line.rank, "number": "1", "items": "-", "cents": 1}
    assert [browser.post("/claims", sale)[1]["new"] for _ in range(2)] == [True, False]
    assert browser.post("/claims", {"nir": 1})[0] == 400
    browser.close()


def test_without_its_key_a_variant_finds_nobody(population: Population) -> None:
    identity, _ = next(insured(population))
    assert Protection(variant=Variant.HMAC, key=None).reference(identity) is None
    assert identity.nir not in repr(identity)
