"""
### NHS England's monthly RTT publication

Loads one published file (“Full CSV data file”, `.csv` or `.zip`), reproduces its figures by organisation and
treatment function, runs NHS England's own monthly checks, and publishes `fct_rtt_published` and
`mart_rtt_published`. A revised file for a month replaces the month.

#### By hand
Choose **Trigger**, and give the file's path on the worker as **Published file**. Left as it is, that is the small
synthetic sample, whose trusts are fictional. On the command line: medimart run rtt_publication --input FILE.
"""

import pendulum
from airflow.sdk import DAG, Asset, Param, TaskGroup
from medimart.alerts import run_failed
from medimart.settings import PROJECT_ROOT
from medimart.taskgroups import RETRIES, Step, model_groups, report_on

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
            description="Path on the worker of the .csv or .zip as downloaded from NHS England",
        ),
        "stop_on_warning": Param(
            False,
            type="boolean",
            title="Stop on warning",
            description="Publish nothing when a warning fails, as when a critical check does",
        ),
    },
    on_failure_callback=run_failed,
    tags=["medimart", "monthly"],
) as dag:
    with TaskGroup("load"):
        begin = Step(task_id="check_file", function="begin", doc_md="Reads which month the file speaks of.")
        load = Step(task_id="rtt_published", function="load_publication", doc_md="Loads and types the file.")
        pin = Step(
            task_id="reconcile",
            function="pin",
            doc_md="Proves that no row is lost and pins what this run reads.",
        )
        begin >> load >> pin

    audits = model_groups("rtt_publication", after=pin)
    publish = Step(
        task_id="publish",
        function="publish",
        doc_md="One transaction: readers see all of it or none.",
        outlets=[PUBLISHED],
    )
    audits >> publish
    report_on(dag)
