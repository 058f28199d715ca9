"""A healthy build of each pipeline, and a copy of it to spoil."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import pipeline
from medimart.models import build as building
from medimart.models.manifest import LAST_WEEK, Manifest, load_manifest
from medimart.pipeline import PUBLICATION, WAITING_LIST, Run
from medimart.quality import checkpoint
from medimart.quality.checkpoint import Verdict
from medimart.quality.engine import Engine
from medimart.quality.suites import Check
from medimart.synthetic import publication
from psycopg import sql

MANIFEST = load_manifest()
PIPELINES = (WAITING_LIST, PUBLICATION)


@dataclass(frozen=True)
class Healthy:
    """A build that passes, and a schema that holds a copy of its tables without keys, to spoil and mend."""

    url: str
    conn: psycopg.Connection[Any]
    build: building.Build
    manifest: Manifest = MANIFEST

    @property
    def schema(self) -> str:
        return f"{self.build.pipeline}_spoilt"

    @property
    def models(self) -> list[str]:
        return self.manifest.pipeline(self.build.pipeline)

    @cached_property
    def tables(self) -> list[str]:
        last_week = {LAST_WEEK + read for name in self.models for read in self.manifest[name].last_week}
        return [*self.models, *sorted(last_week), "census"]

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.url, self.schema, self.models)

    def verdicts(self, model: str, checks: list[Check]) -> list[Verdict]:
        """The verdicts of a model's checks on the copy as it is now."""
        tables = checkpoint.tables_of(self.conn, self.schema, [model])
        self.conn.commit()
        return checkpoint.check(self.engine, [self.manifest[model]], {model: checks}, tables)

    @contextmanager
    def spoilt(self, statement: str) -> Iterator[int]:
        """The copy after a statement, and how many rows it touched; its tables are as before afterwards."""
        touched = [name for name in self.tables if re.search(rf"\b{name}\b", statement)]
        with self.conn.transaction():
            self.conn.execute(f"set local search_path = {self.schema}, reference")
            rows = self.conn.execute(statement.encode()).rowcount
        self.conn.commit()
        try:
            yield rows
        finally:
            for name in touched:
                self.copy(name)
            self.conn.commit()

    def copy(self, name: str) -> None:
        """Copy a table of the build into the schema to spoil."""
        target, source = sql.Identifier(self.schema, name), sql.Identifier(self.build.schema, name)
        self.conn.execute(sql.SQL("drop table if exists {}").format(target))
        self.conn.execute(sql.SQL("create table {} as table {}").format(target, source))

    def column_types(self, model: str) -> dict[str, str]:
        rows = self.conn.execute(
            "select column_name, data_type from information_schema.columns where table_schema = %s and table_name = %s",
            (self.schema, model),
        )
        return dict(rows.fetchall())


def built(conn: psycopg.Connection[Any], run: Run) -> building.Build:
    """Everything of a run up to its build."""
    pipeline.begin(conn, run)
    names = MANIFEST.pipeline(run.pipeline)
    if run.pipeline == PUBLICATION:
        pipeline.load_publication(conn, run)
    else:
        for source in pipeline.sources(MANIFEST, run.pipeline):
            pipeline.load(conn, run, source)
    pipeline.pin(conn, run)
    for name in building.plan(MANIFEST, names):
        pipeline.build_model(conn, run, name)
    return building.find_build(conn, run.run_id)


def healthy(conn: psycopg.Connection[Any], url: str, run: Run) -> Healthy:
    """The build of a run, and a copy of it to spoil."""
    found = Healthy(url, conn, built(conn, run))
    conn.execute(f"create schema {found.schema}")
    for name in found.tables:
        found.copy(name)
    conn.commit()
    return found


def write_months(folder: Path, patch: pytest.MonkeyPatch) -> list[Path]:
    """Two months of the publication of fictional trusts."""
    files = []
    for seed, period in enumerate(("RTT-December-2025", "RTT-January-2026")):
        patch.setattr(publication, "SEED", seed)
        patch.setattr(publication, "PERIOD", period)
        path = folder / f"{period}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(publication.rows())
        files.append(path)
    return files
