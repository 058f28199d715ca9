"""Builds models in a schema of the run's own: CREATE TABLE AS its SELECT, then key, indexes and comments.

Nothing here touches what readers see. Every step may be done again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import psycopg
from psycopg import sql

from medimart.db import is_transient
from medimart.errors import CriticalFailure, MedimartError
from medimart.models.manifest import DEFAULT_PIPELINE, LAST_WEEK, Manifest, Model, load_manifest

Connection = psycopg.Connection[Any]

KEEP_DAYS = 7  # how long the schema of a run that failed is kept for whoever looks into it
LAST_WEEK_SUFFIX = "_lw"

# For one statement over a whole region's tables, a few at a time. Compiling expressions takes longer than
# these queries run. The server looks every second whether the task that asked is still there.
_SETTINGS = {
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "max_parallel_workers_per_gather": "2",
    "jit": "off",
    "client_connection_check_interval": "1s",
}


class Pins(Protocol):
    """What a run reads, pinned: `medimart.landing.Inputs`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of everything read; the same for the same files, seeds and contracts."""
        ...


@dataclass(frozen=True)
class Build:
    """A run's own schema.

    schema: where its models are built; those of the week before are in `last_week_schema`.
    fingerprint: of the inputs pinned when it was opened.
    """

    schema: str
    census: date
    fingerprint: str
    run_id: str
    pipeline: str = DEFAULT_PIPELINE

    @property
    def last_week_schema(self) -> str:
        """Where models are built as of the census before."""
        return self.schema + LAST_WEEK_SUFFIX


@dataclass(frozen=True)
class ModelResult:
    """A model built: its rows, and the seconds that took."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Preview:
    """The first rows of a model built aside: column names, rows, how many there are in all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    row_count: int
    seconds: float


def open_build(conn: Connection, census: date, run_id: str, inputs: Pins, pipeline: str = DEFAULT_PIPELINE) -> Build:
    """Make the schema of a run, with its one-row `census`; the same run and inputs find it as they left it.

    When the inputs are others than at an earlier try of the run, or a crash of the server has emptied its tables, what
    that built is thrown away.
    """
    digest = hashlib.sha256(f"{pipeline} {census} {run_id}".encode()).hexdigest()[:8]
    build = Build(f"build_{census:%Y%m%d}_{digest}", census, inputs.fingerprint, run_id, pipeline)
    with transaction(conn):
        conn.execute("select pg_advisory_xact_lock(hashtext(%s))", (build.schema,))
        found = conn.execute(
            "select fingerprint from quality.build where run_id = %s and schema_name = %s",
            (run_id, build.schema),
        ).fetchone()
        if found == (build.fingerprint,) and is_whole(conn, build):
            return build
        _drop(conn, build.schema)
        conn.execute("delete from quality.build where run_id = %s", (run_id,))
        for schema, day in ((build.schema, census), (build.last_week_schema, census - timedelta(days=7))):
            conn.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
            conn.execute(
                sql.SQL(
                    "create unlogged table {} as select {}::date as census_date, {}::date as week_start,"
                    " {}::date as previous_census_date"
                ).format(sql.Identifier(schema, "census"), day, day - timedelta(days=6), day - timedelta(days=7))
            )
            # Without statistics the planner takes its one row for two thousand, and every join after it goes astray.
            conn.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, "census")))
        conn.execute(
            "insert into quality.build (run_id, pipeline, census_date, schema_name, fingerprint, inputs)"
            " values (%s, %s, %s, %s, %s, %s)",
            (run_id, pipeline, census, build.schema, build.fingerprint, as_json(inputs)),
        )
    return build


def find_build(conn: Connection, run_id: str) -> Build:
    """The open build of a run.

    Raises MedimartError when there is none (it was published, or swept), or a crash of the server has emptied it.
    """
    with transaction(conn):
        row = conn.execute(
            "select schema_name, census_date, fingerprint, run_id, pipeline from quality.build where run_id = %s",
            (run_id,),
        ).fetchone()
    if row is None:
        raise MedimartError(
            f"Run {run_id} has no open build: it is published and cleared away, or was given up. "
            "Start the run again from its first task."
        )
    build = Build(*row)
    with transaction(conn):
        refuse_emptied(conn, build)
    return build


def is_whole(conn: Connection, build: Build) -> bool:
    """Whether a build's tables are as they were made: a crash of the server empties them all, `census` too."""
    census = sql.Identifier(build.schema, "census")
    [(is_there,)] = conn.execute("select to_regclass(%s) is not null", (census.as_string(conn),)).fetchall()
    if not is_there:
        return False
    [(rows,)] = conn.execute(sql.SQL("select count(*) from {}").format(census)).fetchall()
    return bool(rows)


