"""Transact-SQL means in PostgreSQL what Microsoft's documentation says it means in SQL Server, fault or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
import sqlglot
from medimart.errors import MedimartError
from medimart.legacy.compare import LEGACY
from medimart.legacy.tsql import translate
from medimart.local.postgres import PostgresServer

TODAY = date(2026, 4, 5)  # a Sunday


@pytest.fixture(scope="module")
def conn(server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A connection with a small legacy table: words as people type them, dates, numbers."""
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute("create temp table dbo_words (word_id int, word text, day date, number int)")
        conn.execute(
            "insert into dbo_words values (1, 'OPEN  ', '2025-11-26', 130), (2, 'open', '2026-04-05', -130),"
            " (3, 'Closed', null, null), (4, null, '1899-12-30', 0)"
        )
        yield conn


def value(conn: psycopg.Connection[Any], expression: str) -> Any:
    [(found,)] = conn.execute(translate(f"SELECT {expression} AS [X]", TODAY).sql.encode()).fetchall()
    return found


def ids(conn: psycopg.Connection[Any], condition: str) -> set[int]:
    query = translate(f"SELECT w.[Word_ID] FROM [dbo].[Words] AS w WITH (NOLOCK) WHERE {condition}", TODAY)
    return {word_id for (word_id,) in conn.execute(query.sql.encode())}


