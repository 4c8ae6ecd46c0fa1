"""``hub shard-sql`` and ``hub init --shards``, as an operator runs them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from paravent.access.config import read_config
from paravent.bench.cluster import Cluster
from paravent.hub.cli import group
from paravent.hub.config import HubConfig


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, list(map(str, arguments)))


@pytest.mark.parametrize("string", ["host=h password=secret", "postgresql://hub:secret@h/shard_0"])
def test_a_password_is_never_written_into_sql(string: str, tmp_path: Path) -> None:
    done = run("shard-sql", "--home", tmp_path, "--out", tmp_path / "sql", "--shard", string, "--shard", "host=b")
    assert done.exit_code == 1
    assert not (tmp_path / "sql").exists()


def test_a_role_that_is_no_name_is_refused(tmp_path: Path) -> None:
    shards = ("--shard", "host=a", "--shard", "host=b")
    done = run("shard-sql", "--home", tmp_path, "--out", tmp_path / "sql", *shards, "--user", 'x" SUPERUSER')
    assert done.exit_code == 1
    assert not (tmp_path / "sql").exists()


def test_an_operator_makes_shards_and_a_hub_on_them(cluster: Cluster, tmp_path: Path) -> None:
    names = ("verb_hub", "verb_shard_0", "verb_shard_1")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'plproxy'").fetchone() is None:
            pytest.skip("this PostgreSQL has no PL/Proxy: apt-get install postgresql-15-plproxy")
        for name in names:
            connection.execute(f"CREATE DATABASE {name}".encode())
    strings = [f"host=127.0.0.1 port={cluster.port} dbname={name}" for name in names[1:]]
    asked: tuple[str | Path, ...] = ("shard-sql", "--home", tmp_path, "--out", tmp_path / "sql", "--user", "postgres",
             *(part for string in strings for part in ("--shard", string)))  # fmt: skip
    assert run(*asked, "--dry-run").exit_code == 0
    assert not (tmp_path / "sql").exists()
    assert run(*asked).exit_code == 0
    # Twice: an operator runs the files again with each version, and keeps what is there.
    for _ in range(2):
        for name, file in zip(names, ("hub.sql", "shard-0.sql", "shard-1.sql"), strict=True):
            with psycopg.connect(cluster.database_url(name), autocommit=True) as connection:
                connection.execute((tmp_path / "sql" / file).read_bytes())
    url = tmp_path / "database.url"
    url.touch(0o600)
    url.write_text(cluster.database_url("verb_hub"))
    init = ("init", "--home", tmp_path / "hub", "--port", "8000", "--database-url-file", url)
    done = run(*init, "--shards", "2", "--json")
    assert done.exit_code == 0, done.output
    settings = read_config(tmp_path / "hub", HubConfig)
    assert settings.store is not None
    assert settings.store.shards == 2


def test_shards_without_a_database_that_calls_them_are_refused(tmp_path: Path) -> None:
    done = run("init", "--home", tmp_path / "hub", "--port", "8000", "--shards", "2")
    assert done.exit_code == 1
    assert not (tmp_path / "hub").exists()
