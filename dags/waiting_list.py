"""
### The weekly waiting list

Loads whatever has landed up to the run's census and isn't loaded yet, builds staging → intermediate → marts
in a schema of the run's own, validates every layer, and publishes in one transaction. Readers see the old
marts or the new ones, never a mixture; when a critical check fails nothing is published and the run is red.

#### Census
The Sunday the list is counted at: the London date of the data interval's end, less one day. The schedule
fires on Mondays at 06:00 for the week that has just ended. A week with no complete extract is skipped, and
says so.

#### One run by hand
Choose **Trigger**, and give the Sunday as **Census**. Left empty, it is the last Sunday before the logical
date; without a logical date either, the week of the newest landed extract.

#### A backfill
Choose **Trigger**, then **Backfill**. Airflow counts in logical dates, the Mondays that weeks begin: **From** is
the Monday before the first census, **To** the last census. For the censuses 4 to 25 January 2026 that is
29 December to 25 January. **All Runs** builds weeks again that have been built. Leave **Census** empty. On the
command line, medimart backfill takes census dates and does the sum.

#### When it is red
The last log line of the failed task says what to do; **Data quality** on the run's page says what was wrong
with the data. More is in docs/runbook.md.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Asset, AsyncCallback, DeadlineAlert, DeadlineReference, Param, TaskGroup
from airflow.timetables.interval import CronDataIntervalTimetable
from medimart.alerts import deadline_missed, run_failed
from medimart.taskgroups import RETRIES, Step, model_groups, report_on

SOURCES = (
    *("patients", "gp", "trusts", "referrals", "appointments", "procedures", "conditions"),
    *("sessions", "experience"),  # optional
)
MARTS = Asset(name="marts", uri="medimart://warehouse/marts")

with DAG(
    dag_id="waiting_list",
    description="Weekly extracts to audited waiting-list marts",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 6 * * MON", timezone="Europe/London"),
    start_date=pendulum.datetime(2020, 1, 6, tz="Europe/London"),
    catchup=False,
    max_active_runs=4,
    default_args=RETRIES,
    params={
        "census": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Census",
            description="The Sunday to count the list at; empty: the last one before the logical date",
        ),
        "full_rebuild": Param(
            False,
            type="boolean",
            title="Full rebuild",
            description="Type every load from its raw lines anew before building",
        ),
        "stop_on_warning": Param(
            False,
            type="boolean",
            title="Stop on warning",
            description="Publish nothing when a warning fails, as when a critical check does",
        ),
    },
    deadline=DeadlineAlert(
        name="published within two hours of when it usually is",
        # DAGRUN_QUEUED_AT says it more simply, but Airflow 3.3 then refuses to clear a run (apache/airflow#70368).
        reference=DeadlineReference.AVERAGE_RUNTIME(max_runs=10, min_runs=1),
        interval=timedelta(hours=2),
        callback=AsyncCallback(deadline_missed),
    ),
    on_failure_callback=run_failed,
    tags=["medimart", "weekly"],
) as dag:
    with TaskGroup("load"):
        begin = Step(
            task_id="check_extracts",
            function="begin",
            doc_md="Fixes the census and checks every file that is due.",
        )
        loads = [
            Step(task_id=source, function="load", arguments={"source": source}, doc_md=f"Loads and types {source}.")
            for source in SOURCES
        ]
        pin = Step(
            task_id="reconcile",
            function="pin",
            doc_md="Proves that no row is lost and pins what this run reads.",
        )
        begin >> loads >> pin

    audits = model_groups("waiting_list", after=pin)
    publish = Step(
        task_id="publish",
        function="publish",
        doc_md="One transaction: readers see all of it or none.",
        outlets=[MARTS],
    )
    audits >> publish
    report_on(dag)
