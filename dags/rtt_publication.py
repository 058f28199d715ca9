"""
### NHS England's monthly RTT publication

Loads one published file (“Full CSV data file”, `.csv` or `.zip`), reproduces its figures by organisation and
treatment function, runs NHS England's own monthly checks, and publishes `fct_rtt_published` and
`mart_rtt_published`. A revised file for a month replaces the month.

Trigger with `input`, the path on the worker, or `medimart run rtt_publication --input FILE`. The default
is the small synthetic sample, whose trusts are fictional.
"""

import pendulum
from airflow.sdk import DAG, Asset, Param, TaskGroup
from medimart.alerts import run_failed
from medimart.settings import PROJECT_ROOT
from medimart.taskgroups import RETRIES, model_groups, step

SAMPLE = PROJECT_ROOT / "data" / "publication" / "sample.zip"
PUBLISHED = Asset(name="rtt_published", uri="medimart://warehouse/marts/rtt_published")

with DAG(
    dag_id="rtt_publication",
    description="NHS England's monthly RTT file to published figures",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2020, 1, 1, tz="Europe/London"),
    max_active_runs=1,
    default_args=RETRIES,
    params={
        "input": Param(
            str(SAMPLE),
            type="string",
            title="Published file",
            description="Path of the .csv or .zip as downloaded from NHS England",
        ),
        "stop_on_warning": Param(
            False,
            type="boolean",
            title="Stop on warning",
            description="Treat warnings as critical: publish nothing when one fails",
        ),
    },
    on_failure_callback=run_failed,
    tags=["medimart", "monthly"],
):
    with TaskGroup("load"):
        begin = step("check_file", "begin", "Reads which month the file speaks of.")
        loaded = step("rtt_published", "load_publication", "Loads and types the file.")
        pin = step("reconcile", "pin", "Proves that no row is lost and pins what this run reads.")
        begin >> loaded >> pin

    audits = model_groups("rtt_publication", after=pin)
    audits >> step("publish", "publish", "One transaction: readers see all of it or none.", outlet=PUBLISHED)
