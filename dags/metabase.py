"""
### Metabase's dashboards

Brings Metabase to what `include/metabase` says after each publication: the first one fills the dashboards, later ones
write only what differs. What people have edited is kept and named in the log. Skipped where no Metabase is set
(`MEDIMART_METABASE_URL`, see `docs/deployment.md`); then it is paused from the start.

By hand: `medimart metabase plan`, `apply`, `check`.
"""

import pendulum
from airflow.sdk import DAG, Asset
from medimart.alerts import dashboards_failed
from medimart.settings import metabase
from medimart.taskgroups import RETRIES, Step

MARTS = Asset(name="marts", uri="medimart://warehouse/marts")

with DAG(
    dag_id="metabase",
    description="Dashboards in Metabase, from their files",
    doc_md=__doc__,
    schedule=[MARTS],
    start_date=pendulum.datetime(2020, 1, 1, tz="Europe/London"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=metabase() is None,
    default_args=RETRIES,
    on_failure_callback=dashboards_failed,
    tags=["medimart", "dashboards"],
):
    Step(
        task_id="apply",
        function="provision_metabase",
        doc_md="Writes what differs; what people have edited is kept and named in the log.",
    )
