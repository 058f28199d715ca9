"""Warehouses that are ready for loads, each test's its own, and a landing folder to fill."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from landing_folder import LandingFolder, open_warehouse
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


@pytest.fixture
def url(template: PostgresServer) -> Iterator[str]:
    """The URL of a ready warehouse without any load, dropped afterwards."""
    yield from _copy_of_template(template)


@pytest.fixture(scope="module")
def module_url(template: PostgresServer) -> Iterator[str]:
    """The same, shared by the tests of a module."""
    yield from _copy_of_template(template)


def _copy_of_template(server: PostgresServer) -> Iterator[str]:
    name = f"landing_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        yield server.url(name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a ready warehouse of the test's own."""
    with open_warehouse(url) as conn:
        yield conn
        conn.rollback()


@pytest.fixture
def folder(tmp_path: Path) -> LandingFolder:
    """An empty landing folder."""
    return LandingFolder(tmp_path / "landing")
