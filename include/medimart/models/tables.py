"""The tables that readers see: made once, widened by columns, and filled from a build.

Nothing here drops, swaps or rewrites a published table, or takes a lock that a reader could wait for.

A new census is a partition that is attached empty, in a transaction of its own, and filled by the publish: so it is in
every reader's plan by the time its rows are in anybody's snapshot. (A commit reaches snapshots a moment before it
reaches plans; attached by the publish itself it could be missing beside dimensions that are new.) Everything else is a
MERGE of what changed.

The references of a snapshot are enforced on its partitions, each proved in one go once it is filled (twenty times
quicker than row by row, as an enforced reference of the whole table would have it). On the whole table they are
declared, not enforced: for dashboards, which draw their paths by them.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from medimart.errors import MedimartError
from medimart.models.build import Build, describe, names, required_columns, transaction
from medimart.models.manifest import Manifest, Model, Reference

Connection = psycopg.Connection[Any]

SCHEMA = "marts"
PARTITIONS = "marts_partitions"
LOCK_WAIT = "150ms"  # longer, and readers would queue behind us while we queue behind readers
PATIENCE = 120.0  # seconds after which somebody has to look who holds the table
CHANGED = sql.Identifier("pg_temp", "changed")


@dataclass(frozen=True)
class Shape:
    """What a table is: its columns' types by name, and its constraints."""

    columns: dict[str, str]
    required: frozenset[str]
    key: tuple[str, ...]
    references: frozenset[Reference]
    partitioned_by: str | None
    indexes: frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Merged:
    """What a merge did to a table: rows written, and rows it found that the build has no more."""

    written: int
    gone: int


def published(name: str) -> sql.Identifier:
    """The table of a mart."""
    return sql.Identifier(SCHEMA, name)


def partition(model: Model, census: date) -> str:
    """The name of a census' partition of a snapshot."""
    return f"{model.name}_{census:%Y%m%d}"


def exists(conn: Connection, schema: str, name: str) -> bool:
    """Whether a table is there."""
    row = conn.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text))", (schema, name)).fetchone()
    return row is not None and row[0] is not None


def shape(conn: Connection, schema: str, name: str) -> Shape | None:
    """The shape of a table; None when there is none."""
    row = conn.execute(
        """
        select
            t.oid,
            (
                select jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
                from pg_attribute as a
                where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
            ),
            array(
                select a.attname::text from pg_attribute as a
                where a.attrelid = t.oid and a.attnum > 0 and a.attnotnull and not a.attisdropped
            ),
            (
                select a.attname::text
                from pg_partitioned_table as p
                inner join pg_attribute as a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
                where p.partrelid = t.oid
            )
        from pg_class as t
        where t.oid = to_regclass(format('%%I.%%I', %s::text, %s::text))
        """,
        (schema, name),
    ).fetchone()
    if row is None:
        return None
    oid, columns, required, partitioned_by = row
    indexes = conn.execute(
        """
        select i.indisprimary, array_agg(a.attname::text order by k.position)
        from pg_index as i
        cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
        inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = %s
        group by i.indexrelid
        """,
        (oid,),
    ).fetchall()
    references = conn.execute(
        """
        select a.attname, t.relname, f.attname
        from pg_constraint as c
        inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        inner join pg_class as t on t.oid = c.confrelid
        inner join pg_attribute as f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
        where c.conrelid = %s and c.contype = 'f'
        """,
        (oid,),
    ).fetchall()
    return Shape(
        columns=columns,
        required=frozenset(required),
        key=next((tuple(found) for is_primary, found in indexes if is_primary), ()),
        references=frozenset(Reference(*reference) for reference in references),
        partitioned_by=partitioned_by,
        indexes=frozenset(tuple(found) for _, found in indexes),
    )


