"""Airflow reads this module by its name, from the import path, when any of its programs starts.

The scheduler imports what nearly every task needs before it forks the processes that tasks run in: a task then
starts in a fraction of a second instead of the seconds that these imports take.
"""

import sys

if "scheduler" in sys.argv[1:2]:
    import great_expectations
    import psycopg
    from airflow.providers.postgres.hooks import postgres

    __all__ = ["great_expectations", "postgres", "psycopg"]
