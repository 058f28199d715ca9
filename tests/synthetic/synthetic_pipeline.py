"""Extracts through the real pipeline: loaded, typed, built, and asked what was found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from medimart import landing
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.models import build
from medimart.models.manifest import load_manifest
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from medimart.synthetic.planting import Planted
from medimart.warehouse import prepare


@contextmanager
def loaded(server: PostgresServer, name: str, folder: Path, options: Options) -> Iterator[Any]:
    """A warehouse of its own with the extracts of `options` loaded; yields its connection and what was planted."""
    planted = generate(folder, options).planted
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f'create database "{name}"')
    try:
        with connect(server.url(name)) as conn:
            prepare(conn)
            conn.commit()
            landing.load_seeds(conn)
            for contract in landing.folder_contracts():
                landing.load_source(conn, folder, contract.source, options.until)
            yield conn, planted
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute(f'drop database "{name}" with (force)')


def build_all(conn: psycopg.Connection[Any], census: dt.date) -> None:
    """Build every model of the weekly pipeline; the connection then finds them by name."""
    manifest = load_manifest()
    this = build.open_build(conn, census, "test", landing.inputs(conn, census))
    for name in build.plan(manifest, manifest.pipeline("waiting_list")):
        build.build_model(conn, this, name, manifest)
    conn.execute(f'set search_path = "{this.schema}", reference')


def quarantined(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """File, line, column and rule of every fault that was found."""
    return sorted(
        conn.execute("select extract_date || '/' || file_name, line_no, column_name, rule from quality.quarantine")
    )


def flagged(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """File, line, column and rule of every value that was kept with a flag."""
    found: list[tuple[Any, ...]] = []
    for contract in landing.folder_contracts():
        found += conn.execute(
            "select a.extract_date || '/' || a.file_name, h.line_no, f.key, f.value ->> 'rule' "
            f"from history.{contract.source} h join quality.load_audit a using (load_id), jsonb_each(h.flags) f"
        )
    return sorted(found)


def expected(planted: tuple[Planted, ...], place: str) -> list[tuple[Any, ...]]:
    """File, line, column and rule of what was planted to be found in a place."""
    return sorted((p.file, p.line, p.find["column"], p.find["rule"]) for p in planted if p.find["in"] == place)


def wanted_rows(planted: Planted) -> list[dict[str, Any]]:
    """The rows of a planted finding, their columns in the order of `rows_of`."""
    return [dict(sorted(row.items())) for row in planted.find["rows"]]


def rows_of(conn: psycopg.Connection[Any], planted: Planted) -> list[dict[str, Any]]:
    """What the model says of a planted key, in the form of the list: dates as text."""
    column, text = planted.find["where"]
    columns = sorted({name for row in planted.find["rows"] for name in row}) or [column]
    value = f"pseudonym('{column.removesuffix('_sk')}', %s)" if column.endswith("_sk") else "%s"
    found = conn.execute(
        f"select {', '.join(columns)} from {planted.find['in']} where {column} = {value} order by {', '.join(columns)}",
        (text,),
    ).fetchall()
    return [dict(zip(columns, map(_plain, row), strict=True)) for row in found]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