def fit(conn: Connection, model: Model, build: Build) -> dict[str, str]:
    """The columns by type that a published table must be given before a build fits it; none where there is no table.

    Raises MedimartError when the build differs in any other way, saying what to do.
    """
    have = shape(conn, SCHEMA, model.name)
    given = shape(conn, build.schema, model.name)
    if have is None or given is None:
        return {}
    wanted = {column.name: given.columns[column.name] for column in model.columns}
    faults = [
        f"column {column} is {kind} and would be {wanted[column]}" if column in wanted else f"column {column} is gone"
        for column, kind in have.columns.items()
        if wanted.get(column) != kind
    ]
    if set(have.key) != set(model.grain):
        faults.append(f"its grain is ({', '.join(have.key)}) and would be ({', '.join(model.grain)})")
    if have.partitioned_by != (model.grain[0] if model.kind == "snapshot" else None):
        faults.append(f"it would be of kind {model.kind}")
    faults += [
        f"{column} may never be null and would be" for column in sorted(have.required - set(required_columns(model)))
    ]
    faults += [
        f"{reference.column} refers to {reference.table}.{reference.target} and would no more"
        for reference in sorted(have.references - set(model.references), key=lambda reference: reference.column)
    ]
    if faults:
        raise MedimartError(
            f"{model.name} does not fit the published table: {'; '.join(faults)}. Columns may be added to a published "
            f"mart; any other change is a new version of the table: take it back in {model.path}, or give the model "
            f"and its file a new name ({model.name}_v2), run `medimart compile` and build the censuses again "
            "(`medimart backfill`). The last published marts stay."
        )
    return {column: kind for column, kind in wanted.items() if column not in have.columns}


def alter(conn: Connection, name: str, statements: list[sql.Composed], lock: str) -> None:
    """Change a published table in a transaction of its own, as soon as no reader holds it, keeping none waiting.

    lock: the advisory lock of whoever publishes. Raises MedimartError when readers hold the table for too long.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with transaction(conn):
                conn.execute("select pg_advisory_xact_lock(hashtext(%s))", (lock,))
                conn.execute("select set_config('lock_timeout', %s, true)", (LOCK_WAIT,))
                for statement in statements:
                    conn.execute(statement)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() > until:
                raise MedimartError(
                    f"{SCHEMA}.{name} cannot be given its new columns: queries have held it for {PATIENCE:.0f} "
                    "seconds. See in pg_stat_activity whose they are, let them end, then run this task again."
                ) from None
            time.sleep(random.uniform(0.1, 0.4))  # noqa: S311  # so that two who wait do not meet again


def widening(model: Model, columns: dict[str, str]) -> list[sql.Composed]:
    """The statements that give a published table new columns, null where no census has been restated."""
    table = published(model.name)
    statements: list[sql.Composed] = []
    for column, kind in columns.items():
        statements.append(
            sql.SQL("alter table {} add column if not exists {} {}").format(
                table, sql.Identifier(column), sql.SQL(kind)
            )
        )
        statements.append(
            sql.SQL("comment on column {}.{} is {}").format(table, sql.Identifier(column), model.column(column).meaning)
        )
    return statements


def create(conn: Connection, model: Model, build: Build) -> None:
    """Make a mart's table: for a snapshot the partitioned parent, otherwise filled from the build."""
    table, source = published(model.name), sql.Identifier(build.schema, model.name)
    if model.kind == "snapshot":
        census = sql.Identifier(model.grain[0])
        conn.execute(sql.SQL("create table {} (like {}) partition by list ({})").format(table, source, census))
        _constrain(conn, table, model)
    else:
        # CREATE TABLE AS reads in parallel, which INSERT does not, and indexes are quicker made afterwards.
        columns = names(tuple(column.name for column in model.columns))
        conn.execute(sql.SQL("create table {} as select {} from {}").format(table, columns, source))
        _constrain(conn, table, model)
        conn.execute(sql.SQL("analyze {}").format(table))
    _refer(conn, table, model, model.references)
    describe(conn, table, model)


def keep_up(conn: Connection, model: Model) -> None:
    """Give a published table the references, indexes and words that its model has got since."""
    have = shape(conn, SCHEMA, model.name)
    table = published(model.name)
    if have is None:
        return
    _refer(conn, table, model, tuple(one for one in model.references if one not in have.references))
    for index in model.indexes:
        if index not in have.indexes:
            conn.execute(sql.SQL("create index on {} ({})").format(table, names(index)))
    describe(conn, table, model)


