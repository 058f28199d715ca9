"""The shared reader: a session that can read what is shared and nothing else, for so long and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from medimart.ask.members import Trust
from medimart.ask.query import Query
from medimart.errors import InputError, SettingError

Connection = psycopg.Connection[Any]

ROLE = "medimart_shared"
SECONDS = 10
_ALL_TRUSTS = -1


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """A read-only transaction on the warehouse as the shared reader.

    The session is given none of the settings that models rely on, the keys of pseudonyms among them. Raises
    SettingError when the server doesn't answer, or the login may not take on the role.
    """
    try:
        conn = psycopg.connect(url, options="-c statement_timeout=60s")
    except psycopg.OperationalError as error:
        raise SettingError(
            f"The warehouse does not answer ({' '.join(str(error).split())}). "
            "Start it with `medimart up`, or check MEDIMART_DATABASE_URL."
        ) from None
    with conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        try:
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(ROLE)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
            raise SettingError(
                f"The login {conn.info.user} cannot read as {ROLE}: have an administrator run "
                f"`grant {ROLE} to {conn.info.user}`, or publish a census first, which makes the role."
            ) from None
        conn.execute(sql.SQL("set local statement_timeout = {}").format(sql.Literal(f"{SECONDS}s")))
        conn.execute("set local search_path = pg_catalog")
        yield conn
        conn.rollback()


def published(conn: Connection) -> list[date]:
    """The published censuses, oldest first. Raises InputError where there is none."""
    try:
        rows = conn.execute(
            "select distinct census_date from marts.publication where pipeline = 'waiting_list' order by census_date"
        ).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
        rows = []
    if not rows:
        raise InputError("No census is published yet, so there is nothing to ask about. Next: medimart run")
    return [day for (day,) in rows]


def trusts(conn: Connection) -> list[Trust]:
    """The trusts, by name, the unknown one last; the member that totals over all trusts point to is none."""
    rows = conn.execute(
        "select trust_sk, trust_name, provider_code, is_unknown from marts.dim_trust where trust_sk <> %s "
        "order by is_unknown, trust_name",
        (_ALL_TRUSTS,),
    ).fetchall()
    return [Trust(*row) for row in rows]


def run(conn: Connection, query: Query) -> list[tuple[Any, ...]]:
    """The rows of a query. Raises SettingError when it takes longer than a reader has."""
    try:
        return conn.execute(query.statement, query.values).fetchall()
    except psycopg.errors.QueryCanceled:
        raise SettingError(
            f"The question took longer than {SECONDS} s and was given up: ask for less at a time."
        ) from None
