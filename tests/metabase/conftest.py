"""A small warehouse that has published, with the two logins admitted; and a stand-in for a Metabase server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import pipeline
from medimart.dashboards.metabase.readers import admit
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.settings import Metabase
from medimart.synthetic.generate import generate
from medimart.synthetic.options import LAST_CENSUS, Options
from provisioned import CONTRACT, FILES, LOGINS, Place, readers_of
from stand_in import Serving, StandIn


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    """What Metabase's API takes."""
    if not CONTRACT.exists():
        pytest.skip(
            f"{CONTRACT.name} is absent: what is sent to Metabase was not held against its contract in this run"
        )
    return dict(json.loads(CONTRACT.read_text()))


@pytest.fixture(scope="session")
def published(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a warehouse that has published one census."""
    folder = tmp_path_factory.mktemp("metabase")
    generate(folder / "landing", Options(patients=60, weeks=1))
    with psycopg.connect(server.url(), autocommit=True) as admin, pytest.MonkeyPatch.context() as patch:
        admin.execute("create database metabase")
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_LANDING", str(folder / "landing"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        with connect(server.url("metabase")) as conn:
            pipeline.run_through(conn, pipeline.Run("metabase", census=LAST_CENSUS))
            [(trust,)] = conn.execute(
                "select min(trust_id) from marts.dim_trust where not is_total and trust_sk <> 0"
            ).fetchall()
            admit(conn, Metabase("", None, None, None, readers_of(server), (trust,), ()))
            conn.commit()
        yield server.url("metabase")
        admin.execute("drop database metabase with (force)")
        for login in LOGINS.values():
            admin.execute(f"drop role {login}")


@pytest.fixture
def place(
    contract: dict[str, Any], published: str, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Place]]:
    """Makes a new Metabase."""
    monkeypatch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
    with ExitStack() as stack, connect(published) as conn:

        def new(files: Path = FILES, recipients: tuple[str, ...] = (), **habits: Any) -> Place:
            serving = Serving(StandIn(contract, **habits))
            stack.callback(serving.stop)
            here = tmp_path / serving.url.rsplit(":")[-1]
            shutil.copytree(files, here)
            return Place(serving.state, serving.url, conn, here, readers_of(server), recipients)

        yield new