def refuse_emptied(conn: Connection, build: Build) -> None:
    """Raise MedimartError when a crash of the server has emptied a build: nothing may be made of what is left."""
    if not is_whole(conn, build):
        raise MedimartError(
            f"PostgreSQL has crashed and recovered since run {build.run_id} began to build, and has emptied what "
            "it had built. Nothing is published; the last published marts stay. Find out why in the server's log "
            "(often: out of memory), then start the run again from its first task."
        )


def build_model(conn: Connection, build: Build, name: str, manifest: Manifest | None = None) -> ModelResult:
    """Build one model's table, in one transaction; `last_week_<model>` builds it as of the census before.

    Raises CriticalFailure when rows share a grain or lack a part of it, MedimartError when the SQL fails;
    neither message holds anything of a row.
    """
    manifest = manifest or load_manifest()
    model = manifest[name.removeprefix(LAST_WEEK)]
    is_last_week = name.startswith(LAST_WEEK)
    schema = build.last_week_schema if is_last_week else build.schema
    select = manifest.sql(model.name)
    started = time.monotonic()
    with _plainly(model), transaction(conn):
        set_up(conn, schema)
        if is_last_week:
            conn.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(build.schema, name)))
        table = sql.Identifier(schema, model.name)
        conn.execute(sql.SQL("drop table if exists {}").format(table))
        # Analysed below and dropped with its run: autovacuum would only read it once more.
        create = sql.SQL("create unlogged table {} with (autovacuum_enabled = false) as\n").format(table)
        rows = conn.execute(create + sql.SQL(select)).rowcount
        _constrain(conn, table, model)
        if is_last_week:
            conn.execute(
                sql.SQL("create view {} as select * from {}").format(sql.Identifier(build.schema, name), table)
            )
        conn.execute(sql.SQL("analyze {}").format(table))
    return ModelResult(name, rows, time.monotonic() - started)


def close_build(conn: Connection, build: Build) -> None:
    """Drop what a run built; nothing to do when it is gone already."""
    with transaction(conn):
        _drop(conn, build.schema)
        conn.execute("delete from quality.build where schema_name = %s", (build.schema,))


def sweep(conn: Connection, older_than_days: int = KEEP_DAYS) -> list[str]:
    """Drop the schemas of runs that were opened so long ago and never published; returns their names."""
    with transaction(conn):
        rows = conn.execute(
            "delete from quality.build where opened_at < clock_timestamp() - make_interval(days => %s)"
            " returning schema_name",
            (older_than_days,),
        ).fetchall()
        for (schema,) in rows:
            _drop(conn, schema)
    return sorted(str(schema) for (schema,) in rows)


def plan(manifest: Manifest, wanted: list[str]) -> list[str]:
    """What to build for these models, in order: `last_week_…` first, then they and all that they read."""
    this_week: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in this_week:
            this_week.add(name)
            waiting += manifest[name].models
    last_week = manifest.ancestors(other for name in this_week for other in manifest[name].last_week)
    return [*(LAST_WEEK + name for name in manifest.order(last_week)), *manifest.order(this_week)]


def preview(
    conn: Connection, name: str, census: date, inputs: Pins, limit: int = 20, manifest: Manifest | None = None
) -> Preview:
    """Build a model and what it needs in a scratch schema, and return its first rows by its grain."""
    manifest = manifest or load_manifest()
    started = time.monotonic()
    build = open_build(conn, census, f"preview/{uuid.uuid4()}", inputs, manifest[name].pipeline)
    try:
        results = [build_model(conn, build, step, manifest) for step in plan(manifest, [name])]
        with transaction(conn):
            cursor = conn.execute(
                sql.SQL("select * from {} order by {} limit {}").format(
                    sql.Identifier(build.schema, name),
                    sql.SQL(", ").join(map(sql.Identifier, manifest[name].grain)),
                    limit,
                )
            )
            rows = tuple(cursor.fetchall())
        columns = tuple(column.name for column in manifest[name].columns)
        return Preview(columns, rows, results[-1].rows, time.monotonic() - started)
    finally:
        close_build(conn, build)


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """A transaction of its own: what the connection has open is committed first, so that this one commits."""
    conn.commit()
    with conn.transaction():
        yield


def as_json(inputs: Any) -> str:
    """Inputs as they are recorded."""
    return json.dumps(dataclasses.asdict(inputs), default=str, sort_keys=True)


