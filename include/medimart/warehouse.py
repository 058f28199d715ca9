"""The warehouse's own objects: schemas, functions, control tables and roles, from `sql/setup`."""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg

from medimart.errors import SettingError
from medimart.settings import SQL

OLDEST = 180000  # references that are declared and not enforced came with PostgreSQL 18
_LOCK = 7_238_001  # one set-up at a time; any fixed number that nobody else takes


def prepare(conn: psycopg.Connection[Any]) -> None:
    """Bring the warehouse's own objects up to date; a no-op when `sql/setup` is what ran last.

    One transaction under an advisory lock, so two first runs at once are safe. Raises SettingError when the server
    is too old.
    """
    if conn.info.server_version < OLDEST:
        raise SettingError(
            f"The warehouse is PostgreSQL {conn.info.server_version // 10000}; it must be {OLDEST // 10000} or later. "
            "Upgrade the server of MEDIMART_DATABASE_URL, or leave the variable empty to use the embedded one."
        )
    files = sorted((SQL / "setup").glob("*.sql"))
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        conn.execute("create schema if not exists quality")
        conn.execute(
            "create table if not exists quality.setup (sha256 text not null, prepared_at timestamptz not null)"
        )
        if conn.execute("select 1 from quality.setup where sha256 = %s", (wanted,)).fetchone():
            return
        for path in files:
            conn.execute(path.read_text())
        conn.execute("truncate quality.setup")
        conn.execute("insert into quality.setup values (%s, clock_timestamp())", (wanted,))
