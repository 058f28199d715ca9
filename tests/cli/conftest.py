"""The command line on a small warehouse: two weeks have landed, the first of them is published."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from command_line import CENSUS, NEXT, Cli
from medimart import pipeline
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options


@pytest.fixture(scope="session")
def small(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command line on the small warehouse."""
    folder = tmp_path_factory.mktemp("cli")
    generate(folder / "landing", Options(patients=60, weeks=2, until=NEXT))
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database cli")
        settings = {
            "MEDIMART_HOME": str(folder / "home"),
            "MEDIMART_LANDING": str(folder / "landing"),
            "MEDIMART_PSEUDONYM_KEY": "5a" * 32,
            "MEDIMART_DATABASE_URL": server.url("cli"),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            with connect(server.url("cli")) as conn:
                pipeline.run_through(conn, pipeline.Run("cli", census=CENSUS))
        yield Cli({**os.environ, **settings, "COLUMNS": "200"})
        admin.execute("drop database cli with (force)")


@pytest.fixture
def bare(tmp_path: Path) -> Cli:
    """The command line with a home of its own, and nothing in it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MEDIMART_")}
    return Cli({**inherited, "MEDIMART_HOME": str(tmp_path / "home"), "MEDIMART_LANDING": str(tmp_path / "landing")})
