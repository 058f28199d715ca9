"""Airflow reads this module by its name, from the import path, when any of its programs starts.

The scheduler imports what nearly every task needs before it forks the processes that tasks run in: a task then
starts in a fraction of a second instead of the seconds that these imports take.
"""

import importlib
import sys

NEEDED_BY_TASKS = (
    "airflow.dag_processing.dagbag",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.sdk.execution_time.task_runner",
    "airflow.timetables.interval",
    "great_expectations.checkpoint",
    "great_expectations.expectations",
    "medimart.alerts",
    "medimart.landing",
    "medimart.models.publish",
    "medimart.pipeline",
    "medimart.quality",
    "medimart.taskgroups",
    "psycopg",
    "psycopg2.extras",
    "sqlalchemy.dialects.postgresql.psycopg2",
)

if "scheduler" in sys.argv[1:2]:
    for name in NEEDED_BY_TASKS:
        importlib.import_module(name)
