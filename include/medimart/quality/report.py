"""What the verdicts of a run say: counts for the summary and the publication, words for on-call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from medimart.quality import evidence
from medimart.quality.checkpoint import Verdict, describe
from medimart.quality.suites import SEVERITIES

STATUSES = ("passed", "failed", "broken")
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Since:
    """How long a check has not passed, this run included: in how many runs, and in which it began."""

    runs: int
    census: date
    at: datetime


def summary(conn: Connection, run_id: str) -> dict[str, dict[str, int]]:
    """How many checks of a run passed, failed and were broken, by severity; zero where there was none."""
    counts = dict.fromkeys(((severity, status) for severity in SEVERITIES for status in STATUSES), 0)
    found = conn.execute(
        "select severity, status, count(*) from quality.validation_result where run_id = %s group by 1, 2",
        (run_id,),
    )
    counts |= {(severity, status): count for severity, status, count in found}
    return {severity: {status: counts[severity, status] for status in STATUSES} for severity in SEVERITIES}


def not_passed(conn: Connection, run_id: str, *, lately: bool = False) -> list[Verdict]:
    """A run's verdicts that did not pass, the gravest first. lately: of those, what it found since it last began."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            select
                model, check_id as id, expectation, column_name as column, severity, status, reason, action,
                observed_value as observed, unexpected_count as unexpected, row_count as rows,
                sample_keys as samples, detail, model_seconds
            from quality.validation_result
            where run_id = %(run)s and status <> 'passed' and (not %(lately)s or validated_at >= coalesce(
                (select r.started_at from quality.run as r where r.run_id = %(run)s), '-infinity'
            ))
            """,
            {"run": run_id, "lately": lately},
        ).fetchall()
    verdicts = [Verdict(**{**row, "samples": tuple(row["samples"])}) for row in found]
    return sorted(verdicts, key=lambda v: (SEVERITIES.index(v.severity), STATUSES.index(v.status), v.name))


def since(conn: Connection, run_id: str, verdict: Verdict) -> Since:
    """Since when a check of a run has not passed, from the same check in runs validated before it."""
    row = conn.execute(
        """
        with this as (
            select v.model, v.check_id, v.pipeline, v.validated_at
            from quality.validation_result as v
            where v.run_id = %(run)s and v.model = %(model)s and v.check_id = %(check)s
        ),
        so_far as (
            select v.run_id, v.status, v.census_date, v.validated_at
            from quality.validation_result as v
            inner join this as t using (model, check_id, pipeline)
            where v.validated_at <= t.validated_at
        ),
        streak as (
            select s.run_id, s.census_date, s.validated_at
            from so_far as s
            where s.validated_at > coalesce(
                (select max(p.validated_at) from so_far as p where p.status = 'passed'), '-infinity'
            )
        )
        select count(*), (array_agg(census_date order by validated_at))[1], min(validated_at) from streak
        """,
        {"run": run_id, "model": verdict.model, "check": verdict.id},
    ).fetchone()
    if row is None:
        raise LookupError(f"{verdict.name} has no verdict in run {run_id}")
    return Since(*row)


def failure_message(conn: Connection, run_id: str, *, samples: bool = True) -> str:
    """What on-call is told of a failed run, in plain text without any identifier.

    What failed, in how many rows, since when, what it blocks, what readers see meanwhile, what to do.
    samples: a few rows by pseudonymous key as well, for readers within the house.
    """
    run = _run(conn, run_id)
    steps = _failed_steps(conn, run_id)
    if run is None:
        why = steps or ["The last line of its first failed task says why."]
        return "\n".join(
            [f"Run {run_id} failed before it had fixed its census: nothing was loaded or published.", *why]
        )
    pipeline, census, stop_on_warning = run
    grave = ("critical", "warning") if stop_on_warning else ("critical",)
    found = not_passed(conn, run_id, lately=True)
    stopping = [verdict for verdict in found if verdict.severity in grave]
    lines = [f"{pipeline}, census {census}: not published. Run {run_id}."]
    for verdict in stopping:
        lines += ["", *_about(verdict, since(conn, run_id, verdict), samples)]
    if steps:
        lines += ["", *steps]
    elif not stopping:
        lines += ["", "No check stopped it: a step failed. The last line of its first failed task says why."]
    lines += [
        "",
        f"Blocked: every mart of census {census}, together; other censuses publish as usual.",
        f"Meanwhile: {_published(conn, pipeline)}",
    ]
    if rest := len(found) - len(stopping):
        lines.append(f"Beside that, {rest} {'check' if rest == 1 else 'checks'} of lesser severity did not pass.")
    lines.append("When it is mended, clear the failed tasks: the run goes on from where it stopped.")
    return "\n".join(lines)


def _failed_steps(conn: Connection, run_id: str) -> list[str]:
    if conn.execute("select to_regclass('quality.run_failure')").fetchone() == (None,):
        return []
    return [f"Step failed: {one.stage}, {one.step}: {one.message}" for one in evidence.failures(conn, run_id)]


def _run(conn: Connection, run_id: str) -> tuple[str, date, bool] | None:
    """Pipeline, census and stop-on-warning of a run; None when it failed before it had recorded them."""
    if conn.execute("select to_regclass('quality.run')").fetchone() == (None,):
        return None
    row = conn.execute(
        "select pipeline, census_date, stop_on_warning from quality.run where run_id = %s", (run_id,)
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def _about(verdict: Verdict, since: Since, samples: bool) -> Iterable[str]:
    if verdict.status == "broken":
        yield f"Check broken: {verdict.name}: {verdict.detail}."
        yield "This says nothing about the data. Mend the check or the model."
    else:
        yield f"{verdict.severity.capitalize()} check failed: {describe(verdict)}"
    if since.runs > 1:
        yield f"Since: census {since.census}, {since.at:%d %B %Y %H:%M}; {since.runs} runs in a row."
    else:
        yield "Since: this run; it passed, or was not there, before."
    if samples and verdict.samples:
        keys = "; ".join(", ".join(f"{key} {value}" for key, value in row.items()) for row in verdict.samples)
        yield f"For example: {keys}."
    if verdict.status == "failed":
        yield f"To do: {verdict.action}"


def _published(conn: Connection, pipeline: str) -> str:
    row = conn.execute(
        """
        select p.census_date, p.published_at
        from marts.publication as p
        where p.pipeline = %s
        order by p.census_date desc, p.published_at desc
        limit 1
        """,
        (pipeline,),
    ).fetchone()
    if row is None:
        return "readers see nothing; there has been no publication yet."
    return f"readers see the marts as published on {row[1]:%d %B %Y %H:%M}, newest census {row[0]}."