def attaching(model: Model, census: date) -> list[sql.Composed]:
    """The statements that give a snapshot an empty partition for a census."""
    table, parent = sql.Identifier(PARTITIONS, partition(model, census)), published(model.name)
    return [
        sql.SQL("create table {} (like {})").format(table, parent),
        sql.SQL("alter table {} add primary key ({}), enable row level security").format(table, names(model.grain)),
        *(sql.SQL("create index on {} ({})").format(table, names(index)) for index in model.indexes),
        sql.SQL("alter table {} attach partition {} for values in ({})").format(parent, table, census.isoformat()),
    ]


def fill(conn: Connection, model: Model, build: Build) -> None:
    """Fill the empty partition of a build's census."""
    table = sql.Identifier(PARTITIONS, partition(model, build.census))
    columns = names(tuple(column.name for column in model.columns))
    conn.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(
            table, columns, columns, sql.Identifier(build.schema, model.name)
        )
    )
    enforce(conn, model, build.census)
    conn.execute(sql.SQL("analyze {}").format(table))
    conn.execute(sql.SQL("analyze only {}").format(published(model.name)))


def enforce(conn: Connection, model: Model, census: date) -> None:
    """Prove and enforce the references of a census' partition that are not yet."""
    name = partition(model, census)
    enforced = conn.execute(
        """
        select a.attname
        from pg_constraint as c
        inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.conrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and c.contype = 'f' and c.conenforced
        """,
        (PARTITIONS, name),
    ).fetchall()
    missing = tuple(one for one in model.references if (one.column,) not in enforced)
    _refer(conn, sql.Identifier(PARTITIONS, name), None, missing)


def is_empty(conn: Connection, table: sql.Identifier) -> bool:
    """Whether a table has no row."""
    [(has_rows,)] = conn.execute(sql.SQL("select exists (select from {})").format(table)).fetchall()
    return not has_rows


def merge(conn: Connection, target: sql.Identifier, model: Model, build: Build) -> Merged:
    """Make a table say what the build says, touching the rows that differ alone.

    Rows that the build has no more leave a snapshot's partition; those of a current table are marked
    (`remove_gone` takes them away where it can) and those of a fixed one stay. What differs is left in the temporary
    table `changed`: the build's columns, `is_gone`, and the row's patient and trust of before.
    """
    source = sql.Identifier(build.schema, model.name)
    columns = tuple(column.name for column in model.columns)
    rest = tuple(column for column in columns if column not in model.grain)
    before = [
        sql.SQL("t.{} as {}").format(sql.Identifier(column), sql.Identifier(f"old_{column}"))
        for column in ("patient_sk", "trust_sk")
        if column in columns
    ]
    conn.execute(sql.SQL("drop table if exists {}").format(CHANGED))
    # *<> compares what is stored: 1.0 and 1.00 are equal, and yet two texts.
    conn.execute(
        sql.SQL(
            "create temporary table {changed} on commit drop as select {columns}, s.{key} is null as is_gone"
            " from {source} as s full join {target} as t on {matched}"
            " where s.{key} is null or t.{key} is null or row({ours})::record *<> row({theirs})::record"
        ).format(
            changed=CHANGED,
            columns=sql.SQL(", ").join(
                [
                    *(sql.SQL("coalesce(s.{c}, t.{c}) as {c}").format(c=sql.Identifier(c)) for c in model.grain),
                    *(sql.SQL("s.{c}").format(c=sql.Identifier(c)) for c in rest),
                    *before,
                ]
            ),
            key=sql.Identifier(model.grain[0]),
            source=source,
            target=target,
            matched=_matched("s", "t", model.grain),
            ours=_of("s", columns),
            theirs=_of("t", columns),
        )
    )
    [(written, gone)] = conn.execute(
        sql.SQL("select count(*) filter (where not is_gone), count(*) filter (where is_gone) from {}").format(CHANGED)
    ).fetchall()
    if written or gone:
        conn.execute(_merge_statement(target, model, columns, rest))
        conn.execute(sql.SQL("analyze {}").format(target))
    return Merged(written, gone)


