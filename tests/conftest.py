"""A real PostgreSQL for the whole session, and a fresh database for each test that asks for one."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from medimart.db import connect
from medimart.local.postgres import PostgresServer, free_port
from medimart.warehouse import prepare


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """An embedded server that lives as long as the test session."""
    folder = Path(tempfile.mkdtemp(prefix="medimart-test-", dir="/tmp"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "data", free_port())
    server.start(fsync="off", synchronous_commit="off", full_page_writes="off", max_connections="60")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database_url(server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f'create database "{name}"')
        yield server.url(name)
        admin.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def warehouse(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A connection to a prepared, empty warehouse with a pseudonymisation key of its own."""
    monkeypatch.setenv("MEDIMART_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
    with connect(database_url) as conn:
        prepare(conn)
        conn.commit()
        yield conn
        conn.rollback()
