"""Carries out suites on a build with Great Expectations, and records the verdicts.

A model's checks run first in one go, in the cheapest way. What does not pass there runs once more, by itself and
with detail: that counts, samples, and clears a check that only shared a query with a failed or broken one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from medimart import db
from medimart.errors import CheckBroken, CriticalFailure
from medimart.models.manifest import Manifest, Model, load_manifest
from medimart.quality.engine import Engine, Result
from medimart.quality.suites import Check, columns_of, sample_columns, suite
from medimart.quality.together import can_go_together, together

CLEARED = Result(passed=True, detail={}, stopped=None)
SAMPLES = 5  # unexpected rows kept per check
Connection = psycopg.Connection[Any]


class Build(Protocol):
    """What validation needs to know of a build."""

    @property
    def schema(self) -> str:
        """The schema that holds its tables."""

    @property
    def census(self) -> date:
        """The census it was built for."""


@dataclass(frozen=True)
class Verdict:
    """What one check found in one build.

    status: passed, failed (the data are not as expected) or broken (the check could not be carried out).
    observed: the share (0 to 1), count or mean measured, where the check measures one.
    samples: a few unexpected rows by pseudonymous key, or by load and line.
    detail: for a broken check, what stopped it.
    """

    model: str
    id: str
    expectation: str
    column: str | None
    severity: str
    status: str
    reason: str
    action: str
    observed: float | None = None
    unexpected: int | None = None
    rows: int | None = None
    samples: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    detail: str | None = None
    model_seconds: float = 0.0

    @property
    def name(self) -> str:
        """The check's full name."""
        return f"{self.model}.{self.id}"


def validate(
    url: str,
    build: Build,
    models: Iterable[str],
    run_id: str,
    *,
    stop_on_warning: bool = False,
    manifest: Manifest | None = None,
) -> list[Verdict]:
    """Carry out the suites of some models on a build; the verdicts replace those the run had for them.

    Raises CriticalFailure when a critical check failed (with stop_on_warning: also a warning), CheckBroken
    when such a check could not be carried out; both after recording. The message's first line says it all.
    """
    manifest = manifest or load_manifest()
    wanted = [manifest[name] for name in models]
    suites = {model.name: suite(model) for model in wanted}
    with db.connect(url) as conn:
        tables = tables_of(conn, build.schema, [model.name for model in wanted])
    with Engine(url, build.schema, tables) as engine:
        verdicts = check(engine, wanted, suites, tables)
    with db.connect(url) as conn:
        record(conn, build, run_id, {model.name: model.pipeline for model in wanted}, verdicts)
    judge(verdicts, build.census, stop_on_warning)
    return verdicts


@dataclass(frozen=True)
class Table:
    """A table of the build: its columns in order and how many rows it holds."""

    columns: tuple[str, ...]
    rows: int


def tables_of(conn: Connection, schema: str, names: list[str]) -> dict[str, Table]:
    """Those of the named tables that a schema holds."""
    found = conn.execute(
        """
        select c.relname, array_agg(a.attname::text order by a.attnum)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = %s and c.relname = any(%s)
        group by c.relname
        """,
        (schema, names),
    ).fetchall()
    if not found:
        return {}
    counts = sql.SQL(" union all ").join(
        sql.SQL("select {}, count(*) from {}").format(sql.Literal(name), sql.Identifier(schema, name))
        for name, _ in found
    )
    rows = {str(name): int(count) for name, count in conn.execute(counts)}
    return {name: Table(tuple(columns), rows[name]) for name, columns in found}


def check(
    engine: Engine, models: list[Model], suites: Mapping[str, list[Check]], tables: Mapping[str, Table]
) -> list[Verdict]:
    """Carry out suites on a schema's tables. A missing table breaks its checks, it does not fail them."""
    verdicts: list[Verdict] = []
    for model in models:
        started = time.monotonic()
        table = tables.get(model.name)
        found = (
            _check_table(engine, model, suites[model.name], table)
            if table
            else [_broken(c, f"there is no table {model.name} in {engine.schema}") for c in suites[model.name]]
        )
        seconds = time.monotonic() - started
        verdicts += [replace(verdict, model_seconds=seconds) for verdict in found]
    return verdicts


def _check_table(engine: Engine, model: Model, checks: list[Check], table: Table) -> list[Verdict]:
    found: dict[str, Verdict] = {}
    runnable: list[Check] = []
    for c in checks:
        missing = [column for column in columns_of(c.kwargs) if column not in table.columns]
        if missing:
            found[c.id] = _broken(c, f"{model.name} has no column {', '.join(missing)}")
        else:
            runnable.append(c)
    found |= {verdict.id: verdict for verdict in _first_look(engine, model, runnable, table)}
    keys = sample_columns(model, table.columns)
    for c in runnable:
        if c.id not in found:
            found[c.id] = _looked_into(engine, model, c, table, keys)
    return [found[c.id] for c in checks]


def _first_look(engine: Engine, model: Model, checks: list[Check], table: Table) -> Iterator[Verdict]:
    """The checks that certainly pass; any other is yet to be looked into."""
    joint = [c for c in checks if can_go_together(c)]
    single = [c for c in checks if c not in joint]
    first = [together(joint)] if joint else []
    results = engine.run(model.name, [*first, *single], {"result_format": "BASIC"})
    for c, result in zip(single, results[len(first) :], strict=True):
        if result.passed:
            yield _passed(c, result, table)
    if not joint or results[0].stopped:
        return
    counts = {row["check_id"]: row for row in results[0].detail["details"]["unexpected_rows"]}
    for c in joint:
        wrong, asked = (counts[c.id][key] or 0 for key in ("wrong_count", "asked_count")) if c.id in counts else (0, 0)
        if wrong == 0 or ("mostly" in c.kwargs and wrong < (1 - c.kwargs["mostly"]) * asked):
            measured = wrong / asked if asked else None
            yield replace(_passed(c, CLEARED, table), observed=measured, unexpected=wrong)