@pytest.mark.parametrize(
    ("unit", "start", "end", "crossed"),
    [
        # Microsoft's own example: a tenth of a microsecond crosses a boundary of each kind.
        ("year", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000", 1),
        ("week", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000", 1),
        ("day", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000", 1),
        # "Different year values but the same calendar week values: 0 for week"; the week of Sunday 31 December 2017.
        ("week", "2017-12-31", "2018-01-06", 0),
        ("year", "2017-12-31", "2018-01-06", 1),
        ("year", "2025-01-01", "2025-12-31", 0),
        ("year", "1951-11-01", "2026-04-05", 75),  # 74 years old
        ("week", "2026-04-04", "2026-04-05", 1),  # Saturday to Sunday
        ("week", "2026-04-05", "2026-04-11", 0),  # Sunday to Saturday
        ("week", "2025-04-12", "2026-04-05", 52),  # 358 days
        ("week", "2025-04-13", "2026-04-05", 51),  # 357 days
        ("week", "2026-04-05", "2026-04-04", -1),
        ("week", "1899-12-30", "1900-01-01", 1),  # before SQL Server's first day too
        ("week", "1899-12-24", "1899-12-30", 0),
        ("day", "2026-04-05", "2026-04-01", -4),
        ("day", "2026-04-05 23:00", "2026-04-06 01:00", 1),
    ],
)
def test_datediff_counts_boundaries(
    conn: psycopg.Connection[Any], unit: str, start: str, end: str, crossed: int
) -> None:
    assert value(conn, f"DATEDIFF({unit}, '{start}', '{end}')") == crossed


def test_sqlglot_alone_would_mend_the_fault(conn: psycopg.Connection[Any]) -> None:
    """Why DATEDIFF is translated here: the day this fails, sqlglot may be trusted with it."""
    [written] = sqlglot.transpile("SELECT DATEDIFF(year, '1951-11-01', '2026-04-05')", read="tsql", write="postgres")
    assert conn.execute(written.encode()).fetchone() == (74,)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("130 / 7", 18),  # integers divide to an integer
        ("-130 / 7", -18),  # towards zero
        ("DATEDIFF(day, '2025-11-26', GETDATE()) / 7", 18),
        ("ISNULL(NULL, 'Not known')", "Not known"),
        ("IIF(1 = 0, 'a', IIF(2 > 1, 'b', 'c'))", "b"),
        ("IIF(NULL > 1, 'yes', 'no')", "no"),  # unknown is not true
        ("CONVERT(varchar(10), GETDATE(), 103)", "05/04/2026"),
        ("'Week ending ' + CONVERT(varchar(10), GETDATE(), 103)", "Week ending 05/04/2026"),
        ("1 + 2", 3),
        ("IIF('Open ' = 'OPEN', 1, 0)", 1),
    ],
)
def test_expressions(conn: psycopg.Connection[Any], expression: str, expected: object) -> None:
    assert value(conn, expression) == expected


def test_null_takes_the_whole_text(conn: psycopg.Connection[Any]) -> None:
    assert ids(conn, "'On ' + CONVERT(varchar(10), w.[Day], 103) IS NULL") == {3}


def test_words_are_compared_blind_to_case_and_trailing_spaces(conn: psycopg.Connection[Any]) -> None:
    assert ids(conn, "w.[Word] = 'Open'") == {1, 2}
    assert ids(conn, "w.[Word] IN ('Open ', 'closed')") == {1, 2, 3}
    assert ids(conn, "w.[Word] <> 'Open'") == {3}  # null is neither
    assert ids(conn, "w.[Word] NOT IN ('OPEN')") == {3}
    assert ids(conn, "w.[Word] IS NULL") == {4}
    assert ids(conn, "w.[NUMBER] = 130 AND W.[word_id] = 1") == {1}  # names are blind to case


def test_a_variable_has_the_value_it_is_declared_with(conn: psycopg.Connection[Any]) -> None:
    query = translate("DECLARE @CensusDate date = GETDATE(); SELECT @censusdate AS [X]", TODAY)
    assert conn.execute(query.sql.encode()).fetchone() == (TODAY,)


def test_top_100_percent_leaves_out_nothing(conn: psycopg.Connection[Any]) -> None:
    view = translate(
        "CREATE VIEW [dbo].[vw_All] AS SELECT TOP (100) PERCENT w.[Word_ID] FROM [dbo].[Words] w ORDER BY w.[Day]",
        TODAY,
    )
    assert view.name == "dbo_vw_all"
    assert len(conn.execute(view.sql.encode()).fetchall()) == 4


@pytest.mark.parametrize(
    "expression",
    [
        "DATEDIFF(month, w.[Day], GETDATE())",
        "DATEDIFF(hour, w.[Day], GETDATE())",
        "CONVERT(varchar(10), w.[Day], 112)",
        "CONVERT(varchar(6), w.[Day], 103)",
        "CAST(w.[Number] / 7.0 AS int)",  # SQL Server cuts off, PostgreSQL rounds
        "LEN(w.[Word])",
        "SUM(w.[Number])",
        "IIF(w.[Word] LIKE 'Canc%', 1, 0)",
        "dbo.fn_Age(w.[Day])",
    ],
)
def test_what_is_not_proved_is_refused(expression: str) -> None:
    with pytest.raises(MedimartError, match="is not proved to mean the same"):
        translate(f"SELECT {expression} AS [X] FROM [dbo].[Words] AS w", TODAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT TOP 10 w.[Word] FROM [dbo].[Words] AS w ORDER BY w.[Day]", "is not proved"),
        ("SELECT DISTINCT w.[Word] FROM [dbo].[Words] AS w", "is not proved"),
        ("SELECT COUNT(*) AS [N] FROM [dbo].[Words] AS w GROUP BY w.[Word]", "is not proved"),
        ("SELECT @Nobody AS [X]", "@Nobody has no value"),
        ("SELECT ((", "can be read"),
        ("", "can be read"),
    ],
)
def test_what_cannot_be_translated_is_said(text: str, message: str) -> None:
    with pytest.raises(MedimartError, match=message):
        translate(text, TODAY)


def test_every_legacy_file_is_transact_sql_and_translates() -> None:
    files = sorted(LEGACY.glob("*.sql"))
    assert len(files) == 4
    for file in files:
        assert all(sqlglot.parse(file.read_text(), read="tsql"))
        assert translate(file.read_text(), TODAY).sql.startswith("SELECT")
