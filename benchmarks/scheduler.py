"""What Airflow costs per task: the models of one week by the real scheduler, over the same SQL by psql."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.table import Row

PATIENTS = 1_000
LAYERS = ("staging", "intermediate", "marts")


def measure() -> list[Row]:
    """Seconds that a task costs beyond its SQL, from the first model's start to the last one's end."""
    with tempfile.TemporaryDirectory(prefix="medimart-benchmark-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = {
            **os.environ,
            "MEDIMART_HOME": str(folder / "home"),
            "MEDIMART_LANDING": str(folder / "landing"),
            "MEDIMART_PSEUDONYM_KEY": "5a" * 32,
        }
        environment.pop("MEDIMART_DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scheduler"],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    tasks, by_airflow, by_psql = (float(word) for word in done.stdout.splitlines()[-1].split())
    label = f"{tasks:.0f} models"
    return [
        Row("scheduler: the models by Airflow", label, by_airflow),
        Row("scheduler: the same SQL by psql", label, by_psql),
        Row("scheduler: cost of a task", label, (by_airflow - by_psql) / tasks, target="under 0.15 s"),
    ]


def _measure_here() -> tuple[int, float, float]:
    from medimart.local.runs import run_censuses, running
    from medimart.local.warehouse import warehouse
    from medimart.pipeline import WAITING_LIST
    from medimart.settings import settings
    from medimart.synthetic.generate import generate
    from medimart.synthetic.options import Options
    from rich.console import Console

    options = Options(patients=PATIENTS, weeks=2)
    generate(settings().landing, options)
    console = Console(stderr=True)
    with running("benchmark", [WAITING_LIST], say=lambda text: print(text, file=sys.stderr)) as on:
        for census in (options.until - timedelta(days=7), options.until):  # the first one warms up
            (outcome,) = run_censuses(on, WAITING_LIST, [census], console=console)
            if outcome.state != "success" and outcome.reason:
                raise SystemExit(f"{outcome.reason.task_id}: {outcome.reason.text}")
    models = [task for task in outcome.tasks if task.task_id.split(".")[0] in LAYERS]
    ends = [task.ended_at for task in models if task.ended_at]
    starts = [task.ended_at - timedelta(seconds=task.seconds or 0) for task in models if task.ended_at]
    by_airflow = (max(ends) - min(starts)).total_seconds()
    with warehouse() as url:
        return len(models), by_airflow, _by_psql(url, options.until)


def _by_psql(url: str, census: Any) -> float:
    """Seconds that the same models take one after the other, a psql each."""
    import time

    from medimart import db, landing, pipeline
    from medimart.local.postgres import program
    from medimart.models import build
    from medimart.models.manifest import LAST_WEEK, load_manifest

    manifest = load_manifest()
    names = manifest.pipeline(pipeline.WAITING_LIST)
    with db.connect(url) as conn:
        inputs = landing.inputs(conn, census, pipeline.sources(manifest, pipeline.WAITING_LIST))
        scratch = build.open_build(conn, census, "benchmark", inputs)
        keys = conn.execute("select current_setting('medimart.inner_key'), current_setting('medimart.outer_key')")
        (inner, outer) = keys.fetchone() or ("", "")
        conn.commit()
        options = f"-c medimart.inner_key={inner} -c medimart.outer_key={outer}"
        seconds = 0.0
        for step in build.plan(manifest, names):
            name = step.removeprefix(LAST_WEEK)
            schema = scratch.last_week_schema if step.startswith(LAST_WEEK) else scratch.schema
            statement = f'create unlogged table "{name}" as {manifest.sql(name)}'
            began = time.monotonic()
            subprocess.run(
                [program("psql"), url, "--quiet", "--set", "ON_ERROR_STOP=1"],
                input=statement,
                env={**os.environ, "PGOPTIONS": f"{options} -c search_path={schema},reference"},
                check=True,
                text=True,
                stdout=subprocess.DEVNULL,
            )
            seconds += time.monotonic() - began
            if step.startswith(LAST_WEEK):
                conn.execute(f'create view "{scratch.schema}"."{step}" as select * from "{schema}"."{name}"')
                conn.commit()
        build.close_build(conn, scratch)
    return seconds


if __name__ == "__main__":
    print(*_measure_here())
