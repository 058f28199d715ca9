"""The DAG files: light to read, wired as the models are, each task with its words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from medimart.landing import folder_contracts
from medimart.models.manifest import load_manifest
from medimart.pipeline import census_of_interval
from medimart.settings import PROJECT_ROOT

DAGS = PROJECT_ROOT / "dags"
MANIFEST = load_manifest()
FIRST = {"waiting_list": "check_extracts", "rtt_publication": "check_file"}
LIMIT_SECONDS = 0.3  # of processor time, beyond what Airflow's own imports take

# What Airflow has imported by itself when it comes to read a DAG file.
READ = """
import sys, time
import airflow.dag_processing.dagbag, airflow.sdk, airflow.sdk.execution_time.task_runner
import airflow.timetables.interval, pendulum
began = time.process_time()
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), {"__name__": "dag", "__doc__": ""})
print(time.process_time() - began)
"""


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The DAGs as Airflow reads them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(DAGS))
        assert bag.import_errors == {}
        yield bag.dags


def test_there_is_a_dag_a_pipeline_and_one_for_metabase(dags: dict[str, Any]) -> None:
    assert dags.keys() == {"waiting_list", "rtt_publication", "metabase"}


def test_metabase_follows_each_publication_where_there_is_one(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    [published] = dags["waiting_list"].get_task("publish").outlets
    assert [asset.uri for asset in dags["metabase"].timetable.asset_condition.objects] == [published.uri]
    assert dags["metabase"].is_paused_upon_creation
    monkeypatch.setenv("MEDIMART_METABASE_URL", "http://metabase:3000")
    assert DagBag(str(DAGS)).dags["metabase"].is_paused_upon_creation is False


@pytest.mark.parametrize("name", ["waiting_list", "rtt_publication", "metabase"])
def test_a_dag_file_is_light(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
    command = [sys.executable, "-W", "ignore", "-c", READ, str(DAGS / f"{name}.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) < LIMIT_SECONDS


@pytest.mark.parametrize("pipeline", ["waiting_list", "rtt_publication"])
def test_tasks_are_wired_as_the_models_are(dags: dict[str, Any], pipeline: str) -> None:
    names = MANIFEST.pipeline(pipeline)
    tasks = {task.task_id: task for task in dags[pipeline].tasks}
    for name in names:
        model = MANIFEST[name]
        expected = {f"{MANIFEST[other].layer}.{other}" for other in model.models}
        expected |= {f"{MANIFEST[other].layer}.last_week" for other in model.last_week}
        assert tasks[f"{model.layer}.{name}"].upstream_task_ids == (expected or {"load.reconcile"})
    for layer in ("staging", "intermediate", "marts"):
        built = {f"{layer}.{name}" for name in names if MANIFEST[name].layer == layer}
        assert tasks[f"validate.{layer}"].upstream_task_ids == built
    assert tasks["publish"].upstream_task_ids == {"validate.staging", "validate.intermediate", "validate.marts"}
    assert tasks["publish"].outlets
    assert [task_id for task_id, task in tasks.items() if not task.upstream_task_ids] == [f"load.{FIRST[pipeline]}"]


@pytest.mark.parametrize("dag_id", ["waiting_list", "rtt_publication"])
def test_the_report_waits_for_every_task_and_decides_nothing(dags: dict[str, Any], dag_id: str) -> None:
    dag = dags[dag_id]
    report = dag.get_task("report")
    assert report.upstream_task_ids == {task.task_id for task in dag.tasks} - {"report"}
    assert report.is_teardown
    assert not report.on_failure_fail_dagrun


def test_a_task_a_source_checked_before_and_counted_after(dags: dict[str, Any]) -> None:
    loads = {f"load.{contract.source}" for contract in folder_contracts()}
    for task_id in loads:
        assert dags["waiting_list"].get_task(task_id).upstream_task_ids == {"load.check_extracts"}
    assert dags["waiting_list"].get_task("load.reconcile").upstream_task_ids == loads


def test_last_week_is_built_layer_by_layer_before_who_reads_it(dags: dict[str, Any]) -> None:
    waiting_list = dags["waiting_list"]
    assert waiting_list.get_task("staging.last_week").upstream_task_ids == {"load.reconcile"}
    assert waiting_list.get_task("intermediate.last_week").upstream_task_ids == {"staging.last_week"}


@pytest.mark.parametrize("dag_id", ["waiting_list", "rtt_publication", "metabase"])
def test_what_every_dag_and_task_promises(dags: dict[str, Any], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.doc_md
    assert dag.description
    assert dag.has_on_failure_callback
    for task in dag.tasks:
        assert task.doc_md, task.task_id
        assert task.pool == "warehouse"
        assert task.retries == 2
        assert task.retry_exponential_backoff


def test_a_week_has_its_deadline_its_interval_and_its_parameters(dags: dict[str, Any]) -> None:
    waiting_list = dags["waiting_list"]
    assert waiting_list.deadline
    assert waiting_list.timetable.summary == "0 6 * * MON"
    assert set(waiting_list.params) == {"census", "full_rebuild", "stop_on_warning"}
    assert set(dags["rtt_publication"].params) == {"input", "stop_on_warning"}


def test_a_running_task_reads_itself_alone(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "waiting_list")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "marts.fct_waitlist")
    alone = DagBag(str(DAGS)).dags["waiting_list"]
    wanted = dags["waiting_list"].get_task("marts.fct_waitlist")
    found = alone.get_task("marts.fct_waitlist")
    assert (found.function, found.arguments) == (wanted.function, wanted.arguments)
    assert not alone.has_task("marts.fct_referral")


@pytest.mark.parametrize(
    ("end", "census"),
    [
        ("2026-03-23T06:00:00+00:00", date(2026, 3, 22)),
        ("2026-03-30T05:00:00+00:00", date(2026, 3, 29)),  # summer time has begun: 06:00 in London
        ("2026-04-06T05:00:00+00:00", date(2026, 4, 5)),
        ("2026-10-26T06:00:00+00:00", date(2026, 10, 25)),
    ],
)
def test_the_census_is_the_sunday_before_the_interval_ends(end: str, census: date) -> None:
    assert census_of_interval(datetime.fromisoformat(end)) == census


def test_a_backfill_refuses_one_census_for_all_its_runs() -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from medimart.taskgroups import run_of

    run = SimpleNamespace(dag_id="waiting_list", run_id="backfill__1", run_type="backfill")
    context = {"dag_run": run, "params": {"census": "2026-03-22"}, "data_interval_end": None}
    with pytest.raises(AirflowFailException, match="leave the parameter `census` empty"):
        run_of(context)
    assert run_of({**context, "dag_run": SimpleNamespace(**{**vars(run), "run_type": "manual"})}).census == date(
        2026, 3, 22
    )
