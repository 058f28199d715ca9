"""What the warehouse knows of a run: its outcome, its checks over time, what was set aside, counted and published.

Plain rows for the report. All but `Reject` is free of identifiers; that one is for the sender's file alone, and for
`medimart.quality.masking` before anything of it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from medimart.landing import contract
from medimart.models.manifest import load_manifest
from medimart.quality.suites import SEVERITIES

Row = TypeVar("Row")
Connection = psycopg.Connection[Any]
LAST_RUNS = 12
JUDGED = ("CriticalFailure", "CheckBroken")  # kinds of failure that verdicts tell better


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or how far it has come.

    census: None when it failed before it had fixed one. seconds: from its first step to its last, publishing included.
    failures: kinds of the failed steps' errors. checks: (severity, status) → how many. quarantined: rows set aside as
    of its census.
    """

    run_id: str
    pipeline: str
    census: date | None
    started_at: datetime
    ended_at: datetime | None
    is_published: bool
    stop_on_warning: bool
    failures: tuple[str, ...]
    checks: Mapping[tuple[str, str], int]
    quarantined: int

    @property
    def seconds(self) -> float | None:
        """From the first step's beginning to the last one's end."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    @property
    def severities(self) -> tuple[str, ...]:
        """The severities that stop this run."""
        return ("critical", "warning") if self.stop_on_warning else ("critical",)

    def count(self, *statuses: str, severities: tuple[str, ...] = SEVERITIES) -> int:
        """How many checks ended so."""
        return sum(self.checks.get((severity, status), 0) for severity in severities for status in statuses)


@dataclass(frozen=True)
class Failure:
    """A step that failed when it was last tried. kind: the error's class."""

    stage: str
    step: str
    kind: str
    message: str
    failed_at: datetime


@dataclass(frozen=True)
class Step:
    """A finished step and how long it took."""

    stage: str
    step: str
    rows: int | None
    seconds: float


@dataclass(frozen=True)
class Look:
    """What one check found in one run. observed: where it measures something."""

    run_id: str
    status: str
    observed: float | None


@dataclass(frozen=True)
class Reject:
    """One fault of one row in quarantine; identifies a patient. text: as it stood in the file.

    columns: what each header of its file was read as, in order. path: where the file lay when it was loaded.
    """

    source: str
    extract_date: date
    file_name: str
    line: int
    column: str
    rule: str
    text: str | None
    record: Mapping[str, str]
    columns: Mapping[str, str]
    sha256: str
    encoding: str
    path: str | None


@dataclass(frozen=True)
class Flag:
    """Values of a column that were kept with a flag, in one file."""

    source: str
    extract_date: date
    file_name: str
    column: str
    rule: str
    rows: int
    of: int


@dataclass(frozen=True)
class Load:
    """What became of one file's rows when they were last counted."""

    source: str
    extract_date: date
    file_name: str
    delivery: str
    rows: int
    current: int | None
    superseded: int | None
    deleted: int | None
    absent: int | None
    quarantined: int | None
    counted_as_of: date | None

    @property
    def is_whole(self) -> bool | None:
        """Whether the parts make the whole; None before they were counted."""
        parts = (self.current, self.superseded, self.deleted, self.absent, self.quarantined)
        return None if self.counted_as_of is None else self.rows == sum(part or 0 for part in parts)


@dataclass(frozen=True)
class Published:
    """What a run published. row_counts: by table."""

    published_at: datetime
    row_counts: Mapping[str, int]
    current_census: date | None
    code_version: str


@dataclass(frozen=True)
class Seen:
    """What readers see of a pipeline: its newest census and when that was published."""

    census: date
    published_at: datetime


