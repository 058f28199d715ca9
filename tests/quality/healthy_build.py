"""One healthy build of a small synthetic week, and a copy of it to spoil."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from medimart import landing
from medimart.models import build as building
from medimart.models.graph import read_models
from medimart.models.manifest import LAST_WEEK as LAST_WEEK_PREFIX
from medimart.models.manifest import Manifest
from medimart.quality import checkpoint
from medimart.quality.checkpoint import Verdict
from medimart.quality.suites import suite
from medimart.synthetic.options import Options
from medimart.warehouse import prepare
from psycopg import sql

COPY = "build_spoilt"
MANIFEST = Manifest(read_models()[0])
STEPS = building.plan(MANIFEST, MANIFEST.pipeline("waiting_list"))
LAST_WEEK = sorted({LAST_WEEK_PREFIX + name for model in MANIFEST.models.values() for name in model.last_week})
TABLES = (*MANIFEST.pipeline("waiting_list"), *LAST_WEEK, "census")


@dataclass(frozen=True)
class Healthy:
    """A build that passes, and a schema that holds a copy of its tables without keys, to spoil and mend."""

    url: str
    conn: psycopg.Connection[Any]
    build: building.Build
    manifest: Manifest

    def verdicts(self, model: str, schema: str = COPY) -> list[Verdict]:
        """A suite's verdicts on the copy as it is now."""
        tables = checkpoint.tables_of(self.conn, schema, [model])
        self.conn.commit()
        found = self.manifest[model]
        return checkpoint.check(self.url, schema, [found], {model: suite(found)}, tables)

    @contextmanager
    def spoilt(self, statement: str) -> Iterator[None]:
        """The copy after a statement; the tables that the statement names are as before afterwards."""
        touched = [name for name in TABLES if re.search(rf"\b{name}\b", statement)]
        self.conn.execute(f"set search_path = {COPY}, reference")
        self.conn.execute(statement.encode())
        self.conn.commit()
        yield
        for name in touched:
            self.copy(name)
        self.conn.commit()

    def copy(self, name: str) -> None:
        """Copy a table of the build into the schema to spoil."""
        target = sql.Identifier(COPY, name)
        self.conn.execute(sql.SQL("drop table if exists {}").format(target))
        self.conn.execute(
            sql.SQL("create table {} as table {}").format(target, sql.Identifier(self.build.schema, name))
        )


def build_weeks(conn: psycopg.Connection[Any], folder: Path, options: Options) -> building.Build:
    """Load all extracts of a folder and build every model for the last of them."""
    census = options.until
    prepare(conn)
    conn.commit()
    landing.load_seeds(conn)
    landing.check_landing(conn, folder, census)
    for contract in landing.folder_contracts():
        landing.load_source(conn, folder, contract.source, census)
    build = building.open_build(conn, census, "healthy", landing.inputs(conn, census))
    for name in STEPS:
        building.build_model(conn, build, name, MANIFEST)
    conn.commit()
    return build
