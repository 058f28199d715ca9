"""The model graph as Airflow task groups; with Airflow's plugin, all of the package that imports Airflow.

A step is a function of `medimart.pipeline`. As a task it takes the warehouse from Airflow's connection
`medimart`, and fails plainly: what a person must mend is not retried, what may pass by itself is.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import DAG, BaseOperator, TaskGroup, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from medimart.models.manifest import LAST_WEEK, load_manifest

if TYPE_CHECKING:
    import psycopg

CONNECTION = "medimart"
POOL = "warehouse"
LAYERS = ("staging", "intermediate", "marts")
RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "pool": POOL,
}

log = logging.getLogger(__name__)


class Step(BaseOperator):
    """A task that runs `medimart.pipeline.<function>(conn, run, **arguments)` on a connection of its own.

    An operator rather than `@task`: every task process reads its DAG file anew, and this reads in half the time.
    """

    def __init__(self, *, function: str, arguments: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(do_xcom_push=False, **options)
        self.function = function
        self.arguments = arguments or {}

    def execute(self, context: Any) -> None:
        """Carry the step out. What cannot be mended by trying again fails the run now, and says why."""
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        from medimart import db, pipeline
        from medimart.errors import MedimartError, NothingToDo

        run = run_of(context)
        with db.ready(cast("psycopg.Connection[Any]", PostgresHook(CONNECTION).get_conn())) as conn:
            try:
                result = getattr(pipeline, self.function)(conn, run, **self.arguments)
            except NothingToDo as reason:
                raise AirflowSkipException(str(reason)) from None
            except MedimartError as error:
                raise AirflowFailException(str(error)) from None
        if result is not None:
            log.info("%s: %s", self.task_id, result)


def run_of(context: Any) -> Any:
    """What a running task's DAG run is about: its census, id and options, a `pipeline.Run`."""
    from medimart.pipeline import Run, census_of_interval

    run, params = context["dag_run"], context["params"]
    given = params.get("census")
    if given and str(run.run_type) == "backfill":
        raise AirflowFailException(
            "A backfill has one census per run, from its dates: leave the parameter `census` empty. "
            "To build a single census, trigger one run with it."
        )
    end = context.get("data_interval_end")
    published = params.get("input")
    return Run(
        run_id=f"{run.dag_id}/{run.run_id}",
        pipeline=run.dag_id,
        census=date.fromisoformat(given) if given else census_of_interval(end) if end else None,
        full_rebuild=bool(params.get("full_rebuild")),
        stop_on_warning=bool(params.get("stop_on_warning")),
        input=Path(published) if published else None,
    )


def model_groups(pipeline: str, after: BaseOperator) -> list[BaseOperator]:
    """A task group per layer with a task per model, wired by the models' own edges.

    A model that reads no other waits for `after`. What models want of last week is built by one task of the layer,
    `last_week`: the same models once more, as of the census before. Returns each layer's audit, which waits for all
    tasks of its layer.

    The process of a running task reads its DAG file too, and gets that task alone: nothing there asks for others.
    """
    manifest = load_manifest()
    running = get_parsing_context().task_id
    names = manifest.pipeline(pipeline)
    last_week = manifest.ancestors(other for name in names for other in manifest[name].last_week)
    tasks: dict[str, BaseOperator] = {}
    before: list[BaseOperator] = [after]
    for layer in LAYERS:
        with TaskGroup(layer):
            if any(manifest[name].layer == layer for name in last_week):
                tasks[LAST_WEEK + layer] = Step(
                    task_id="last_week",
                    function="build_last_week",
                    arguments={"layer": layer},
                    doc_md=f"Builds what the models want of the week before: {layer}.",
                )
                before >> tasks[LAST_WEEK + layer]
                before = [tasks[LAST_WEEK + layer]]
            for name in names:
                if manifest[name].layer == layer and running in (None, f"{layer}.{name}"):
                    tasks[name] = Step(
                        task_id=name,
                        function="build_model",
                        arguments={"model": name},
                        doc_md=manifest[name].description,
                    )
    for name in (name for name in names if name in tasks):
        model = manifest[name]
        reads = {*model.models, *(LAST_WEEK + manifest[other].layer for other in model.last_week)}
        ([tasks[other] for other in sorted(reads & tasks.keys())] or [after]) >> tasks[name]
    audits: list[BaseOperator] = []
    with TaskGroup("validate"):
        for layer in LAYERS:
            doc = f"Runs the suites of the {layer} models."
            audits.append(Step(task_id=layer, function="validate", arguments={"layer": layer}, doc_md=doc))
            [tasks[name] for name in names if name in tasks and manifest[name].layer == layer] >> audits[-1]
    return audits


def report_on(dag: DAG) -> None:
    """Add the task that writes the run's data-quality page once all tasks that the DAG has so far have ended.

    A teardown: it neither turns a failed run green nor fails a good one.
    """
    everything = dag.tasks
    report = Step(task_id="report", function="report", doc_md="Writes the run's data-quality page, whatever happened.")
    everything >> report.as_teardown()