def _looked_into(engine: Engine, model: Model, c: Check, table: Table, keys: list[str]) -> Verdict:
    """The verdict on a check that did not pass among others: by itself, with counts and samples."""
    form: Mapping[str, Any] = (
        {"result_format": "COMPLETE"}
        if c.is_query
        else {
            "result_format": "SUMMARY",
            "partial_unexpected_count": SAMPLES,
            **({"unexpected_index_column_names": keys} if keys else {}),
        }
    )
    (result,) = engine.run(model.name, [c], form)
    if result.stopped:
        return _broken(c, result.stopped)
    if result.passed:
        return _passed(c, result, table)
    detail = result.detail
    rows = detail.get("details", {}).get("unexpected_rows")
    if rows is None:
        listed = detail.get("partial_unexpected_index_list") or detail.get("partial_unexpected_list") or []
        rows = [row for row in listed if isinstance(row, dict)]
    unexpected = detail.get("observed_value") if c.is_query else detail.get("unexpected_count")
    if c.is_query and rows and "unexpected_count" in rows[0]:
        unexpected = rows[0]["unexpected_count"]  # a query that sums the wrong rows up
    return Verdict(
        c.model, c.id, c.expectation, c.column, c.severity, "failed", c.reason, c.action,
        observed=_observed(c, detail),
        unexpected=None if unexpected is None else int(unexpected),
        rows=table.rows,
        samples=_samples(model, rows),
    )  # fmt: skip


def _samples(model: Model, rows: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    kept = [{key: _plain(row[key]) for key in sample_columns(model, row)} for row in rows]
    distinct = {repr(keys): keys for keys in kept if keys}
    return tuple(list(distinct.values())[:SAMPLES])


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, str, type(None))) else str(value)


def _passed(c: Check, result: Result, table: Table) -> Verdict:
    detail = result.detail
    return Verdict(
        c.model, c.id, c.expectation, c.column, c.severity, "passed", c.reason, c.action,
        observed=_observed(c, detail), unexpected=int(detail.get("unexpected_count") or 0), rows=table.rows,
    )  # fmt: skip


def _broken(c: Check, detail: str) -> Verdict:
    return Verdict(c.model, c.id, c.expectation, c.column, c.severity, "broken", c.reason, c.action, detail=detail)


def _observed(c: Check, detail: Mapping[str, Any]) -> float | None:
    """What the check measured, when it is a number: any other value might identify somebody."""
    if c.is_query:
        rows = detail.get("details", {}).get("unexpected_rows") or [{}]
        value = rows[0].get("observed_value")
    elif "unexpected_percent" in detail and detail["unexpected_percent"] is not None:
        value = detail["unexpected_percent"] / 100
    else:
        value = detail.get("observed_value")
    try:
        return None if value is None or isinstance(value, (list, dict)) else float(value)
    except (TypeError, ValueError):
        return None


def record(conn: Connection, build: Build, run_id: str, pipelines: Mapping[str, str], verdicts: list[Verdict]) -> None:
    """Write a run's verdicts in place of what it had for these models."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(
            "delete from quality.validation_result where run_id = %s and model = any(%s)",
            (run_id, list(pipelines)),
        )
        cursor.executemany(
            """
            insert into quality.validation_result (
                run_id, model, check_id, pipeline, census_date, build_schema, expectation, column_name,
                severity, status, observed_value, unexpected_count, row_count,
                sample_keys, reason, action, detail, model_seconds
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    *(run_id, v.model, v.id, pipelines[v.model], build.census, build.schema, v.expectation),
                    *(v.column, v.severity, v.status, v.observed, v.unexpected, v.rows),
                    *(Jsonb([dict(keys) for keys in v.samples]), v.reason, v.action, v.detail),
                    v.model_seconds,
                )
                for v in verdicts
            ],
        )


def judge(verdicts: Iterable[Verdict], census: date, stop_on_warning: bool = False) -> None:
    """Raise CriticalFailure or CheckBroken when a verdict stops the publish; data failures are told first."""
    stopping = {"critical", "warning"} if stop_on_warning else {"critical"}
    grave = sorted(
        (v for v in verdicts if v.severity in stopping and v.status != "passed"),
        key=lambda v: (v.severity != "critical", v.name),
    )
    failed = [v for v in grave if v.status == "failed"]
    broken = [v for v in grave if v.status == "broken"]
    if failed:
        raise CriticalFailure(_message(failed, broken, census))
    if broken:
        raise CheckBroken(_message([], broken, census))


def _message(failed: list[Verdict], broken: list[Verdict], census: date) -> str:
    lines = [f"{v.severity.capitalize()} check failed: {describe(v)}" for v in failed]
    lines += [f"Check broken (says nothing about the data): {v.name}: {v.detail}." for v in broken]
    first = (failed or broken)[0]
    advice = first.action if failed else f"Mend the check, in the suite of {first.model}, or the model."
    return "\n".join([*lines, f"Census {census} is not published; the last published marts stay. {advice}"])


def describe(v: Verdict) -> str:
    """A failed check in a line: its name, how many rows, why it matters."""
    if v.unexpected is not None:
        found = f"{v.unexpected:,} of {v.rows or 0:,} rows"
    elif v.observed is not None:
        found = f"measured {v.observed:g}"
    else:
        found = f"{v.rows or 0:,} rows"
    return f"{v.name} ({found}): {v.reason}"
