"""A warehouse that is ready for loads and empty at the start of each test, and a landing folder to fill."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from landing_folder import LandingFolder, forget, open_warehouse
from medimart import landing
from medimart.local.postgres import PostgresServer
from medimart.warehouse import prepare

TEMPLATE = "landing_template"


@pytest.fixture(scope="session")
def template(server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, with a database to copy: set up, seeds loaded, empty tables for every source."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {TEMPLATE}")
        with open_warehouse(server.url(TEMPLATE)) as conn:
            prepare(conn)
            landing.load_seeds(conn)
            landing.ensure_tables(conn)
            conn.commit()
        yield server
        admin.execute(f"drop database {TEMPLATE}")


@pytest.fixture(scope="module")
def url(template: PostgresServer) -> Iterator[str]:
    """The URL of a ready warehouse, the module's own; `conn` leaves it empty."""
    yield from _copy(template)


@pytest.fixture(scope="module")
def kept_url(template: PostgresServer) -> Iterator[str]:
    """The URL of another, for what a module loads once and all its tests look at."""
    yield from _copy(template)


def _copy(server: PostgresServer) -> Iterator[str]:
    name = f"landing_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        yield server.url(name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to it, without any load before and after the test."""
    with open_warehouse(url) as conn:
        yield conn
        conn.rollback()
        forget(conn)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> LandingFolder:
    """An empty landing folder."""
    return LandingFolder(tmp_path_factory.mktemp("landing"))
