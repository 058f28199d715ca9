"""Airflow reads this module by its name, from the import path, when any of its programs starts.

The scheduler imports what nearly every task needs before it forks the processes that tasks run in: a task then
starts in a fraction of a second instead of the seconds that these imports take.
"""

import contextlib
import importlib
import logging
import sys

NEEDED_BY_TASKS = (
    "airflow.dag_processing.dagbag",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.sdk.execution_time.task_runner",
    "airflow.timetables.interval",
    "great_expectations.datasource.fluent.postgres_datasource",
    "medimart.alerts",
    "medimart.landing",
    "medimart.models.publish",
    "medimart.pipeline",
    "medimart.quality.page",
    "medimart.quality.engine",
    "medimart.quality.expectations",
    "medimart.taskgroups",
    "psycopg",
    "psycopg2.extras",
    "sqlalchemy.dialects.postgresql.psycopg2",
)


def prepare_for_tasks() -> None:
    """Import what tasks need, and read what does not change from one to the next."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    for name in NEEDED_BY_TASKS:
        importlib.import_module(name)
    from medimart import landing
    from medimart.errors import MedimartError
    from medimart.models.manifest import load_manifest

    with contextlib.suppress(MedimartError):  # a task says it better, and the scheduler goes on
        load_manifest()
        landing.all_contracts()


if "scheduler" in sys.argv[1:2]:
    prepare_for_tasks()
