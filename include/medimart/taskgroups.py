"""The model graph as Airflow task groups: the one module of the package that imports Airflow.

A step is a function of `medimart.pipeline`. As a task it takes the warehouse from Airflow's connection
`medimart`, and fails plainly: what a person must mend is not retried, what may pass by itself is.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Asset, BaseOperator, TaskGroup, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from medimart.models.manifest import LAST_WEEK, load_manifest

if TYPE_CHECKING:
    import psycopg

CONNECTION = "medimart"
POOL = "warehouse"
RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "pool": POOL,
}


def step(name: str, function: str, doc: str, outlet: Asset | None = None, **arguments: Any) -> BaseOperator:
    """A task that runs `medimart.pipeline.<function>(conn, run, **arguments)` on a connection of its own."""

    @task(task_id=name, doc_md=doc, outlets=[outlet] if outlet else None)
    def carry_out() -> Any:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        from medimart import db, pipeline
        from medimart.errors import MedimartError

        with db.ready(cast("psycopg.Connection[Any]", PostgresHook(CONNECTION).get_conn())) as conn:
            try:
                return getattr(pipeline, function)(conn, current_run(), **arguments)
            except pipeline.NothingLanded as reason:
                raise AirflowSkipException(str(reason)) from None
            except MedimartError as error:
                # Trying again cannot mend an input, a setting or a verdict: the run fails now and says why.
                raise AirflowFailException(str(error)) from None

    made: BaseOperator = carry_out().operator  # type: ignore[attr-defined]
    return made


def current_run() -> Any:
    """What the running task's DAG run is about: its census, id and options, a `pipeline.Run`."""
    from medimart.pipeline import Run, census_of_interval

    context = get_current_context()
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

    A model that reads no other waits for `after`. What a model wants of last week is built by tasks of their
    own, named `last_week_<model>`. Returns each layer's audit, which waits for all tasks of its layer.
    """
    manifest = load_manifest()
    names = manifest.pipeline(pipeline)
    last_week = manifest.order(manifest.ancestors(other for name in names for other in manifest[name].last_week))
    tasks: dict[str, BaseOperator] = {}
    for layer in ("staging", "intermediate", "marts"):
        with TaskGroup(layer):
            for prefix, group in ((LAST_WEEK, last_week), ("", names)):
                for name in group:
                    if manifest[name].layer == layer:
                        tasks[prefix + name] = step(
                            prefix + name, "build_model", manifest[name].description, model=prefix + name
                        )
    for prefix, group in ((LAST_WEEK, last_week), ("", names)):
        for name in group:
            reads = [prefix + other for other in manifest[name].models]
            reads += [LAST_WEEK + other for other in manifest[name].last_week]
            for before in [tasks[other] for other in reads] or [after]:
                before >> tasks[prefix + name]
    with TaskGroup("validate"):
        for layer in ("staging", "intermediate", "marts"):
            audit = step(layer, "validate", f"Runs the suites of the {layer} models.", layer=layer)
            [tasks[name] for name in names if manifest[name].layer == layer] >> audit
            tasks[f"validate.{layer}"] = audit
    return [tasks[f"validate.{layer}"] for layer in ("staging", "intermediate", "marts")]