def keep_gone(conn: Connection, model: Model) -> None:
    """Remember the keys of a merge's gone rows, for `remove_gone`."""
    conn.execute(
        sql.SQL("create temporary table {} on commit drop as select {} from {} where is_gone").format(
            _gone(model), names(model.grain), CHANGED
        )
    )


def remove_gone(conn: Connection, manifest: Manifest, gone: dict[str, int], pipeline: str) -> int:
    """Take the remembered rows out of the current tables, facts before dimensions, where nothing refers to them.

    gone: how many were remembered, by model. Returns how many must stay: a census that was published from inputs
    since corrected still refers to them, until it is restated.
    """
    staying = 0
    marts = [model for model in manifest.marts(pipeline) if exists(conn, SCHEMA, model.name)]
    for model in reversed(marts):
        if not gone.get(model.name):
            continue
        unused = [
            sql.SQL(" and not exists (select from {} as r where r.{} = t.{})").format(
                published(other.name), sql.Identifier(reference.column), sql.Identifier(reference.target)
            )
            for other in marts
            for reference in other.references
            if reference.table == model.name
        ]
        removed = conn.execute(
            sql.SQL("delete from {} as t using {} as g where {}{}").format(
                published(model.name),
                _gone(model),
                _matched("g", "t", model.grain),
                sql.Composed(unused),
            )
        ).rowcount
        staying += gone[model.name] - removed
    return staying


def count(conn: Connection, table: sql.Identifier) -> int:
    """How many rows a table has."""
    [(rows,)] = conn.execute(sql.SQL("select count(*) from {}").format(table)).fetchall()
    return int(rows)


def _merge_statement(
    target: sql.Identifier, model: Model, columns: tuple[str, ...], rest: tuple[str, ...]
) -> sql.Composed:
    when_gone = {
        "snapshot": sql.SQL("delete"),
        "current": sql.SQL("update set is_current = false"),
        "fixed": sql.SQL("do nothing"),
    }[model.kind]
    assignments = sql.SQL(", ").join(sql.SQL("{c} = c.{c}").format(c=sql.Identifier(column)) for column in rest)
    return sql.SQL(
        "merge into {target} as t using {changed} as c on {matched}"
        " when matched and c.is_gone then {when_gone}"
        " when matched then {update}"
        " when not matched then insert ({columns}) values ({values})"
    ).format(
        target=target,
        changed=CHANGED,
        matched=_matched("c", "t", model.grain),
        when_gone=when_gone,
        update=sql.SQL("update set {}").format(assignments) if rest else sql.SQL("do nothing"),
        columns=names(columns),
        values=_of("c", columns),
    )


def _constrain(conn: Connection, table: sql.Identifier, model: Model) -> None:
    parts = [sql.SQL("add primary key ({})").format(names(model.grain))]
    parts += [sql.SQL("alter column {} set not null").format(sql.Identifier(c)) for c in required_columns(model)]
    conn.execute(sql.SQL("alter table {} {}").format(table, sql.SQL(", ").join(parts)))
    for index in model.indexes:
        conn.execute(sql.SQL("create index on {} ({})").format(table, names(index)))


def _refer(conn: Connection, table: sql.Identifier, model: Model | None, references: tuple[Reference, ...]) -> None:
    """Add references to a table of a model, or (None) to a partition."""
    declared = sql.SQL(" not enforced" if model and model.kind == "snapshot" else "")
    parts = [
        sql.SQL("add foreign key ({}) references {} ({}){}").format(
            sql.Identifier(one.column), published(one.table), sql.Identifier(one.target), declared
        )
        for one in references
    ]
    if parts:
        conn.execute(sql.SQL("alter table {} {}").format(table, sql.SQL(", ").join(parts)))


def _gone(model: Model) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"gone_{model.name}")


def _matched(one: str, other: str, columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{}.{c} = {}.{c}").format(sql.SQL(one), sql.SQL(other), c=sql.Identifier(column)) for column in columns
    )


def _of(alias: str, columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(column)) for column in columns)
