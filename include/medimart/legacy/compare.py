"""The legacy views run on the same data as the marts, and every row by which they differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from medimart import landing
from medimart.errors import InputError, MedimartError
from medimart.legacy import facts, tsql
from medimart.legacy.figures import BOOKINGS, BY_CLOCK, CELLS, FIGURES, PATHWAYS, Figure
from medimart.models import build, publish
from medimart.models.manifest import load_manifest
from medimart.settings import PROJECT_ROOT

Connection = psycopg.Connection[Any]

LEGACY = PROJECT_ROOT / "legacy"
VIEWS = ("vw_BreachReport.sql", "vw_RiskView.sql", "vw_CapacityView.sql")
SPREADSHEET = "Waiting_List_Summary.sql"
NEEDED = ("fct_waitlist", "int_rtt_periods", "int_rtt_clocks", "int_patient_risk", "int_weekly_capacity")


@dataclass(frozen=True)
class Difference:
    """What one figure counts otherwise for one reason: a pathway, a booking, or the slots of a trust and function.

    change: what it adds to the legacy figure. row: pseudonymous keys and dates, no local identifier.
    """

    figure: str
    reason: str
    change: int
    row: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The spreadsheet as it would have been at a census, its figures beside the marts', and all by which they differ.

    columns, spreadsheet: what its query gives. legacy, current: each figure by its column. differences: in order of
    figure and reason; those of a figure add up to current - legacy. is_synthetic: all patients are of the test series.
    """

    census: date
    columns: tuple[str, ...]
    spreadsheet: tuple[tuple[Any, ...], ...]
    legacy: dict[str, int]
    current: dict[str, int]
    differences: tuple[Difference, ...]
    is_synthetic: bool


def compare(conn: Connection, census: date | None = None) -> Comparison:
    """Run the legacy logic and the models on what was known at a census, by default the newest published.

    Raises InputError when that census is not published, or its inputs have changed since.
    """
    published = [found.census for found in publish.published(conn)]
    if not published:
        raise InputError("No census is published yet, so there is nothing to compare with. Next: medimart run")
    census = census or published[-1]
    if census not in published:
        raise InputError(
            f"Census {census} is not published, so there is nothing to compare with. "
            f"Next: medimart run waiting_list --census {census}"
        )
    if any(found.census == census for found in publish.stale(conn)):
        raise InputError(
            f"The inputs of census {census} have changed since it was published: its marts are stale. "
            "Next: medimart backfill --stale"
        )
    manifest = load_manifest()
    sources = sorted({s for name in manifest.ancestors(NEEDED) for s in manifest[name].sources})
    scratch = build.open_build(
        conn, census, f"legacy/{uuid.uuid4()}", landing.inputs(conn, census, sources), "waiting_list"
    )
    try:
        for name in build.plan(manifest, list(NEEDED)):
            build.build_model(conn, scratch, name, manifest)
        return compare_built(conn, scratch.schema, census)
    finally:
        conn.rollback()
        build.close_build(conn, scratch)


def compare_built(conn: Connection, schema: str, census: date) -> Comparison:
    """The same, of models that are built already in a schema.

    Raises MedimartError when the reasons do not add up, which would be a fault of ours.
    """
    with legacy_views(conn, schema, census):
        cursor = conn.execute(_sql(_translated(SPREADSHEET, census).sql))
        columns = tuple(column.name for column in cursor.description or ())
        spreadsheet = tuple(cursor.fetchall())
        differences = [found for figure in FIGURES for found in _differences(conn, figure)]
        differences += _cells(conn)
        [current] = _rows(conn, sql.SQL(facts.CURRENT))
        [(is_synthetic,)] = conn.execute(facts.IS_SYNTHETIC).fetchall()
    legacy = {f.column: sum(int(row[columns.index(f.column)]) for row in spreadsheet) for f in FIGURES}
    for name, count in legacy.items():
        explained = sum(found.change for found in differences if found.figure == name)
        if count + explained != current[name]:
            raise MedimartError(
                f"At census {census} the reasons for {name} come to {explained}, and the difference is "
                f"{current[name] - count}: a fault of MediMart's comparison, not of the data. Please report it."
            )
    return Comparison(census, columns, spreadsheet, legacy, current, tuple(differences), is_synthetic)


