"""Great Expectations on the tables of one schema: checks in, plain results out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from medimart.errors import SettingError
from medimart.quality.suites import Check


@dataclass(frozen=True)
class Result:
    """What Great Expectations says of a check: whether it passed, what it found, and what stopped it, if anything."""

    passed: bool
    detail: Mapping[str, Any]
    stopped: str | None


class Engine:
    """Great Expectations on some tables of a schema, with nothing of it left behind afterwards."""

    def __init__(self, url: str, schema: str, tables: Iterable[str]) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        # Three seconds of import, which only those who validate should pay.
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )
        from great_expectations.datasource.fluent.postgres_datasource import PostgresDatasource

        from medimart.quality import expectations  # noqa: F401 (makes ours known)

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        self.schema = schema
        self._gx = gx
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),  # and no folder for documents in /tmp
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        # Every change of a data source writes all of its configuration out: the tables are given at once.
        self._source = context.data_sources.add_or_update_postgres(
            PostgresDatasource(
                name="build",
                connection_string=_sqlalchemy_url(url, schema),
                create_temp_table=False,
                assets=[{"type": "table", "name": name, "table_name": name} for name in tables],
            )
        )

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go: the data source's own, and those of what carries the checks out."""
        self._source.get_execution_engine().close()
        self._source.get_engine().dispose()

    def run(self, table: str, checks: list[Check], form: Mapping[str, Any]) -> list[Result]:
        """Carry out some checks of a table together; one result each, in order. `form` is a result format."""
        if not checks:
            return []
        suite = self._gx.ExpectationSuite(name="suite", expectations=[self._expectation(c) for c in checks])
        asset = self._source.get_asset(table)
        done = asset.get_batch(asset.build_batch_request()).validate(suite, result_format=dict(form))
        by_id = {result.expectation_config.meta["check"]: result for result in done.results}
        found = [by_id[c.id] for c in checks]
        return [Result(bool(r.success), r.result or {}, _exception(r.exception_info or {})) for r in found]

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


def _exception(info: Mapping[str, Any]) -> str | None:
    """What stopped a check, in the server's words where they tell of names alone; None if nothing did."""
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
