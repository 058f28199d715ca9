"""What there is to run, by what is published and not by Airflow's memory; and its run through the real scheduler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from medimart import db, status
from medimart.errors import InputError
from medimart.landing.publication import period_of
from medimart.local.runs import Outcome, run_censuses, run_once, running
from medimart.local.stack import Say
from medimart.local.warehouse import warehouse
from medimart.models import publish
from medimart.pipeline import PUBLICATION, WAITING_LIST
from medimart.settings import PROJECT_ROOT, settings
from medimart.summary import Summary, failed_checks, seconds_by_stage, summarise
from medimart.warehouse import prepare

Connection = psycopg.Connection[Any]

SAMPLE = PROJECT_ROOT / "data" / "publication" / "sample.zip"
WANTS_A_RUN = frozenset({"landed", "loaded"})


@dataclass(frozen=True)
class Work:
    """What to run: censuses of the waiting list, and a file of the monthly publication."""

    censuses: tuple[date, ...] = ()
    publication: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.censuses or self.publication)


@dataclass(frozen=True)
class Result:
    """How it went: the runs, the seconds of work by stage, and what is published now. is_good: nothing failed."""

    outcomes: tuple[Outcome, ...]
    stages: dict[str, float]
    summary: Summary
    is_good: bool


def due(conn: Connection, *, again: bool = False) -> Work:
    """Every landed week that is not published, or not as it lies there (`again`: every landed week), and the sample
    of the monthly publication as long as no month is published.
    """
    weeks = [week for week in status.weeks(conn, settings().landing) if week.state != "not complete"]
    censuses = {week.census for week in weeks if again or week.state in WANTS_A_RUN}
    is_empty = not publish.published(conn, PUBLICATION)
    sample = SAMPLE if SAMPLE.exists() and (is_empty or (again and is_published(conn, SAMPLE))) else None
    return Work(tuple(sorted(censuses)), sample)


def censuses_due(conn: Connection, wanted: Sequence[date], *, again: bool = False) -> tuple[date, ...]:
    """Those of the censuses wanted that are not published as they lie there (`again`: all).

    Raises InputError when the landing folder has no complete extract for one of them.
    """
    weeks = status.weeks(conn, settings().landing)
    states: dict[date, set[str]] = {}
    for week in weeks:
        states.setdefault(week.census, set()).add(week.state)
    for census in wanted:
        if not states.get(census, set()) - {"not complete"}:
            raise InputError(_nothing_landed(census, weeks))
    return tuple(census for census in wanted if again or states[census] - {"published", "not complete"})


def stale(conn: Connection) -> tuple[date, ...]:
    """The published censuses whose inputs have changed since, what has landed since included."""
    weeks = status.weeks(conn, settings().landing)
    by_landing = {week.census for week in weeks if week.state == "stale"}
    return tuple(sorted(by_landing | {found.census for found in publish.stale(conn)}))


def is_published(conn: Connection, file: Path) -> bool:
    """Whether a monthly file is what is published of its month, byte for byte and by today's seeds."""
    period = period_of(file)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    newest = conn.execute(
        """
        select jsonb_path_exists(inputs, '$.loads[*] ? (@.sha256 == $wanted)', %s)
        from marts.publication
        where pipeline = %s and census_date = %s
        order by publication_id desc
        limit 1
        """,
        (json.dumps({"wanted": sha256}), PUBLICATION, period),
    ).fetchone()
    is_stale = any(found.census == period for found in publish.stale(conn, PUBLICATION))
    return bool(newest and newest[0]) and not is_stale


def carry_out(work: Work, *, console: Console, say: Say) -> Result:
    """Run it all through the scheduler of the stack that is up, or of one started for it, and sum up."""
    dags = [WAITING_LIST] * bool(work.censuses) + [PUBLICATION] * bool(work.publication)
    with running("medimart run", dags, say=say) as on:
        say(f"Airflow answers at {on.airflow.url}")
        outcomes = []
        if work.publication:  # first: the weeks compare themselves with it, and would be stale at once
            conf = {"input": str(work.publication)}
            label = f"publication {period_of(work.publication):%B %Y}"
            outcomes.append(run_once(on, PUBLICATION, label, conf, console=console))
        outcomes += run_censuses(on, WAITING_LIST, work.censuses, console=console)
        with warehouse() as url, db.connect(url) as conn:
            run_ids = [f"{outcome.run.dag_id}/{outcome.run.run_id}" for outcome in outcomes]
            return Result(
                tuple(outcomes),
                seconds_by_stage(conn, run_ids),
                summarise(conn),
                all(outcome.state != "failed" for outcome in outcomes) and not failed_checks(conn, run_ids),
            )


@contextmanager
def prepared() -> Iterator[Connection]:
    """A connection to the warehouse, which is started and set up for it when need be."""
    with warehouse() as url, db.connect(url) as conn:
        prepare(conn)
        conn.commit()
        yield conn


def _nothing_landed(census: date, weeks: Sequence[status.Week]) -> str:
    landing = settings().landing
    waiting = [week for week in weeks if week.census == census]
    why = "; ".join(f"{week.date} is not complete: {week.detail}" for week in waiting)
    return (
        f"No complete extract is dated {census - timedelta(days=6)} to {census}, so census {census} cannot be built. "
        f"{why or f'{landing} has no folder for that week.'}"
    )
