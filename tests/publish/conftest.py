"""Small warehouses to publish in, copied from one that is ready."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from clinic import Clinic
from medimart import landing
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.warehouse import prepare

TEMPLATE = "publish_template"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home and a pseudonymisation key for all tests of this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        yield


@pytest.fixture(scope="session")
def template(server: PostgresServer, keys: None) -> Iterator[PostgresServer]:
    """The server, with a database to copy: set up, and empty tables for every source."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {TEMPLATE}")
        with connect(server.url(TEMPLATE)) as conn:
            prepare(conn)
            landing.ensure_tables(conn)
            conn.commit()
        yield server
        admin.execute(f"drop database {TEMPLATE} with (force)")


@pytest.fixture
def new_clinic(template: PostgresServer) -> Iterator[Callable[[], Clinic]]:
    """Makes empty warehouses of the small models, as many as a test asks for."""
    with psycopg.connect(template.url(), autocommit=True) as admin, ExitStack() as stack:

        def make() -> Clinic:
            name = f"publish_{uuid.uuid4().hex[:12]}"
            admin.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
            stack.callback(admin.execute, f"drop database {name} with (force)")
            return Clinic(stack.enter_context(connect(template.url(name))), template.url(name))

        yield make


@pytest.fixture
def clinic(new_clinic: Callable[[], Clinic]) -> Clinic:
    """An empty warehouse of the small models."""
    return new_clinic()