def without_values(error: psycopg.Error) -> str:
    """What the server says of an error, without anything a row may hold.

    DETAIL is left out always; the message of a data exception (class 22) quotes the offending value.
    """
    state, message = error.sqlstate or "", error.diag.message_primary or str(error)
    if state.startswith("22"):
        message = re.sub(r'"[^"]*"', "“…”", message)
    return message


def set_up(conn: Connection, schema: str) -> None:
    """Give the open transaction what building and publishing need, and a build's schema to find tables in."""
    for name, value in {**_SETTINGS, "search_path": f"{schema}, reference"}.items():
        conn.execute("select set_config(%s, %s, true)", (name, value))


def _drop(conn: Connection, schema: str) -> None:
    # Cascade reaches this run's own two schemas alone: nothing else may refer to an unpublished table.
    conn.execute(
        sql.SQL("drop schema if exists {}, {} cascade").format(
            sql.Identifier(schema), sql.Identifier(schema + LAST_WEEK_SUFFIX)
        )
    )


def _constrain(conn: Connection, table: sql.Identifier, model: Model) -> None:
    """Prove the grain, and give a table its indexes, its other NOT NULLs and its words."""
    if not _hush(conn):
        _check_keys(conn, table, model)
    required = [column for column in required_columns(model) if column not in model.grain]
    parts = [sql.SQL("add primary key ({})").format(names(model.grain))]
    parts += [sql.SQL("alter column {} set not null").format(sql.Identifier(column)) for column in required]
    try:
        with conn.transaction():
            conn.execute(sql.SQL("alter table {} {}").format(table, sql.SQL(", ").join(parts)))
    except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
        _check_keys(conn, table, model)
        raise
    for index in model.indexes:
        conn.execute(sql.SQL("create index on {} ({})").format(table, names(index)))
    describe(conn, table, model)


def _hush(conn: Connection) -> bool:
    """Keep the keys that PostgreSQL quotes in DETAIL out of the server log; False when that is not ours to set.

    Then the keys are counted before a constraint can fail on them, which costs a pass more over the table.
    """
    [(allowed,)] = conn.execute("select has_parameter_privilege('log_error_verbosity', 'SET')").fetchall()
    if allowed:
        conn.execute("set local log_error_verbosity = 'terse'")
    return bool(allowed)


def describe(conn: Connection, table: sql.Identifier, model: Model) -> None:
    """Write a model's words beside its table and columns."""
    sentence = " ".join(model.description.split())
    statements = [sql.SQL("comment on table {} is {}").format(table, sentence)]
    statements += [
        sql.SQL("comment on column {}.{} is {}").format(table, sql.Identifier(column.name), column.meaning)
        for column in model.columns
    ]
    conn.execute(sql.SQL(";\n").join(statements))


def required_columns(model: Model) -> tuple[str, ...]:
    """Columns that must not be null: the grain, every reference, and what the header adds."""
    columns = (*model.grain, *(reference.column for reference in model.references), *model.not_null)
    return tuple(dict.fromkeys(columns))


def _check_keys(conn: Connection, table: sql.Identifier, model: Model) -> None:
    """Count what breaks the keys, so that the message can say how much and not which."""
    required = required_columns(model)
    counts = [sql.SQL("count(*) filter (where {} is null)").format(sql.Identifier(column)) for column in required]
    [nulls] = conn.execute(sql.SQL("select {} from {}").format(sql.SQL(", ").join(counts), table)).fetchall()
    if broken := [f"{column} in {n} rows" for column, n in zip(required, nulls, strict=True) if n]:
        raise CriticalFailure(f"{model.name}: must never be null, but is: {'; '.join(broken)}. Nothing is published.")
    [(keys, rows)] = conn.execute(
        sql.SQL(
            "select count(*), coalesce(sum(n), 0)"
            " from (select count(*) as n from {} group by {} having count(*) > 1) as shared"
        ).format(table, names(model.grain))
    ).fetchall()
    if keys:
        raise CriticalFailure(
            f"{model.name}: {rows} rows share {keys} values of its grain ({', '.join(model.grain)}), "
            "which must be unique. Nothing is published."
        )


def names(columns: tuple[str, ...]) -> sql.Composed:
    """Columns as a list in SQL."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


@contextmanager
def _plainly(model: Model) -> Iterator[None]:
    """Turn a server's error about a model into one that names it and holds no data."""
    try:
        yield
    except psycopg.Error as error:
        if is_transient(error):
            raise
        position = error.diag.statement_position
        where = f" at character {position} of the statement" if position else ""
        raise MedimartError(
            f"Model {model.name} ({model.path}) does not build: {without_values(error)} "
            f"(SQLSTATE {error.sqlstate}){where}. Mend its SQL, then run the task again."
        ) from None
