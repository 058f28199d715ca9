"""Deliveries of conditions in shorthand, so that a case is a line.

    a1    the condition a, its name 1        a1~   the same, its severity a word nobody knows (kept, flagged)
    -a    a deletion of a                    a?    a with an impossible date (set aside)
    ?     a row without a key (set aside)    a!    a with a field too many (set aside, its key still legible)

A delivery is `full …` or `changes …`.
"""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
from landing_folder import LandingFolder, week
from medimart import landing
from medimart.errors import CriticalFailure

HEADER = "condition_id,patient_id,condition_name,severity,active,diagnosed_date,record_status\n"


def line_of(token: str) -> str:
    """One row in shorthand as a line of the file."""
    if token == "?":
        return ",P1,none,Mild,Yes,,\n"
    if token.startswith("-"):
        return f"{token[1:]},,,,,,deleted\n"
    key, name = token[0], token[1:]
    if name == "?":
        return f"{key},P1,bad,Mild,Yes,31/02/2025,\n"
    if name == "!":
        return f"{key},P1,bad,Mild,Yes,,,and more\n"
    severity = "Whatever" if name.endswith("~") else "Mild"
    return f"{key},P1,{name.rstrip('~')},{severity},Yes,,\n"


def deliver(folder: LandingFolder, number: int, delivery: str) -> None:
    """Put the delivery of one week into the landing folder, in place of any before."""
    kind, *tokens = delivery.split()
    content = HEADER + "".join(map(line_of, tokens))
    folder.extract(week(number), {"conditions.csv": content}, {"delivery": {"conditions": kind}})


def load(conn: psycopg.Connection[Any], folder: LandingFolder, number: int) -> list[landing.LoadResult]:
    """Load every delivery of conditions up to a week."""
    return landing.load_source(conn, folder.path, "conditions", week(number))


def selection(conn: psycopg.Connection[Any], number: int) -> str:
    """The conditions there are as of a week, in shorthand; those carried on past a quarantined version with a `*`."""
    rows = conn.execute(
        "select condition_id || condition_name || case when quarantined_from <= %(at)s then '*' else '' end "
        "from history.conditions where valid_from <= %(at)s and valid_to > %(at)s and not is_deleted order by 1",
        {"at": week(number)},
    ).fetchall()
    return " ".join(text for (text,) in rows)


def counts(conn: psycopg.Connection[Any], number: int) -> list[str]:
    """What became of each load's rows as of a week, as `quality.load_audit` has it, by date:
    `rows = current + superseded + deleted + absent + quarantined`."""
    with contextlib.suppress(CriticalFailure):  # too many may be in quarantine here
        landing.reconcile(conn, week(number), ["conditions"])
    rows = conn.execute(
        "select row_count, current_count, superseded_count, deleted_count, absent_count, quarantined_count "
        "from quality.load_audit where status = 'typed' and counted_as_of = %s and extract_date <= counted_as_of "
        "order by extract_date",
        (week(number),),
    ).fetchall()
    assert all(row[0] == sum(row[1:]) for row in rows), rows
    return [f"{row[0]} = {' + '.join(map(str, row[1:]))}" for row in rows]
