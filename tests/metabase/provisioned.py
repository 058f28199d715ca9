"""A stand-in for Metabase with the files to apply to it and the warehouse, and what a test does with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from medimart.dashboards.cards import load_dashboards
from medimart.dashboards.metabase.apply import apply
from medimart.dashboards.metabase.client import connected
from medimart.dashboards.metabase.entities import Change
from medimart.local.postgres import PostgresServer
from medimart.settings import PROJECT_ROOT, Metabase
from stand_in import StandIn

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


def readers_of(server: PostgresServer) -> dict[str, str]:
    """The URLs of the two logins."""
    return {
        readers: f"postgresql://{login}:a-secret-of-{readers}@127.0.0.1:{server.port}/metabase"
        for readers, login in LOGINS.items()
    }