@contextmanager
def legacy_views(conn: Connection, schema: str, census: date) -> Iterator[None]:
    """The legacy tables and views and the facts of the comparison, beside the models of a schema, while needed."""
    with conn.transaction(force_rollback=True):
        build.set_up(conn, schema)
        for name, select in facts.TABLES.items():
            _make(conn, f"dbo_{name}", f"{select} {facts.AS_OF}")
        for file in VIEWS:
            view = _translated(file, census)
            _make(conn, view.name, view.sql)
        _make(conn, PATHWAYS, facts.PATHWAYS)
        _make(conn, BOOKINGS, facts.BOOKINGS)
        yield


def _translated(file: str, today: date) -> tsql.Query:
    try:
        return tsql.translate((LEGACY / file).read_text(), today)
    except MedimartError as error:
        raise MedimartError(f"legacy/{file}: {error}") from None


def _make(conn: Connection, name: str, select: str) -> None:
    conn.execute(sql.SQL("create temp table {} as {}").format(sql.Identifier(name), _sql(select)))
    conn.execute(sql.SQL("analyze {}").format(sql.Identifier(name)))


def _differences(conn: Connection, figure: Figure) -> list[Difference]:
    arms = [
        sql.SQL("when coalesce({}, false) = is_current then {}").format(
            _sql(mend.counted),
            sql.Identifier(BY_CLOCK) if mend.reason == BY_CLOCK else sql.Literal(mend.reason),
        )
        for mend in figure.mends
    ]
    query = sql.SQL(
        """
        with counted as (
            select f.*, f.{rows}::integer as legacy_rows, coalesce({current}, false) as is_current from {facts} as f
        ),
        found as (
            select *, 'copies' as reason, 1 - legacy_rows as change from counted where legacy_rows > 1
            union all
            select *, case {arms} end, is_current::integer - least(legacy_rows, 1)
            from counted
            where is_current::integer <> least(legacy_rows, 1)
        )
        select
            reason, change, period_sk, referral_sk, booking_sk, trust_sk, treatment_function_code,
            referred_date, clock_start_date, wait_days
        from found
        order by reason, period_sk, referral_sk, booking_sk
        """
    ).format(
        rows=sql.Identifier(figure.rows),
        current=_sql(figure.mends[-1].counted),
        facts=sql.Identifier(figure.facts),
        arms=sql.SQL(" ").join(arms),
    )
    return [_difference(figure.column, row) for row in _rows(conn, query)]


def _cells(conn: Connection) -> list[Difference]:
    changes = [sql.SQL("({}, {})").format(reason, _sql(change)) for reason, change in CELLS.items()]
    query = sql.SQL(
        """
        with cells as (
            select
                w.*,
                w.booked_count - w.cancelled_by_patient_count - w.cancelled_by_provider_count
                - w.cancelled_by_unknown_count as standing_count
            from int_weekly_capacity as w
            inner join census as c on w.week_end_date = c.census_date
        )
        select
            n.reason, n.change,
            case when w.trust_id = 'UNKNOWN' then 0 else pseudonym('trust', w.trust_id) end as trust_sk,
            w.treatment_function_code
        from cells as w
        cross join lateral (values {}) as n (reason, change)
        where n.change <> 0
        order by n.reason, trust_sk, w.treatment_function_code, w.session_type
        """
    ).format(sql.SQL(", ").join(changes))
    return [_difference("capacity", row) for row in _rows(conn, query)]


def _difference(figure: str, row: dict[str, Any]) -> Difference:
    return Difference(figure, row.pop("reason"), row.pop("change"), row)


def _rows(conn: Connection, query: sql.SQL | sql.Composed) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _sql(text: str) -> sql.SQL:
    """SQL of ours or of a file under `legacy/`, never of data."""
    return sql.SQL(text)
