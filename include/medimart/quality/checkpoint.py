"""Carries out suites on a build with Great Expectations, and records the verdicts.

Every check runs first in the cheapest way, a model's checks together. What does not pass runs once more, by
itself and with detail: that counts, samples, and clears a check that only shared a query with a broken one.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from medimart import db
from medimart.errors import CheckBroken, CriticalFailure, SettingError
from medimart.models.manifest import Manifest, Model, load_manifest
from medimart.quality.suites import Check, columns_of, sample_columns, suite

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
    verdicts = check(url, build.schema, wanted, suites, tables)
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
    url: str, schema: str, models: list[Model], suites: dict[str, list[Check]], tables: dict[str, Table]
) -> list[Verdict]:
    """Carry out suites on a schema's tables. A missing table breaks its checks, it does not fail them."""
    verdicts: list[Verdict] = []
    with _Engine(url, schema) as engine:
        for model in models:
            started = time.monotonic()
            table = tables.get(model.name)
            found = (
                _check_table(engine, model, suites[model.name], table)
                if table
                else [_broken(c, f"there is no table {model.name} in {schema}") for c in suites[model.name]]
            )
            seconds = time.monotonic() - started
            verdicts += [replace(verdict, model_seconds=seconds) for verdict in found]
    return verdicts


def _check_table(engine: _Engine, model: Model, checks: list[Check], table: Table) -> list[Verdict]:
    found: dict[str, Verdict] = {}
    runnable: list[Check] = []
    for c in checks:
        missing = [column for column in columns_of(c.kwargs) if column not in table.columns]
        if missing:
            found[c.id] = _broken(c, f"{model.name} has no column {', '.join(missing)}")
        else:
            runnable.append(c)
    batch = engine.batch(model.name)
    measured = [c for c in runnable if engine.measures(c)]
    plain = [c for c in runnable if c not in measured]
    for group, form in ((plain, {"result_format": "BOOLEAN_ONLY"}), (measured, {"result_format": "SUMMARY"})):
        for c, result in zip(group, engine.run(batch, group, form), strict=True):
            if result["success"]:
                found[c.id] = _passed(c, result, table)
    keys = sample_columns(model, table.columns)
    for c in runnable:
        if c.id not in found:
            found[c.id] = _looked_into(engine, batch, model, c, table, keys)
    return [found[c.id] for c in checks]


def _looked_into(engine: _Engine, batch: Any, model: Model, c: Check, table: Table, keys: list[str]) -> Verdict:
    """The verdict on a check that did not pass among others: by itself, with counts and samples."""
    form: dict[str, Any] = (
        {"result_format": "COMPLETE"}
        if c.is_query
        else {
            "result_format": "SUMMARY",
            "partial_unexpected_count": SAMPLES,
            **({"unexpected_index_column_names": keys} if keys else {}),
        }
    )
    (result,) = engine.run(batch, [c], form)
    if stopped := _exception(result):
        return _broken(c, stopped)
    if result["success"]:
        return _passed(c, result, table)
    detail = result["result"]
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


def _passed(c: Check, result: Mapping[str, Any], table: Table) -> Verdict:
    detail = result["result"]
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


def _exception(result: Mapping[str, Any]) -> str | None:
    """What stopped a check, in the server's words where they tell of names alone; None if nothing did."""
    info = result["exception_info"] or {}
    raised = [info] if "raised_exception" in info else list(info.values())
    messages = [str(one.get("exception_message")) for one in raised if one.get("raised_exception")]
    if not messages:
        return None
    first = messages[0].strip().split("\n")[0]
    # Messages about values quote them ("invalid input syntax for type integer: …"), and values may identify.
    telling = ("UndefinedTable", "UndefinedColumn", "UndefinedFunction", "SyntaxError", "QueryCanceled")
    if any(word in first for word in telling):
        return first
    return first.split(")")[0].removeprefix("(").split(":")[0][:120]


class _Engine:
    """Great Expectations on one schema, with nothing of it left behind afterwards."""

    def __init__(self, url: str, schema: str) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        # Three seconds of import, which only those who validate should pay.
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        self._gx = gx
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),  # and no folder for documents in /tmp
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        self._source = context.data_sources.add_or_update_postgres(
            "build", connection_string=_sqlalchemy_url(url, schema), create_temp_table=False
        )

    def __enter__(self) -> _Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.get_engine().dispose()

    def batch(self, table: str) -> Any:
        """The whole of one table."""
        asset = self._source.add_table_asset(table, table_name=table)  # found by the search path
        return asset.add_batch_definition_whole_table("whole").get_batch()

    def measures(self, c: Check) -> bool:
        """Whether what the check measures is of interest when it passes: aggregates and tolerances."""
        from great_expectations.expectations.expectation import (
            ColumnAggregateExpectation,
        )

        return "mostly" in c.kwargs or issubclass(self._kind(c), ColumnAggregateExpectation)

    def run(self, batch: Any, checks: list[Check], form: dict[str, Any]) -> list[dict[str, Any]]:
        """Carry out some checks together; one result each, in order, as plain data."""
        if not checks:
            return []
        expectations = [self._expectation(c) for c in checks]
        done = batch.validate(self._gx.ExpectationSuite(name="suite", expectations=expectations), result_format=form)
        by_id = {result.expectation_config.meta["check"]: result for result in done.results}
        return [
            {
                "success": bool(by_id[c.id].success),
                "result": by_id[c.id].result or {},
                "exception_info": by_id[c.id].exception_info,
            }
            for c in checks
        ]

    def _kind(self, c: Check) -> Any:
        from great_expectations.exceptions.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.registry import get_expectation_impl

        try:
            return get_expectation_impl(c.expectation)
        except ExpectationNotFoundError:
            raise SettingError(
                f"{c.origin}: Great Expectations has no {c.expectation}; see its gallery for the names."
            ) from None

    def _expectation(self, c: Check) -> Any:
        try:
            return self._kind(c)(**_unambiguous(c.kwargs), severity=c.severity, meta={"check": c.id})
        except ValueError as error:
            words = " ".join(str(error).split())
            raise SettingError(f"{c.origin}: {c.expectation} does not take these kwargs: {words}") from None


def _unambiguous(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with the batch of a query written so that its alias is always ours.

    Great Expectations adds an alias to `{batch}` unless it sees the word "join" somewhere in the query.
    """
    query = kwargs.get("unexpected_rows_query")
    if not isinstance(query, str):
        return dict(kwargs)
    batch = "(select batch.* from {batch} as batch cross join (select 1) as always)"
    return {**kwargs, "unexpected_rows_query": query.replace("{batch}", batch)}


def _sqlalchemy_url(url: str, schema: str) -> str:
    """A libpq URL as SQLAlchemy writes it, with the build and the seeds on the search path."""
    from sqlalchemy.engine import URL

    given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    parts = {name: given.pop(key, None) for name, key in _URL_PARTS.items()}
    port = given.pop("port", None)
    options = f"{given.pop('options', '')} -csearch_path={schema},reference -ctimezone=Europe/London".strip()
    return URL.create(
        "postgresql+psycopg2", **parts, port=int(port) if port else None, query={**given, "options": options}
    ).render_as_string(hide_password=False)


_URL_PARTS = {"username": "user", "password": "password", "host": "host", "database": "dbname"}


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
