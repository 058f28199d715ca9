"""What on-call is told: that a run failed and why, or that it is late. Nothing here identifies a patient."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger("medimart.alerts")


def run_failed(context: dict[str, Any]) -> None:
    """Airflow's callback for a failed run: says what failed, since when, what readers see and what to do."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    from medimart import db, quality
    from medimart.taskgroups import CONNECTION

    dag_run = context["dag_run"]
    run_id = f"{dag_run.dag_id}/{dag_run.run_id}"
    with db.ready(cast("psycopg.Connection[Any]", PostgresHook(CONNECTION).get_conn())) as conn:
        log.error("%s", quality.failure_message(conn, run_id))


async def deadline_missed(**kwargs: Any) -> None:
    """Airflow's callback for a run that has not published within its deadline."""
    run = (kwargs.get("context") or {}).get("dag_run") or {}
    name = f"{run.get('dag_id', 'a run')} {run.get('dag_run_id', '')}".strip()
    log.error(
        "%s has not published within two hours of being queued. The last published marts stay. "
        "Look for a waiting or retrying task in its grid view; docs/runbook.md, “A run is late”.",
        name,
    )