def outcomes(conn: Connection, run_id: str | None = None) -> list[Outcome]:
    """All runs, newest first; or the one, if there is something to say of it."""
    rows = conn.execute(
        """
        with runs as (
            select r.run_id, r.pipeline, r.census_date, r.started_at, r.stop_on_warning
            from quality.run as r
            union all
            select f.run_id, min(f.pipeline), null, min(f.failed_at), false
            from quality.run_failure as f
            where not exists (select from quality.run as r where r.run_id = f.run_id)
            group by f.run_id
        )
        select
            r.run_id, r.pipeline, r.census_date, r.started_at, r.stop_on_warning,
            s.ended_at, coalesce(s.is_published, false), f.kinds, f.failed_at, v.checks
        from runs as r
        left join lateral (
            select max(s.finished_at) as ended_at, bool_or(s.stage = 'publish') as is_published
            from quality.run_step as s
            where s.run_id = r.run_id and s.finished_at >= r.started_at
        ) as s on true
        left join lateral (
            select array_agg(f.kind order by f.failed_at) as kinds, max(f.failed_at) as failed_at
            from quality.run_failure as f
            where f.run_id = r.run_id
        ) as f on true
        left join lateral (
            select json_agg(json_build_array(c.severity, c.status, c.check_count)) as checks
            from (
                select v.severity, v.status, count(*) as check_count
                from quality.validation_result as v
                where v.run_id = r.run_id and v.validated_at >= r.started_at
                group by v.severity, v.status
            ) as c
        ) as v on true
        where %(run)s::text is null or r.run_id = %(run)s
        order by r.started_at desc, r.run_id
        """,
        {"run": run_id},
    ).fetchall()
    return [
        Outcome(
            name,
            pipeline,
            census,
            started,
            max((moment for moment in (ended, failed) if moment), default=None),
            published and not kinds,
            stops,
            tuple(kinds or ()),
            {(severity, status): count for severity, status, count in checks or ()},
            _quarantined(conn, sources(pipeline), census) if census else 0,
        )
        for name, pipeline, census, started, stops, ended, published, kinds, failed, checks in rows
    ]


def sources(pipeline: str) -> list[str]:
    """The sources whose files a pipeline's runs load: of those it reads, not the file that another loads for it."""
    read = load_manifest().sources(pipeline)
    return [source for source in read if contract.load(source).landing == "folder"] or read


def failures(conn: Connection, run_id: str) -> list[Failure]:
    """The steps that failed when they were last tried, in that order, but for what verdicts tell."""
    return _rows(
        conn,
        Failure,
        """
        select stage, step, kind, message, failed_at
        from quality.run_failure
        where run_id = %(run)s and not (stage in ('validate', 'publish') and kind = any(%(judged)s))
        order by failed_at
        """,
        {"run": run_id, "judged": list(JUDGED)},
    )


def steps(conn: Connection, run_id: str) -> list[Step]:
    """The steps that a run has finished since it last began, in the order they finished."""
    return _rows(
        conn,
        Step,
        """
        select s.stage, s.step, s.row_count as rows, s.seconds
        from quality.run_step as s
        inner join quality.run as r using (run_id)
        where s.run_id = %(run)s and s.finished_at >= r.started_at
        order by s.finished_at
        """,
        {"run": run_id},
    )


def last_runs(conn: Connection, outcome: Outcome) -> list[tuple[str, date]]:
    """The run and those of its pipeline that were validated before it, by census: ids and censuses."""
    rows = conn.execute(
        """
        with validated as (
            select v.run_id, v.census_date, max(v.validated_at) as validated_at
            from quality.validation_result as v
            where v.pipeline = %(pipeline)s
            group by v.run_id, v.census_date
        ),
        last as (
            select v.run_id, v.census_date, v.validated_at
            from validated as v
            where v.validated_at <= coalesce(
                (select max(t.validated_at) from validated as t where t.run_id = %(run)s), %(started)s
            )
            order by v.validated_at desc
            limit %(runs)s
        )
        select l.run_id, l.census_date from last as l order by l.census_date, l.validated_at
        """,
        {"pipeline": outcome.pipeline, "run": outcome.run_id, "started": outcome.started_at, "runs": LAST_RUNS},
    ).fetchall()
    return [(run_id, census) for run_id, census in rows]


def trends(conn: Connection, run_ids: list[str]) -> dict[tuple[str, str, str], list[Look]]:
    """(model, check, severity as it was last) → what it found in each of these runs, in their order."""
    rows = conn.execute(
        """
        select v.model, v.check_id, v.severity, v.run_id, v.status, v.observed_value
        from quality.validation_result as v
        where v.run_id = any(%(runs)s)
        order by v.model, v.check_id, array_position(%(runs)s, v.run_id)
        """,
        {"runs": run_ids},
    ).fetchall()
    last = {(model, check): severity for model, check, severity, *_ in rows}
    found: dict[tuple[str, str, str], list[Look]] = {}
    for model, check, _, *look in rows:
        found.setdefault((model, check, last[model, check]), []).append(Look(*look))
    return found


