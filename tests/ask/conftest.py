"""The small warehouse, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import small_warehouse
from medimart import landing
from medimart.ask import reader
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.warehouse import prepare

DATABASE = "asked"


@pytest.fixture(scope="session")
def url(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the small warehouse."""
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute(f"create database {DATABASE}")
        with connect(server.url(DATABASE)) as conn:
            prepare(conn)
            conn.commit()
            landing.load_seeds(conn)
            small_warehouse.fill(conn)
            conn.commit()
        yield server.url(DATABASE)
        admin.execute(f"drop database {DATABASE} with (force)")


@pytest.fixture(scope="session")
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session that sees the exact marts: for figures worked out by hand."""
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def shared(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the shared reader."""
    with reader.reading(url) as conn:
        yield conn
