"""The healthy build, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from healthy_build import COPY, MANIFEST, TABLES, Healthy, build_weeks
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options


@pytest.fixture(scope="session")
def healthy(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """Three synthetic weeks through the real loader and the real models, built for the last of them."""
    folder = tmp_path_factory.mktemp("quality")
    options = Options(patients=400, weeks=3, seed=7)
    generate(folder / "landing", options)
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(server.url(), autocommit=True) as admin,
    ):
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database quality")
        with connect(server.url("quality")) as conn:
            build = build_weeks(conn, folder / "landing", options)
            conn.execute(f"create schema {COPY}")
            healthy = Healthy(server.url("quality"), conn, build, MANIFEST)
            for name in TABLES:
                healthy.copy(name)
            conn.commit()
            yield healthy
        admin.execute("drop database quality with (force)")
