"""The tables of `raw` and `history`, made from the contracts and widened when a contract or a file is."""

from __future__ import annotations

from typing import Any

import psycopg

from medimart.landing.contract import Contract, all_contracts

Connection = psycopg.Connection[Any]

HISTORY_COLUMNS = {
    "flags": ("jsonb", "What was mended or left unknown: column → rule and source text; null when clean"),
    "load_id": ("bigint not null", "The load that delivered this version"),
    "line_no": ("bigint not null", "Line of the file at which the record starts; the header is line 1"),
    "valid_from": ("date not null", "Extract date of this version"),
    "next_from": (
        "date not null default 'infinity'",
        "Extract date of the next version delivered of this key, deletions apart, else infinity",
    ),
    "valid_to": (
        "date not null default 'infinity'",
        "Extract date at which a newer version, a deletion or a full delivery without the key closed it",
    ),
    "quarantined_from": (
        "date",
        "First extract date within the interval at which a newer delivery was quarantined: this one is carried on",
    ),
    "closed_by": ("text", "What closed it: superseded, deleted or absent; null while open"),
    "is_deleted": ("boolean not null default false", "A deletion record: closes the key, never selected"),
}


def ident(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


def key_sql(contract: Contract, alias: str, *, raw: bool = False) -> str:
    """A row's key as one text: the key column itself, or its parts joined by the unit separator (0x1F).

    Null when a part is. The expression is immutable, so that history is indexed by it.
    """
    parts = []
    for column in contract.keys:
        part = f"{alias}{'.' if alias else ''}{ident(column.header if raw else column.name)}"
        parts.append(f"{part}::text" if column.sql_type != "text" else part)
    return parts[0] if len(parts) == 1 else "(" + " || E'\\x1f' || ".join(parts) + ")"


def ensure_tables(conn: Connection) -> None:
    """Make every source's tables, so that models find them whether or not a file ever came."""
    for contract in all_contracts():
        ensure_source(conn, contract)


def ensure_source(conn: Connection, contract: Contract) -> None:
    """Make or widen one source's tables.

    Where a column is of another type now, history is made anew, empty: it is typed again from raw before the next load.
    """
    source = contract.source
    raw = {"load_id": "bigint not null", "line_no": "bigint not null"}
    raw |= {column: "text" for column in contract.raw_columns} | {
        "broken_rule": "text",
        "broken_text": "text",
    }
    existing = _columns(conn, "raw", source)
    if not existing:
        body = ", ".join(f"{ident(name)} {kind}" for name, kind in raw.items())
        conn.execute(f"create table if not exists raw.{ident(source)} ({body}) partition by list (load_id)")
        comment = f"{contract.title}: every row of every file as it came. {contract.licence}"
        conn.execute(f"comment on table raw.{ident(source)} is {literal(comment)}")
    else:
        add_columns(conn, "raw", source, {n: k for n, k in raw.items() if n not in existing})
    _ensure_history(conn, contract)


def add_columns(conn: Connection, schema: str, table: str, columns: dict[str, str]) -> None:
    """Add columns that a table lacks."""
    for name, kind in columns.items():
        conn.execute(f"alter table {schema}.{ident(table)} add column if not exists {ident(name)} {kind}")


def _ensure_history(conn: Connection, contract: Contract) -> None:
    source = contract.source
    typed = {column.name: column.sql_type for column in _keys_first(contract)}
    existing = _columns(conn, "history", source)
    is_changed = bool(existing) and any(existing.get(name, kind) != kind for name, kind in typed.items())
    if is_changed:
        conn.execute(f"drop table history.{ident(source)}")
    if existing and not is_changed:
        add_columns(conn, "history", source, {n: k for n, k in typed.items() if n not in existing})
        return
    kinds = typed | {name: kind for name, (kind, _) in HISTORY_COLUMNS.items()}
    body = ", ".join(f"{ident(name)} {kind}" for name, kind in kinds.items())
    # A tenth of each page is left free, so that closing a version rarely touches an index.
    conn.execute(f"create table if not exists history.{ident(source)} ({body}) with (fillfactor = 90)")
    create_history_indexes(conn, contract)
    conn.execute(f"comment on table history.{ident(source)} is {literal(contract.title + ': every version')}")
    meanings = {column.name: column.meaning for column in contract.columns}
    meanings |= {name: meaning for name, (_, meaning) in HISTORY_COLUMNS.items()}
    for name, meaning in meanings.items():
        conn.execute(f"comment on column history.{ident(source)}.{ident(name)} is {literal(meaning)}")


def create_history_indexes(conn: Connection, contract: Contract) -> None:
    """One version per key and extract date; and a small index by load."""
    table = f"history.{ident(contract.source)}"
    conn.execute(
        f"create unique index if not exists {ident(contract.source + '_version')} "
        f"on {table} (({key_sql(contract, '')}), valid_from)"
    )
    conn.execute(
        f"create index if not exists {ident(contract.source + '_load')} on {table} "
        "using brin (load_id) with (autosummarize = on)"
    )


def drop_history_indexes(conn: Connection, contract: Contract) -> None:
    """Before a load that is most of the table: indexes are quicker made afterwards."""
    for suffix in ("_version", "_load"):
        conn.execute(f"drop index if exists history.{ident(contract.source + suffix)}")


def _keys_first(contract: Contract) -> list[Any]:
    return [*contract.keys, *(c for c in contract.columns if c not in contract.keys)]


def _columns(conn: Connection, schema: str, table: str) -> dict[str, str]:
    rows = conn.execute(
        "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a "
        "where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and a.attnum > 0 "
        "and not a.attisdropped",
        (schema, table),
    ).fetchall()
    return dict(rows)
