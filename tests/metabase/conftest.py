"""A small warehouse that has published, with the two logins admitted; and a stand-in for a Metabase server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import pipeline
from medimart.dashboards.cards import load_dashboards
from medimart.dashboards.metabase.apply import apply
from medimart.dashboards.metabase.client import connected
from medimart.dashboards.metabase.entities import Change
from medimart.dashboards.metabase.readers import admit
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.settings import PROJECT_ROOT, Metabase
from medimart.synthetic.generate import generate
from medimart.synthetic.options import LAST_CENSUS, Options
from stand_in import Serving, StandIn

CONTRACT = PROJECT_ROOT.parent / "shared" / "data" / "metabase-openapi.json"
FILES = Path(__file__).parent / "files"
USER, PASSWORD = "admin@example.org", "a long pass phrase"
LOGINS = {"shared": "test_metabase_shared", "clinical": "test_metabase_clinical"}


@dataclass
class Place:
    """A stand-in, the files to apply to it, and the warehouse."""

    server: StandIn
    url: str
    conn: psycopg.Connection[Any]
    files: Path
    readers: dict[str, str]
    recipients: tuple[str, ...] = ()
    key: str | None = None
    changes: tuple[Change, ...] = field(default=())

    @property
    def target(self) -> Metabase:
        """The settings."""
        account = (None, None) if self.key else (USER, PASSWORD)
        return Metabase(self.url, *account, self.key, self.readers, (), self.recipients)

    def apply(self, **options: Any) -> dict[tuple[str, str], str]:
        """Apply the files; what became of each entity, those that stay as they are apart."""
        self.server.writes.clear()
        with connected(self.target, set_up=True, seconds=0) as client:
            self.changes = apply(self.conn, client, self.target, load_dashboards(self.files), seconds=1, **options)
        assert self.server.refused == []
        return {(one.kind, one.name): one.action for one in self.changes if one.action != "unchanged"}

    def detail(self, kind: str, name: str) -> str:
        """What the last apply said of an entity."""
        return next(one.detail for one in self.changes if (one.kind, one.name) == (kind, name))

    def card(self, title: str) -> dict[str, Any]:
        """A card of the server, by its title."""
        [found] = [one for one in self.server.cards.values() if one["name"] == title]
        return found

    def dashboard(self, title: str) -> dict[str, Any]:
        """A dashboard of the server, by its title."""
        [found] = [one for one in self.server.dashboards.values() if one["name"] == title]
        return found

    def rewrite(self, file: str, old: str, new: str) -> None:
        """Change a file."""
        text = (self.files / file).read_text()
        assert old in text
        (self.files / file).write_text(text.replace(old, new))


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
                "select min(trust_id) from marts.dim_trust where trust_id <> 'UNKNOWN'"
            ).fetchall()
            admit(conn, Metabase("", None, None, None, readers_of(server), (trust,), ()))
            conn.commit()
        yield server.url("metabase")
        admin.execute("drop database metabase with (force)")
        for login in LOGINS.values():
            admin.execute(f"drop role {login}")


def readers_of(server: PostgresServer) -> dict[str, str]:
    """The URLs of the two logins."""
    return {
        readers: f"postgresql://{login}:a-secret-of-{readers}@127.0.0.1:{server.port}/metabase"
        for readers, login in LOGINS.items()
    }


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
