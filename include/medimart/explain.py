"""A row of the waiting list, back to its source lines.

The period is worked out again by the models themselves, in a scratch schema, so what is shown is what ran. Nothing
here names a patient: rows are shown by file and line, and who may open those files may look there.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console

from medimart import landing
from medimart.errors import InputError
from medimart.models import build, publish
from medimart.models.manifest import load_manifest

Connection = psycopg.Connection[Any]

_SOURCES = {"referral": "referrals", "appointment": "appointments", "procedure": "procedures", "patient": "patients"}
_NEEDED = ("int_rtt_periods", "int_rtt_events", "int_treatment_matches", "fct_waitlist")


@dataclass(frozen=True)
class Line:
    """One line of one file that says something of the period. is_used: it is the version in force at the census."""

    what: str
    extract_date: date
    file_name: str
    line_no: int
    is_used: bool
    flags: dict[str, Any] | None


@dataclass(frozen=True)
class Event:
    """One thing that starts or ends a clock, in the order in which they are taken."""

    date: date | None
    event: str
    basis: str
    source: str
    is_inferred: bool


@dataclass(frozen=True)
class Explanation:
    """Why a period has the wait it has at a census.

    period: the row of int_rtt_periods, without identifiers. on_list: its row in fct_waitlist, or None when it is
    not open that day. events: in order. lines: every line delivered up to the census of the rows it rests upon.
    """

    census: date
    period_sk: int
    period: dict[str, Any]
    on_list: dict[str, Any] | None
    events: tuple[Event, ...]
    lines: tuple[Line, ...]


def explain(conn: Connection, period_sk: int, census: date | None = None) -> Explanation:
    """Explain one RTT period at a census, by default the newest published.

    Raises InputError when no such period is known at that census.
    """
    manifest = load_manifest()
    if census is None:
        published = publish.published(conn)
        if not published:
            raise InputError("No census is published yet, so there is no row to explain. Next: medimart run")
        census = published[-1].census
    sources = sorted({s for name in manifest.ancestors(_NEEDED) for s in manifest[name].sources})
    scratch = build.open_build(
        conn, census, f"explain/{uuid.uuid4()}", landing.inputs(conn, census, sources), "waiting_list"
    )
    try:
        for name in build.plan(manifest, list(_NEEDED)):
            build.build_model(conn, scratch, name, manifest)
        return _read(conn, scratch.schema, period_sk, census)
    finally:
        conn.rollback()
        build.close_build(conn, scratch)


def show(console: Console, explanation: Explanation) -> None:
    """Print it for people: what it comes to, how it came about, where that is written."""
    period, row = explanation.period, explanation.on_list
    waits = f"waits {row['wait_days']} days" if row else "is not on the list"
    console.print(f"Period {explanation.period_sk} at census {explanation.census}: {waits}.\n", style="bold")
    console.print("What it rests on")
    for name, value in period.items():
        if value is not None:
            console.print(f"  {name:<28} {value}")
    if row:
        console.print("\nIts row in fct_waitlist")
        for name, value in row.items():
            if value is not None:
                console.print(f"  {name:<28} {value}")
    console.print("\nWhat started and ended its clock, in order")
    for event in explanation.events:
        inferred = ", inferred" if event.is_inferred else ""
        console.print(f"  {event.date or 'undated':<11} {event.event} ({event.basis}{inferred}), from a {event.source}")
    console.print("\nThe lines it rests on")
    for line in explanation.lines:
        state = "in force" if line.is_used else "superseded" if "quarantined" not in line.what else "set aside"
        flags = f"; flagged {', '.join(line.flags)}" if line.flags else ""
        console.print(f"  {line.extract_date}/{line.file_name}, line {line.line_no}: {line.what}, {state}{flags}")


def _read(conn: Connection, schema: str, period_sk: int, census: date) -> Explanation:
    period = _row(conn, schema, "int_rtt_periods", period_sk)
    if period is None:
        raise InputError(
            f"No RTT period has the key {period_sk} at census {census}. "
            "Keys are the column period_sk of marts.fct_waitlist; `--census` chooses another week."
        )
    with conn.cursor(row_factory=dict_row) as cursor:
        events = cursor.execute(
            sql.SQL(
                """
                select event_date, order_date, event_rank, event_kind, event_basis, event_source, source_id, is_inferred
                from {events} where clock_id = %(clock)s
                union all
                select actual_date, actual_date, 5, 'treatment', 'treatment_inferred', 'procedure', procedure_id, true
                from {matches} where clock_id = %(clock)s
                order by order_date, event_rank, event_source, source_id
                """
            ).format(
                events=sql.Identifier(schema, "int_rtt_events"),
                matches=sql.Identifier(schema, "int_treatment_matches"),
            ),
            {"clock": period["clock_id"]},
        ).fetchall()
    ids = {(event["event_source"], event["source_id"]) for event in events}
    if period["referral_id"] is not None:
        ids.add(("referral", period["referral_id"]))
    lines = [line for kind, key in sorted(ids) if kind in _SOURCES for line in _lines(conn, kind, key, census)]
    return Explanation(
        census=census,
        period_sk=period_sk,
        period={k: v for k, v in period.items() if not k.endswith("_id") and k != "pathway_key"},
        on_list=_row(conn, schema, "fct_waitlist", period_sk),
        events=tuple(
            Event(e["event_date"], e["event_kind"], e["event_basis"], e["event_source"], e["is_inferred"])
            for e in events
        ),
        lines=tuple(sorted(lines, key=lambda line: (line.extract_date, line.file_name, line.line_no))),
    )


def _row(conn: Connection, schema: str, table: str, period_sk: int) -> dict[str, Any] | None:
    with conn.cursor(row_factory=dict_row) as cursor:
        query = sql.SQL("select * from {} where period_sk = %s").format(sql.Identifier(schema, table))
        return cursor.execute(query, (period_sk,)).fetchone()


def _lines(conn: Connection, kind: str, key: str, census: date) -> list[Line]:
    source = _SOURCES[kind]
    rows = conn.execute(
        sql.SQL(
            """
            select h.valid_from, l.file_name, h.line_no, h.valid_to > %(census)s and h.next_from > %(census)s, h.flags
            from history.{table} as h
            inner join quality.load_audit as l on h.load_id = l.load_id
            where h.{key} = %(id)s and h.valid_from <= %(census)s
            """
        ).format(table=sql.Identifier(source), key=sql.Identifier(f"{kind}_id")),
        {"census": census, "id": key},
    ).fetchall()
    quarantined = conn.execute(
        """
        select extract_date, file_name, line_no, false, jsonb_object_agg(coalesce(column_name, 'row'), rule)
        from quality.quarantine
        where source = %s and record_key = %s and extract_date <= %s
        group by extract_date, file_name, line_no
        """,
        (source, key, census),
    ).fetchall()
    return [Line(kind, *row) for row in rows] + [Line(f"{kind}, quarantined", *row) for row in quarantined]
