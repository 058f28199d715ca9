"""Small warehouses to publish in, copied from one that is ready."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
import weeks
from clinic import Clinic, canonical
from medimart import landing
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.models.manifest import load_manifest
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
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


@contextmanager
def new_database(server: PostgresServer, template: str = TEMPLATE) -> Iterator[str]:
    """The URL of a copy of a database, dropped afterwards."""
    name = f"publish_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {template} strategy file_copy")
        yield server.url(name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def new_clinic(template: PostgresServer) -> Iterator[Callable[[], Clinic]]:
    """Makes empty warehouses of the small models, as many as a test asks for."""
    with ExitStack() as stack:

        def make() -> Clinic:
            url = stack.enter_context(new_database(template))
            return Clinic(stack.enter_context(connect(url)), url)

        yield make


@pytest.fixture
def clinic(new_clinic: Callable[[], Clinic]) -> Clinic:
    """An empty warehouse of the small models."""
    return new_clinic()


@dataclass(frozen=True)
class Weeks:
    """Synthetic weeks, and a warehouse they were run in once each and in order.

    marts: the canonical text of every mart after the last of them.
    """

    landing: Path
    censuses: tuple[date, ...]
    url: str
    marts: dict[str, bytes]


@pytest.fixture(scope="session")
def straight(template: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    """Three weeks of few patients, straight through."""
    options = Options(patients=150, weeks=3, seed=11)
    landing_folder = tmp_path_factory.mktemp("weeks")
    generate(landing_folder, options)
    censuses = tuple(options.until - timedelta(days=7 * n) for n in (2, 1, 0))
    with new_database(template) as url, pytest.MonkeyPatch.context() as patch, connect(url) as conn:
        patch.setenv("MEDIMART_LANDING", str(landing_folder))
        for census in censuses:
            weeks.run(conn, census, f"straight {census}")
        marts = canonical(conn, load_manifest())
        conn.commit()
        yield Weeks(landing_folder, censuses, url, marts)