def rejects(conn: Connection, outcome: Outcome) -> list[Reject]:
    """The faults of the rows that are in quarantine as of a run's census, file by file, line by line."""
    return _rows(
        conn,
        Reject,
        f"""
        select
            q.source, q.extract_date, q.file_name, q.line_no as line, q.column_name as column, q.rule,
            q.source_text as text, q.record, l.columns, l.file_sha256 as sha256, l.encoding,
            coalesce(c.path, i.input_file) as path
        from quality.quarantine as q
        inner join quality.load_audit as l on l.load_id = q.load_id
        left join quality.file_check as c on c.source = q.source and c.extract_date = q.extract_date
        left join lateral (
            select r.input_file
            from quality.run as r
            where r.pipeline = %(pipeline)s and r.census_date = q.extract_date and r.input_file is not null
            order by r.started_at desc
            limit 1
        ) as i on true
        where {_IN_QUARANTINE}
        order by q.source, q.extract_date desc, q.line_no, q.column_name, q.rule
        """,
        {"pipeline": outcome.pipeline, **_as_of(sources(outcome.pipeline), outcome.census)},
    )


def flags(conn: Connection, outcome: Outcome) -> list[Flag]:
    """What was kept with a flag in the files up to a run's census, the newest file first."""
    return _rows(
        conn,
        Flag,
        """
        select
            l.source, l.extract_date, l.file_name, f.column_name as column, f.rule, f.row_count as rows,
            l.row_count as of
        from quality.load_flag as f
        inner join quality.load_audit as l on l.load_id = f.load_id
        where l.source = any(%(sources)s) and l.extract_date <= %(census)s and l.status <> 'superseded'
        order by l.extract_date desc, l.source, f.column_name, f.rule
        """,
        _as_of(sources(outcome.pipeline), outcome.census),
    )


def loads(conn: Connection, outcome: Outcome) -> list[Load]:
    """The files up to a run's census and what became of their rows, the newest first."""
    return _rows(
        conn,
        Load,
        """
        select
            l.source, l.extract_date, l.file_name, l.delivery, l.row_count as rows, l.current_count as current,
            l.superseded_count as superseded, l.deleted_count as deleted, l.absent_count as absent,
            l.quarantined_count as quarantined, l.counted_as_of
        from quality.load_audit as l
        where l.source = any(%(sources)s) and l.extract_date <= %(census)s and l.status <> 'superseded'
        order by l.extract_date desc, l.source
        """,
        _as_of(sources(outcome.pipeline), outcome.census),
    )


def file_names(conn: Connection) -> dict[int, str]:
    """Each load's file, as `2026-01-04/patients.csv`."""
    rows = conn.execute("select load_id, extract_date, file_name from quality.load_audit").fetchall()
    return {load_id: f"{extract_date}/{name}" for load_id, extract_date, name in rows}


def published(conn: Connection, run_id: str) -> Published | None:
    """What a run published last."""
    found = _rows(
        conn,
        Published,
        """
        select p.published_at, p.row_counts, p.current_census_date as current_census, p.code_version
        from marts.publication as p
        where p.run_id = %(run)s
        order by p.publication_id desc
        limit 1
        """,
        {"run": run_id},
    )
    return found[0] if found else None


def seen(conn: Connection, pipeline: str) -> Seen | None:
    """What readers see of a pipeline now."""
    found = _rows(
        conn,
        Seen,
        """
        select p.census_date as census, p.published_at
        from marts.publication as p
        where p.pipeline = %(pipeline)s
        order by p.census_date desc, p.publication_id desc
        limit 1
        """,
        {"pipeline": pipeline},
    )
    return found[0] if found else None


_IN_QUARANTINE: LiteralString = """
    q.source = any(%(sources)s) and q.extract_date <= %(census)s and l.status <> 'superseded' and not exists (
        select from quality.load_audit as r
        where r.load_id = q.released_by_load and r.extract_date <= %(census)s
    )
"""


def _as_of(names: list[str], census: date | None) -> dict[str, Any]:
    return {"sources": names, "census": census}


def _quarantined(conn: Connection, names: list[str], census: date) -> int:
    row = conn.execute(
        f"""
        select count(distinct (q.load_id, q.line_no))
        from quality.quarantine as q
        inner join quality.load_audit as l on l.load_id = q.load_id
        where {_IN_QUARANTINE}
        """,
        _as_of(names, census),
    ).fetchone()
    return int(row[0]) if row else 0


def _rows(conn: Connection, kind: type[Row], query: LiteralString, parameters: Mapping[str, Any]) -> list[Row]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()
