"""What on-call is told: that a run failed and why, or that it is late. Nothing here identifies a patient."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from medimart import notify

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger("medimart.alerts")


def run_failed(context: dict[str, Any]) -> None:
    """Airflow's callback for a failed run: says what failed, since when, what readers see and what to do.

    In the log, and to whoever MEDIMART_NOTIFY names.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import Error

    from medimart import db, quality
    from medimart.errors import MedimartError, for_people
    from medimart.quality import places
    from medimart.taskgroups import CONNECTION

    dag_run = context["dag_run"]
    run_id = f"{dag_run.dag_id}/{dag_run.run_id}"
    try:
        with db.ready(cast("psycopg.Connection[Any]", PostgresHook(CONNECTION).get_conn())) as conn:
            in_log = quality.failure_message(conn, run_id)
            to_people = quality.failure_message(conn, run_id, samples=False)
        page = f"\nIts page: {places.link(run_id)}"
    except (Error, MedimartError, OSError) as error:
        in_log = to_people = (
            f"Run {run_id} failed, and the warehouse does not say why: {for_people(error)}\n"
            "The last published marts stay. See docs/runbook.md, “does not answer”."
        )
        page = ""
    log.error("%s%s", in_log, page)
    notify.send(f"MediMart: {to_people.splitlines()[0]}", to_people + page)


def dashboards_failed(context: dict[str, Any]) -> None:
    """Airflow's callback for a run that could not bring Metabase's dashboards up to date."""
    text = (
        f"Run {context['dag_run'].run_id} could not bring Metabase's dashboards to what their files say. Readers see "
        "them as they were, with the figures that are published. The last line of its task says why; then "
        "`medimart metabase apply`."
    )
    log.error("%s", text)
    notify.send("MediMart: Metabase's dashboards are not up to date", text)


async def deadline_missed(**kwargs: Any) -> None:
    """Airflow's callback for a run that has not published within its deadline."""
    run = (kwargs.get("context") or {}).get("dag_run") or {}
    name = f"{run.get('dag_id', 'a run')} {run.get('dag_run_id', '')}".strip()
    text = (
        f"{name} has not published within two hours of being queued. The last published marts stay. "
        "Look for a waiting or retrying task in its grid view; docs/runbook.md, “A run is late”."
    )
    log.error("%s", text)
    await asyncio.to_thread(notify.send, f"MediMart: {name} is late", text)
